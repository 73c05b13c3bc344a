# The same targets work locally and in CI. Everything goes into .venv and demo, which git ignores.
PYTHON ?= python3
BIN := .venv/bin
SQUAD ?=
ES_PORT ?= 19200
ES_VERSION ?=
ES_NEWEST := 9.5.2
BENCH_PORT ?= 19201
# Processes that run tests; each takes whole files. 0: none but pytest itself.
WORKERS ?= 2
ES_SERVER := tools/elasticsearch/server.py

# Where this is set, every process compiles torch and transformers again, which takes most of its start.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help setup quickstart check quick test test-newest test-all lint fix bench wheel clean elasticsearch elasticsearch-stop

help:
	@echo "make quickstart   install, make the workspace demo/ and ask it 40 questions"
	@echo "make check        lint, types and the quick tests, in about two minutes; before every commit"
	@echo "make test         install, run all tests in two processes (WORKERS=N: in N) and show their coverage"
	@echo "make test-newest  the tests of every query and mapping on Elasticsearch $(ES_NEWEST)"
	@echo "make test-all     all tests with Elasticsearch 8.19, and all that use a server with $(ES_NEWEST)"
	@echo "make lint         ruff, mypy, import contracts, docstrings"
	@echo "make fix          let ruff fix what it can"
	@echo "make bench        benchmarks, side by side with peers; SQUAD=DIR with SQuAD's two files adds the encoder's and the reader's"
	@echo "make wheel        build the wheel and try it in an environment of its own"
	@echo "make elasticsearch, make elasticsearch-stop"
	@echo "                  a real server on loopback; ES_PORT=N on another port than 19200, ES_VERSION=$(ES_NEWEST) of another"
	@echo "                  version than 8.19, ELASTIC_PASSWORD=... with security"

setup: .venv/installed

.venv/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install -q -c constraints.txt uv
	$(BIN)/uv pip install -q --python $(BIN)/python -c constraints.txt -e ".[all]" --group dev
	@touch $@

quickstart: setup
	$(BIN)/dpr-haystack quickstart demo

check: setup lint quick

quick: setup
	$(BIN)/python -m pytest -q -m "not slow and not integration"

test: setup
	$(BIN)/python -m pytest -n $(WORKERS) --cov --cov-report=term:skip-covered

# The marked tests send every kind of request; what they leave out is mostly errors.
test-newest: setup
	DPR_HAYSTACK_ELASTICSEARCH_VERSION=$(ES_NEWEST) $(BIN)/python -m pytest -m each_version \
		--cov=dpr_haystack.engines.elasticsearch --cov=dpr_haystack.backends.elasticsearch \
		--cov-report=term:skip-covered --cov-fail-under=80

test-all: test
	DPR_HAYSTACK_ELASTICSEARCH_VERSION=$(ES_NEWEST) $(BIN)/python -m pytest -m integration

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python tools/docstrings.py src/dpr_haystack

fix: setup
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: setup
	$(BIN)/python benchmarks/store.py
	$(if $(SQUAD),$(BIN)/python benchmarks/encode.py --squad $(SQUAD)/train-v1.1.json.gz --dev $(SQUAD)/dev-v1.1.json.gz)
	$(if $(SQUAD),$(BIN)/python benchmarks/reader.py --squad $(SQUAD)/dev-v1.1.json.gz)
	@if $(PYTHON) $(ES_SERVER) means; then \
		$(PYTHON) $(ES_SERVER) start --port $(BENCH_PORT) && \
		$(BIN)/python benchmarks/elasticsearch.py --elasticsearch http://127.0.0.1:$(BENCH_PORT); \
		status=$$?; $(PYTHON) $(ES_SERVER) stop --port $(BENCH_PORT) --remove; exit $$status; \
	fi

wheel: setup
	$(BIN)/python tools/try_wheel.py

elasticsearch:
	@$(PYTHON) $(ES_SERVER) start --port $(ES_PORT) $(if $(ES_VERSION),--version $(ES_VERSION))

elasticsearch-stop:
	@$(PYTHON) $(ES_SERVER) stop --port $(ES_PORT)

clean:
	rm -rf .venv demo dist
