# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Environment, marks and workers of all tests.

Variables are set before any import: no test calls a model hub or telemetry.
"""

import os
from typing import Any

import pytest

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("HAYSTACK_TELEMETRY_ENABLED", "False")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ.setdefault("NUMBA_DISABLE_JIT", "1")  # of ranx: compiling takes longer than what it computes here

IS_WORKER = "PYTEST_XDIST_WORKER" in os.environ  # of `pytest -n`
if IS_WORKER:  # threads of several workers would wait for each other
    os.environ.setdefault("OMP_NUM_THREADS", "1")

pytest_plugins = ["support.workspace", "support.answering"]

# Made once for all tests, but in several seconds: a quickstart workspace, and readers that are trained.
SLOW_FIXTURES = {"workspace_root", "readers"}
# Workers begin with these: if they came late, one worker would end long after the others. What is last in integration
# needs the readers, which the worker with the first file makes meanwhile.
LONGEST = ("tests/test_docs.py", "tests/integration/test_elasticsearch", "tests/integration/")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test that needs a slow fixture as slow, before pytest selects by marks; long files come first."""
    for item in items:
        if SLOW_FIXTURES.intersection(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.slow)
    if IS_WORKER:
        items.sort(key=lambda item: [not item.nodeid.startswith(start) for start in LONGEST])


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Distribute whole files, and the tests of Elasticsearch as one: fixtures and servers are made once."""
    from support.workers import FilesTogether

    config.option.loadscopereorder = False  # the order is that of the tests, see above
    return FilesTogether(config, log)
