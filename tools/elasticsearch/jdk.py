# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Finding a JDK that a version of Elasticsearch runs on, and that our plugin can be compiled with."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

# Elasticsearch's own variable goes first. CI services set one variable for each JDK, as JAVA_HOME_21_X64.
_VARIABLES = ("ES_JAVA_HOME", "JAVA_HOME")
_NUMBERED = re.compile(r"JAVA_HOME_\d+(_\w+)?")
_USUAL_PLACES = (
    *("/usr/lib/jvm/*", "/usr/lib64/jvm/*", "/usr/java/*", "/opt/java/*"),
    *("/Library/Java/JavaVirtualMachines/*/Contents/Home", "~/.sdkman/candidates/java/*", "~/.jdks/*"),
)


def fitting_jdk(oldest: int) -> tuple[Path, int] | None:
    """The JDK to use: the one that a variable or the PATH names, otherwise the oldest installed one that is new enough.

    :param oldest: The version that it needs to have at least.
    :returns: Its home and version; None if there is none.
    """
    for home in _named():
        version = version_of(home)
        if version is not None and version >= oldest:
            return home, version
    found = {home: version_of(home) for home in _installed()}
    enough = [(version, str(home)) for home, version in found.items() if version is not None and version >= oldest]
    return (Path(min(enough)[1]), min(enough)[0]) if enough else None


def jdks_found() -> list[str]:
    """Every JDK that was looked at, for messages."""
    homes = dict.fromkeys(home.resolve() for home in (*_named(), *_installed()))
    versions = {home: version_of(home) for home in homes}
    return [f"version {version} in {home}" for home, version in versions.items() if version is not None]


def version_of(home: Path) -> int | None:
    """The version of a JDK.

    :param home: Its folder.
    :returns: The first number of its version; None if the folder is not a JDK's.
    """
    javac = home / "bin" / "javac"
    if not javac.is_file():
        return None
    try:
        told = subprocess.run([javac, "-version"], capture_output=True, text=True)
    except OSError:
        return None
    found = re.search(r"javac (\d+)", told.stdout + told.stderr)
    return int(found[1]) if found else None


def _named() -> Iterator[Path]:
    yield from (Path(os.environ[name]) for name in _VARIABLES if os.environ.get(name))
    javac = shutil.which("javac")
    if javac is not None:
        yield Path(javac).resolve().parents[1]


def _installed() -> Iterator[Path]:
    yield from (Path(value) for name, value in os.environ.items() if _NUMBERED.fullmatch(name))
    for pattern in _USUAL_PLACES:
        place = Path(pattern).expanduser()
        root = Path(place.anchor)
        yield from sorted(root.glob(str(place.relative_to(root))))
