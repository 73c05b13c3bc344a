# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""tools/elasticsearch without a server: the JDK for each version, and what is said where none can be started."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

TOOLS = Path(__file__).parents[1] / "tools" / "elasticsearch"


@pytest.fixture
def jdk(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The module that finds a JDK, on a machine where nothing names one."""
    monkeypatch.syspath_prepend(str(TOOLS))
    for name in [name for name in os.environ if "JAVA_HOME" in name]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PATH", "/bin/none")
    module = importlib.import_module("jdk")
    monkeypatch.setattr(module, "_USUAL_PLACES", ())
    return module


@pytest.fixture
def installed(tmp_path: Path) -> Callable[[str], Path]:
    """Makes the folder of a JDK whose compiler says that it has this version."""

    def make(version: str, place: str = "jdks") -> Path:
        home = tmp_path / place / f"jdk-{version}"
        (home / "bin").mkdir(parents=True)
        javac = home / "bin" / "javac"
        javac.write_text(f"#!/bin/sh\necho 'javac {version}'\n")
        javac.chmod(0o755)
        return home

    return make


def test_the_first_named_jdk_that_is_new_enough_is_used(
    jdk: Any, installed: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    old, middle, new = installed("17.0.15"), installed("21.0.2"), installed("25")
    assert jdk.fitting_jdk(17) is None
    monkeypatch.setenv("JAVA_HOME_25_X64", str(new))
    monkeypatch.setenv("JAVA_HOME_21_X64", str(middle))
    assert jdk.fitting_jdk(17) == (middle, 21)
    monkeypatch.setenv("PATH", str(new / "bin"), prepend=":")
    assert jdk.fitting_jdk(17) == (new, 25)
    monkeypatch.setenv("JAVA_HOME", str(old))
    assert jdk.fitting_jdk(17) == (old, 17)
    assert jdk.fitting_jdk(21) == (new, 25)
    monkeypatch.setenv("ES_JAVA_HOME", str(middle))
    assert jdk.fitting_jdk(21) == (middle, 21)
    assert jdk.fitting_jdk(26) is None


def test_the_oldest_jdk_in_the_usual_places_that_is_new_enough_is_used(
    jdk: Any, installed: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    homes = {version: installed(version) for version in ("25", "8.0.1", "17.0.15", "21.0.2")}
    (tmp_path / "jdks" / "jre" / "bin").mkdir(parents=True)
    monkeypatch.setattr(jdk, "_USUAL_PLACES", (f"{tmp_path}/jdks/*", f"{tmp_path}/none/*"))
    assert jdk.fitting_jdk(17) == (homes["17.0.15"], 17)
    assert jdk.fitting_jdk(21) == (homes["21.0.2"], 21)
    assert jdk.fitting_jdk(22) == (homes["25"], 25)
    assert len(jdk.jdks_found()) == 4


def tool(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """The tool, in a process of its own."""
    line = [sys.executable, str(TOOLS / "server.py"), *words]
    return subprocess.run(line, env=environment, capture_output=True, text=True, check=False)


def test_where_there_are_no_means_the_tool_says_what_it_needs(
    tmp_path: Path, installed: Callable[[str, str], Path]
) -> None:
    place = {"PATH": str(tmp_path), "HOME": str(tmp_path)}
    ran = tool("means", "--version", "9.5.2", **place)
    assert (ran.returncode, ran.stdout) == (3, "")
    assert "Elasticsearch 9.5.2 cannot be started here, mvn was not found" in ran.stderr
    assert "JDK of version 21 or later" in ran.stderr
    ran = tool("means", DPR_HAYSTACK_ELASTICSEARCH_VERSION="8.19.1", **place)
    assert (ran.returncode, ran.stdout) == (3, "")
    assert "Elasticsearch 8.19.1" in ran.stderr
    assert "JDK of version 17 or later" in ran.stderr


@pytest.mark.parametrize("version", ["7.17.0", "10.0.0", "9", "latest", "../../x"])
def test_versions_that_the_tool_does_not_know(version: str) -> None:
    ran = tool("start", "--version", version)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert f"Elasticsearch 8 or 9, such as 8.19.20: got {version!r}" in ran.stderr
