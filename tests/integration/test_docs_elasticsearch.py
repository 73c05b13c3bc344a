# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""What README.md and docs/elasticsearch.md show of Elasticsearch is run, in order, against a real server."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from elasticsearch import Elasticsearch

pytestmark = pytest.mark.integration

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "elasticsearch.md").read_text(encoding="utf-8")
ADDRESS, INDEX = "http://127.0.0.1:19200", "--index demo"


def test_its_commands_and_its_program(
    elasticsearch_url: str,
    client: Elasticsearch,
    index: str,
    answering_root: Path,
    readers: tuple[Path, Path],
    tmp_path: Path,
) -> None:
    (tmp_path / "demo").symlink_to(answering_root)
    (tmp_path / "my-reader").symlink_to(readers[1])
    blocks = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE, flags=re.DOTALL | re.MULTILINE)
    assert [language for language, _ in blocks] == ["bash", "bash", "bash", "python", "text"]
    assert blocks[1][1] == "make elasticsearch\n"

    def here(text: str) -> str:
        assert ADDRESS in text
        return (
            text.replace(ADDRESS, elasticsearch_url)
            .replace(INDEX, f"--index {index}")
            .replace('index="demo"', f'index="{index}"')
        )

    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}

    def run(command: str) -> str:
        done = subprocess.run(
            command,
            shell=True,
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    indexed, found, answered, table = map(run, map(here, blocks[2][1].splitlines()))
    assert f"index {index} contains 185 passages" in indexed
    assert client.count(index=index)["count"] == 185
    assert found.startswith(" 1. Dune ")
    assert "BM25: rank" in answered
    assert re.search(r"^hybrid( +\d+\.\d \(\d+\.\d-\d+\.\d\)){4}", table, flags=re.MULTILINE)
    (tmp_path / "program.py").write_text(here(blocks[3][1]), encoding="utf-8")
    assert run(f"{sys.executable} program.py") == blocks[4][1]


def test_other_pages_show_only_commands_that_are_run_here() -> None:
    pages = [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]
    shown = {
        line
        for page in pages
        for line in page.read_text(encoding="utf-8").splitlines()
        if line.startswith("dpr-haystack ") and "--elasticsearch" in line
    }
    assert shown == {line for line in PAGE.splitlines() if line.startswith("dpr-haystack ")}
    programs = [page.name for page in pages if re.search(r"^from .*lasticsearch", page.read_text(), flags=re.MULTILINE)]
    assert programs == ["elasticsearch.md"]


def test_make_starts_what_the_tests_start() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    recipe = re.search(r"^elasticsearch:\n\t@(.*)$", makefile, flags=re.MULTILINE)
    assert recipe is not None
    assert recipe.group(1).startswith("$(PYTHON) $(ES_SERVER) start")
    assert "ES_SERVER := tools/elasticsearch/server.py" in makefile
    assert "ES_PORT ?= 19200" in makefile
