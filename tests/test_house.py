# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Rules for the source: small files and functions, one-way imports, public names, names that YAML may load."""

from __future__ import annotations

import ast
import importlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

import dpr_haystack

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src"
MODULES = sorted(SOURCE.rglob("*.py"))
LIBRARY = [path for path in MODULES if "cli" not in path.relative_to(SOURCE).parts]
DOORS = SOURCE / "haystack_integrations"
HEADER = "# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors\n#\n# SPDX-License-Identifier: Apache-2.0\n"
MOST_LINES, MOST_FUNCTION_LINES = 300, 40


def name_of(path: Path) -> str:
    return path.relative_to(SOURCE).as_posix()


def functions_of(tree: ast.AST) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    return [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


def length_of(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines from the first statement behind the docstring to the last one."""
    body = function.body[1:] if ast.get_docstring(function, clean=False) is not None else function.body
    return (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_modules_and_functions_are_small(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.startswith(HEADER)
    assert len(text.splitlines()) <= MOST_LINES
    long = {
        each.name: length_of(each) for each in functions_of(ast.parse(text)) if length_of(each) > MOST_FUNCTION_LINES
    }
    assert long == {}


@pytest.mark.parametrize("path", LIBRARY, ids=name_of)
def test_the_library_neither_asserts_nor_prints_nor_leaves_things_undone(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(text)
    asserts = [node.lineno for node in ast.walk(tree) if isinstance(node, ast.Assert)]
    prints = [node.lineno for node in ast.walk(tree) if isinstance(node, ast.Name) and node.id == "print"]
    undone = [node.lineno for node in ast.walk(tree) if isinstance(node, ast.Name) and node.id == "NotImplementedError"]
    assert (asserts, prints, undone) == ([], [], [])
    assert "TODO" not in text
    assert "FIXME" not in text


@pytest.mark.slow
def test_imports_run_one_way() -> None:
    command = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([command], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert "0 broken" in done.stdout


def imported_for_types() -> dict[str, str]:
    """What the package imports where TYPE_CHECKING is true: names and the modules that they come from."""
    tree = ast.parse(Path(dpr_haystack.__file__).read_text(encoding="utf-8"))
    (block,) = [node for node in tree.body if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"]
    imports = [node for node in block.body if isinstance(node, ast.ImportFrom)]
    assert len(imports) == len(block.body)
    return {alias.asname or alias.name: str(node.module) for node in imports for alias in node.names}


def test_public_names_are_the_same_for_python_and_for_type_checkers() -> None:
    homes = {name: f"dpr_haystack.{module}" for name, module in dpr_haystack._HOMES.items()}
    assert list(dpr_haystack.__all__) == sorted({*homes, "__version__"})
    assert imported_for_types() == homes
    for name, module in homes.items():
        assert getattr(dpr_haystack, name) is getattr(importlib.import_module(module), name)


def test_every_public_name_is_in_a_table_of_the_documentation() -> None:
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    rows = [line for page in pages for line in page.read_text(encoding="utf-8").splitlines() if line.startswith("|")]
    documented = set(re.findall(r"\w+", " ".join(rows)))
    assert set(dpr_haystack.__all__) - documented == {"__version__"}


def components() -> dict[str, type]:
    public = {name: getattr(dpr_haystack, name) for name in dpr_haystack.__all__ if name != "__version__"}
    return {name: value for name, value in public.items() if isinstance(value, type) and hasattr(value, "to_dict")}


def test_yaml_may_load_every_component() -> None:
    assert len(components()) >= 7
    for name, value in components().items():
        assert value.__module__.startswith("haystack_integrations."), name
        assert getattr(importlib.import_module(value.__module__), name) is value


def test_every_door_leads_to_what_it_names() -> None:
    doors = sorted(DOORS.rglob("*.py"))
    assert doors
    for path in doors:
        door = importlib.import_module(".".join(path.relative_to(SOURCE).parent.parts))
        assert door.__all__ == sorted(door.__all__)
        for name in door.__all__:
            assert getattr(door, name).__module__ == door.__name__


def test_the_shared_namespace_stays_shared() -> None:
    """A file of these names would hide the folders of all other integrations."""
    for folder in (DOORS, *DOORS.glob("*"), *DOORS.glob("components/*")):
        if folder.is_dir() and not folder.name.startswith(("dpr", "__")):
            assert not (folder / "__init__.py").exists(), folder
    import haystack_integrations

    assert getattr(haystack_integrations, "__file__", None) is None
