# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Importing the package, or asking for help, loads nothing heavy; using a public name does."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

import dpr_haystack
from dpr_haystack.cli import COMMANDS, make_parser

HEAVY = ("torch", "transformers", "faiss", "tantivy", "haystack", "sentence_transformers", "elasticsearch", "numpy")
# Not torch: haystack.utils loads it on its own account.
MODEL_LIBRARIES = {"transformers", "faiss", "sentence_transformers", "elasticsearch"}
COMMAND = Path(sys.executable).with_name("dpr-haystack")


def loaded_after(code: str, names: tuple[str, ...] = HEAVY) -> set[str]:
    """Which heavy modules a fresh process holds after running some code; its own output is thrown away."""
    script = f"""
import contextlib, io, json, sys
with contextlib.redirect_stdout(io.StringIO()):
    try:
{"".join(f"        {line}" + chr(10) for line in code.splitlines())}
    except SystemExit:
        pass
print(json.dumps([name for name in {names!r} if name in sys.modules]))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout))


@pytest.mark.parametrize(
    "code",
    [
        "import dpr_haystack",
        "import dpr_haystack; dir(dpr_haystack); dpr_haystack.__version__",
        "import dpr_haystack.cli",
        "from dpr_haystack.cli import main; main(['--help'])",
        "from dpr_haystack.cli import main; main(['index', '--help'])",
        "from dpr_haystack.cli import main; main(['search', 'q'])",
        "from dpr_haystack import errors, _optional, resources",
    ],
)
def test_nothing_heavy_is_loaded(code: str) -> None:
    assert loaded_after(code) == set()


def test_the_list_of_commands_loads_only_what_it_needs() -> None:
    names = ("regex", "ijson", "importlib.metadata", "dpr_haystack.formats")
    assert loaded_after("from dpr_haystack.cli import main; main(['--help'])", names) == set()
    assert "dpr_haystack.formats" in loaded_after("from dpr_haystack.cli import main; main(['index', '--help'])", names)


@pytest.mark.slow
def test_a_public_name_loads_haystack_but_no_model_library() -> None:
    assert loaded_after("from dpr_haystack import DPRHybridRetriever, FAISSDocumentStore") >= {"haystack"}
    every = "; ".join(f"dpr_haystack.{name}" for name in dpr_haystack.__all__)
    assert loaded_after(f"import dpr_haystack; {every}").isdisjoint(MODEL_LIBRARIES)


@pytest.mark.slow
def test_constructing_components_loads_no_model_library() -> None:
    code = """
from dpr_haystack import *
store = FAISSDocumentStore('nowhere', embedding_dim=8)
DPRTextEmbedder('nowhere'), DPRDocumentEmbedder('nowhere'), DPRRetriever(store, 'nowhere')
DPRHybridRetriever(store, 'nowhere'), DPRReader('nowhere')
FAISSBM25Retriever(store), FAISSEmbeddingRetriever(document_store=store)
"""
    assert loaded_after(code).isdisjoint(MODEL_LIBRARIES)
    assert not Path("nowhere").exists()


def test_every_public_name_resolves() -> None:
    assert list(dpr_haystack.__all__) == sorted(dpr_haystack.__all__)
    assert set(dir(dpr_haystack)) == set(dpr_haystack.__all__)
    for name in dpr_haystack.__all__:
        value = getattr(dpr_haystack, name)
        assert name == "__version__" or value.__name__ == name
    with pytest.raises(AttributeError, match="Retriver"):
        dpr_haystack.DPRRetriver  # noqa: B018


def test_the_installed_version_is_the_one_of_the_package() -> None:
    from importlib.metadata import version

    assert dpr_haystack.__version__ == version("dpr-haystack")
    done = subprocess.run([COMMAND, "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == f"dpr-haystack {dpr_haystack.__version__}\n"


def test_help_comes_at_once() -> None:
    took = []
    for _ in range(5):
        started = time.perf_counter()
        done = subprocess.run([COMMAND, "--help"], capture_output=True, text=True, check=True)
        took.append(time.perf_counter() - started)
    assert done.stderr == ""
    assert all(f"\n    {name} " in done.stdout or f"\n    {name}\n" in done.stdout for name in COMMANDS)
    assert min(took) < 1


def test_the_help_of_every_command_has_an_example_that_parses() -> None:
    import shlex

    parser = make_parser()
    subparsers: Any = parser._subparsers
    commands = subparsers._group_actions[0].choices  # argparse has no other way to ask
    assert list(commands) == list(COMMANDS)
    for name, command in commands.items():
        text = command.format_help()
        example = text.split("example: ")[1].strip()
        assert example.startswith(f"dpr-haystack {name} ")
        assert command.description.strip()
        there = {"demo/questions.jsonl", "dev.jsonl", "train.jsonl"}  # files that have to exist
        words = [__file__ if word in there else word for word in shlex.split(example)[1:]]
        assert parser.parse_args(words).command == name
