# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""The tree drawn in ARCHITECTURE.md has the folders and modules of the package, no more and no fewer."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "dpr_haystack"
WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# A line that begins with one name and a column, `hits  what a search returns`, or has one name only, is about a module.
MODULE = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(?:\.py)?(?:\s{2,}.*)?")


class Drawing:
    """What the first block of a Markdown text draws of the package, by folder relative to it.

    A line belongs to the last folder above it that is indented less. A folder's line begins with its name and a slash.
    """

    def __init__(self, text: str) -> None:
        self.words: dict[str, set[str]] = {}
        self.modules: dict[str, set[str]] = {}
        open_folders: list[tuple[int, str]] = []
        for line in text.split("```")[1].splitlines()[1:]:
            if not line.strip():
                continue
            indentation, first = len(line) - len(line.lstrip()), line.split()[0]
            while open_folders and open_folders[-1][0] >= indentation:
                open_folders.pop()
            if not open_folders and first != "src/dpr_haystack/":
                continue
            if first.endswith("/"):
                open_folders.append((indentation, "" if not open_folders else f"{open_folders[-1][1]}{first}"))
                self.modules[open_folders[-1][1]] = set()
                self.words[open_folders[-1][1]] = set()
            elif match := MODULE.fullmatch(line.strip()):
                self.modules[open_folders[-1][1]].add(match[1])
            self.words[open_folders[-1][1]].update(WORD.findall(line))


def differences(text: str, package: Path) -> list[str]:
    """What is drawn and not there, and what is there and not drawn."""
    drawing = Drawing(text)
    packages = {path.parent: f"{path.parent.relative_to(package)}/" for path in package.rglob("__init__.py")}
    packages[package] = ""
    problems = [f"{folder} is not drawn" for folder in packages.values() if folder not in drawing.words]
    problems += [f"{folder} does not exist" for folder in drawing.words if not (package / folder).is_dir()]
    for path, folder in packages.items():
        modules = {file.stem for file in path.glob("*.py")}
        undrawn = modules - {"__init__", "__main__"} - drawing.words.get(folder, modules)
        problems += [f"{folder}{name}.py is not drawn" for name in undrawn]
        problems += [f"{folder}{name}.py does not exist" for name in drawing.modules.get(folder, set()) - modules]
    return sorted(problems)


def test_the_tree_is_that_of_the_code() -> None:
    problems = differences((ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8"), PACKAGE)
    assert not problems, "\n".join(problems)


DRAWN = """Text before.

```
src/dpr_haystack/
  __init__.py   the public names
  core/         pure: hits (what a search
                returns) and fusion
    deep/
      one, two      numpy
      three
  data/         not a package
tests/          mirrors src
  core/         is another one
```

```
  other/        not in the first block
```
"""


@pytest.fixture
def package(tmp_path: Path) -> Path:
    for name in ("__init__", "core/__init__", "core/hits", "core/fusion", "core/deep/__init__", "core/deep/one"):
        path = tmp_path / f"{name}.py"
        path.parent.mkdir(exist_ok=True, parents=True)
        path.touch()
    for name in ("core/deep/two.py", "core/deep/three.py", "core/__main__.py"):
        (tmp_path / name).touch()
    (tmp_path / "data").mkdir()
    return tmp_path


def test_a_right_drawing(package: Path) -> None:
    assert differences(DRAWN, package) == []


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("hits (what", "(what", "core/hits.py is not drawn"),
        ("      three\n", "      four\n", "core/deep/four.py does not exist"),
        ("      three\n", "      three     torch\n      four      torch\n", "core/deep/four.py does not exist"),
        ("    deep/\n", "    deep/\n    deeper/   more\n", "core/deeper/ does not exist"),
        ("one, two ", "two ", "core/deep/one.py is not drawn"),
        ("  __init__.py ", "  errors.py ", "errors.py does not exist"),
        ("    deep/\n", "", "core/deep/ is not drawn"),
    ],
)
def test_a_wrong_drawing(package: Path, old: str, new: str, problem: str) -> None:
    assert old in DRAWN
    assert problem in differences(DRAWN.replace(old, new), package)
