# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Everything that README.md, docs/ and the examples show is run, page by page, in the order in which it is shown."""

import gzip
import json
import os
import re
import socket
import subprocess
import sys
import time
import tomllib
import urllib.request
from pathlib import Path
from typing import NamedTuple

import pytest
import torch
import yaml
from haystack import Pipeline
from safetensors.torch import load_file

from dpr_haystack.core.passages import make_passage
from dpr_haystack.formats.beir import write_beir
from dpr_haystack.formats.examples import read_examples
from dpr_haystack.formats.jsonl import read_jsonl
from dpr_haystack.formats.kinds import known_suffixes
from dpr_haystack.formats.question import Question
from dpr_haystack.formats.questions import read_questions
from dpr_haystack.workflows.training.config import read_config
from dpr_haystack.workflows.training.reader_loading import load_reader_set
from support.checkpoints import tiny_dpr

ROOT = Path(__file__).resolve().parents[1]
# Later pages use what the commands of earlier ones have written.
PAGES = (
    "README.md",
    *(
        f"docs/{name}.md"
        for name in ("search", "evaluation", "answers", "training", "pipelines", "elasticsearch", "migration")
    ),
    "docs/benchmarks.md",
)
LINKED = (*PAGES, "CHANGELOG.md", "CONTRIBUTING.md", "examples/squad/README.md")
README_LINES = 250
CHAT = ("agent.py", "rag_pipeline.py")  # they need a chat model: test_chat_examples.py
BIN = Path(sys.executable).parent
ENVIRONMENT = {**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}", "HF_HUB_OFFLINE": "1"}
EVALUATE = "dpr-haystack evaluate --store my-store --questions demo/questions.jsonl"
NUMBER = re.compile(r"[+-]?\d+\.\d+")


class Block(NamedTuple):
    """A fenced block of a page; ``below`` is the text block right behind it, if there is one."""

    page: str
    language: str
    text: str
    below: str | None


