# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""What the README shows of Elasticsearch is run, in its order, against the real server."""

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
README = (ROOT / "README.md").read_text(encoding="utf-8")
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
    section = README.partition("## Elasticsearch\n")[2].partition("\n## ")[0]
    blocks = re.findall(r"^```(\w+)\n(.*?)^```$", section, flags=re.DOTALL | re.MULTILINE)
    assert [language for language, _ in blocks] == ["bash", "bash", "python", "text"]
    assert blocks[0][1] == "make elasticsearch\n"

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

    indexed, found, answered, table = map(run, map(here, blocks[1][1].splitlines()))
    assert f"index {index} contains 185 passages" in indexed
    assert client.count(index=index)["count"] == 185
    assert found.startswith(" 1. Dune ")
    assert "BM25: rank" in answered
    assert re.search(r"^hybrid( +\d+\.\d \(\d+\.\d-\d+\.\d\)){4}", table, flags=re.MULTILINE)
    (tmp_path / "program.py").write_text(here(blocks[2][1]), encoding="utf-8")
    assert run(f"{sys.executable} program.py") == blocks[3][1]


def test_make_starts_what_the_tests_start() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    recipe = re.search(r"^elasticsearch:\n\t@(.*)$", makefile, flags=re.MULTILINE)
    assert recipe is not None
    assert recipe.group(1).startswith("$(PYTHON) $(ES_SERVER) start")
    assert "ES_SERVER := tools/elasticsearch/server.py" in makefile
    assert "ES_PORT ?= 19200" in makefile