def blocks_of(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    found = re.findall(r"^```(\w+)\n(.*?)^```$", text, flags=re.DOTALL | re.MULTILINE)
    followers = [*found[1:], ("", "")]
    return [
        Block(page, language, text, below if next_language == "text" else None)
        for (language, text), (next_language, below) in zip(found, followers, strict=True)
    ]


BLOCKS = [block for page in PAGES for block in blocks_of(page)]


def lines_of(block):
    """The commands of a shell block; a backslash at the end of a line continues it."""
    return [" ".join(line.split()) for line in block.text.replace("\\\n", " ").splitlines()]


SHELL_LINES = [line for block in BLOCKS if block.language == "bash" for line in lines_of(block)]


def run(command, folder):
    done = subprocess.run(
        command, check=False, shell=True, cwd=folder, env=ENVIRONMENT, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def squad(articles):
    """A small file of SQuAD's format."""
    paragraphs = [
        {
            "context": text,
            "qas": [{"id": f"{title}", "question": question, "answers": [{"text": answer, "answer_start": 0}]}],
        }
        for title, text, question, answer in articles
    ]
    return {"version": "1.1", "data": [{"title": "Things", "paragraphs": paragraphs}]}


@pytest.fixture(scope="module")
def folder(tmp_path_factory, readers):
    """The reader's working directory, with the files that the pages presuppose: SQuAD, a reader, a saved retriever."""
    folder = tmp_path_factory.mktemp("docs")
    save_as_haystack_1(folder / "dpr")
    (folder / "my-reader").symlink_to(readers[1])
    passages = [make_passage("", text, {}, name) for name, text in (("d1", "Cells divide."), ("d2", "Bones grow."))]
    write_beir(folder / "scifact", passages, [Question("Do cells divide?", (), ("d1",), "q1", {"d1": 2, "d2": -1})])
    for name, articles in {
        "train-v1.1.json.gz": [("a", "The Danube flows through Ulm.", "What flows through Ulm?", "The Danube")],
        "dev-v1.1.json.gz": [("b", "The Rhine flows through Basel.", "What flows through Basel?", "The Rhine")],
    }.items():
        (folder / name).write_bytes(gzip.compress(json.dumps(squad(articles)).encode()))
    return folder


def save_as_haystack_1(folder):
    """Write two DPR encoders under the file names that Haystack 1's ``DensePassageRetriever.save`` used."""
    for seed, (part, name) in enumerate((("question", "query_encoder"), ("passage", "passage_encoder"))):
        saved = tiny_dpr(folder / name, part, seed=seed)
        torch.save(load_file(saved / "model.safetensors"), saved / "language_model.bin")
        (saved / "model.safetensors").unlink()
        config = json.loads((saved / "config.json").read_text(encoding="utf-8"))
        (saved / "config.json").unlink()
        config |= {"name": f"DPR{part.title()}Encoder", "language": "english"}
        (saved / "language_model_config.json").write_text(json.dumps(config), encoding="utf-8")


@pytest.fixture(scope="module")
def outputs(folder):
    """The output of every command of the pages, each run once, in order."""
    commands = [
        line for line in SHELL_LINES if line.startswith(("dpr-haystack ", "mv ")) and "--elasticsearch" not in line
    ]
    assert len(commands) >= 20
    return {command: run(command, folder) for command in dict.fromkeys(commands)}


def test_every_page_is_read():
    assert {f"docs/{path.name}" for path in (ROOT / "docs").iterdir()} == set(PAGES[1:])
    assert {block.language for block in BLOCKS} == {"bash", "python", "text", "yaml", "json"}


@pytest.mark.parametrize("page", ["README.md", "docs/search.md"])
def test_the_files_that_can_be_indexed_are_listed(page):
    text = " ".join((ROOT / page).read_text(encoding="utf-8").split())
    assert f"`index` reads {known_suffixes()}" in text


def test_every_shell_command_is_one_that_is_run_here_or_by_ci():
    ci = (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    for line in SHELL_LINES:
        if line == "make elasticsearch":
            continue  # starts what tests/integration starts, where the commands that need it are run
        if line.startswith("make "):
            assert line in ci
        elif line.startswith("pip install "):
            match = re.fullmatch(r'pip install -c constraints\.txt "\.\[(\w+)\]"', line)
            assert match is not None
            assert match.group(1) in extras
        else:
            assert line.startswith(("dpr-haystack ", "mv ", "curl ")) or line in ("cd demo", "hayhooks run")


@pytest.mark.slow
def test_text_below_commands_is_what_they_print(outputs):
    shown = [(lines_of(block)[-1], block.below) for block in BLOCKS if block.language == "bash" and block.below]
    assert len(shown) == 3
    assert shown[0][0] == EVALUATE
    for command, text in shown:
        assert_printed(text, outputs[command])


def assert_printed(shown, printed):
    """Lines of text are lines of the output, in one piece; figures may differ a little."""
    wanted, lines = [[line for line in text.splitlines() if line.strip()] for text in (shown, printed)]
    plain, among = [[NUMBER.sub("#", line.replace("p<", "p=")).split() for line in text] for text in (wanted, lines)]
    start = next(number for number in range(len(among)) if among[number : number + len(plain)] == plain)
    expected, got = [NUMBER.findall("\n".join(text)) for text in (wanted, lines[start : start + len(plain)])]
    # Processors without bfloat16 compute in float32, which may swap passages of nearly equal scores.
    for left, right in zip(expected, got, strict=True):
        is_fraction = len(left.partition(".")[2]) == 4
        assert float(right) == pytest.approx(float(left), abs=0.05 if is_fraction else 5.0)


@pytest.mark.slow
def test_evaluate_writes_its_files(outputs, folder):
    for name in ("ranks.jsonl", "run.trec", "found.json"):
        assert (folder / "demo" / name).stat().st_size > 0
    assert (folder / "demo" / "accuracy.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.slow
def test_python_blocks_print_what_stands_below_them(folder, outputs):
    here, page, programs, folders = folder, "", 0, set()
    for block in BLOCKS:
        if block.page != page:
            here, page = folder, block.page
        if block.language == "bash" and block.text == "cd demo\n":
            here = folder / "demo"
        if block.language != "python" or "lasticsearch" in block.text:
            continue
        programs += 1
        script = folder / f"block_{programs}.py"
        script.write_text(block.text, encoding="utf-8")
        assert run(f"{sys.executable} {script}", here) == (block.below or ""), block.page
        folders.add(here)
    assert programs >= 5
    assert folders == {folder, folder / "demo"}


@pytest.mark.slow
def test_a_retriever_that_haystack_1_saved_keeps_its_weights(outputs, folder):
    for part, name in (("question", "query_encoder"), ("passage", "passage_encoder")):
        saved = torch.load(folder / "dpr" / name / "pytorch_model.bin", weights_only=True)
        converted = load_file(folder / "converted" / part / "model.safetensors")
        assert converted.keys() == saved.keys()
        assert all(torch.equal(converted[key], saved[key]) for key in saved)


def test_every_text_block_stands_below_what_prints_it():
    below = [block.below for block in BLOCKS if block.language in ("bash", "python") and block.below]
    assert below == [block.text for block in BLOCKS if block.language == "text"]


@pytest.mark.slow
def test_yaml_blocks_are_pipelines_or_training_configurations(tmp_path):
    texts = [block.text for block in BLOCKS if block.language == "yaml"]
    assert len(texts) >= 3
    for text in texts:
        if "components" in yaml.safe_load(text):
            assert Pipeline.loads(text).graph.nodes
        else:
            file = tmp_path / "training.yml"
            file.write_text(text, encoding="utf-8")
            assert read_config(file).as_settings().items() >= yaml.safe_load(text).items()


@pytest.mark.slow
def test_json_blocks_are_passages_questions_or_examples(tmp_path):
    texts = [block.text for block in BLOCKS if block.language == "json"]
    assert len(texts) >= 2
    for text in texts:
        file = tmp_path / "lines.jsonl"
        file.write_text(text, encoding="utf-8")
        names = json.loads(text)
        if "ctxs" in names:
            assert len(load_reader_set([str(file)]).rows[0].positives) == 1
            continue
        read = list((read_questions if "question" in names else read_examples if "pos" in names else read_jsonl)(file))
        assert len(read) == 1


def test_readme_is_short():
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= README_LINES


def test_no_table_stands_twice():
    """A table is known by its head and first row, or as a text block."""
    row = r"^\|.*\|\n"
    tables = [
        table for page in PAGES for table in re.findall(f"{row}{row}{row}", without_blocks(page), flags=re.MULTILINE)
    ]
    assert len(tables) >= 12
    texts = [block.text for block in BLOCKS if block.language == "text" and len(block.text.splitlines()) > 3]
    for shown in (tables, texts):
        assert len(set(shown)) == len(shown)


def without_blocks(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    return re.sub(r"^```.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE)


def anchors_of(path):
    """The anchors of a Markdown file, as GitHub makes them of its headings."""
    headings = re.findall(r"^#+ (.*)$", without_blocks(path), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", LINKED)
def test_relative_links_lead_somewhere(page):
    for link in re.findall(r"\]\(([^)\s]+)\)", without_blocks(page)):
        if link.startswith(("https://", "http://")):
            continue
        target, _, anchor = link.partition("#")
        path = ((ROOT / page).parent / target).resolve() if target else ROOT / page
        assert path.exists(), link
        if anchor:
            assert anchor in anchors_of(path), link


def test_every_page_is_linked_from_the_readme():
    text = without_blocks("README.md")
    assert [page for page in PAGES[1:] if f"]({page})" not in text] == []


def test_first_screen_is_the_example():
    example = (ROOT / "examples" / "hybrid_search.py").read_text(encoding="utf-8")
    first = next(block for block in BLOCKS if block.language == "python")
    assert first.page == "README.md"
    assert example.endswith(first.text)


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted({path.name for path in (ROOT / "examples").glob("*.py")}.difference(CHAT)))
def test_examples_print_what_they_say(name, tmp_path):
    printed = run(f"{sys.executable} {ROOT / 'examples' / name}", tmp_path)
    docstring = (ROOT / "examples" / name).read_text(encoding="utf-8").split('"""')[1]
    promised = docstring.split("Prints:")[1]
    if name == "hybrid_search.py":
        promised = next(block.below for block in BLOCKS if block.language == "python")
    expected = [line.strip() for line in promised.splitlines() if line.strip()]
    assert [line.strip() for line in printed.splitlines()] == expected


@pytest.mark.slow
@pytest.mark.integration
def test_curl_line_gets_an_answer(folder, outputs):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {**ENVIRONMENT, "HAYHOOKS_PORT": str(port), "HAYHOOKS_HOST": "127.0.0.1"}
    curls = [line for line in SHELL_LINES if line.startswith("curl ")]
    assert len(curls) == 2
    (serve,) = [line for line in SHELL_LINES if line.startswith("hayhooks ")]
    with (folder / "hayhooks.log").open("w") as log:
        server = subprocess.Popen(
            [str(BIN / "hayhooks"), *serve.split()[1:]], cwd=folder / "demo", env=environment, stdout=log, stderr=log
        )
    try:
        _wait_for(f"http://127.0.0.1:{port}/status", server)
        for curl in curls:
            command = curl.replace("localhost:1416", f"127.0.0.1:{port}").replace("curl ", "curl -s ")
            result = json.loads(run(command, folder))["result"]
            assert "Dune" in json.dumps(result.get("hybrid", result)["documents"][0])
    finally:
        server.terminate()
        server.wait(20)


def _wait_for(url, server, seconds=90):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        assert server.poll() is None, "hayhooks ended by itself"
        try:
            with urllib.request.urlopen(url, timeout=2) as response:
                if response.status == 200:
                    return
        except OSError:
            time.sleep(0.3)
    raise TimeoutError(url)
