# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Run pydoclint and fail on undocumented or unknown parameters only: it cannot select codes itself.

Sections for what is returned, yielded or raised are optional in this project. A docstring that only refers to another
method ("See :meth:`run`.") need not repeat its parameters.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

# DOC0xx: a docstring that cannot be parsed; DOC1xx: parameters
_ENFORCED = re.compile(r"^(?P<path>[^:]+):(?P<line>\d+): DOC[01]\d\d\b")


@cache
def references(path: str) -> frozenset[int]:
    """Lines on which functions begin whose docstring only refers to another method.

    :param path: A Python file.
    """
    functions = (
        node
        for node in ast.walk(ast.parse(Path(path).read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    )
    return frozenset(node.lineno for node in functions if (ast.get_docstring(node) or "").startswith("See :meth:"))


def is_violation(line: str) -> bool:
    """Whether a line of pydoclint's output counts.

    :param line: The line.
    """
    match = _ENFORCED.match(line)
    return match is not None and int(match["line"]) not in references(match["path"])


def main(paths: list[str]) -> int:
    """Check files and folders with the settings in pyproject.toml; print the violations.

    :param paths: The files and folders.
    """
    command = [str(Path(sys.executable).with_name("pydoclint")), "--quiet"]
    result = subprocess.run(
        [*command, "--show-filenames-in-every-violation-message=True", *paths],
        capture_output=True,
        text=True,
        check=False,
    )
    output = (result.stdout + result.stderr).splitlines()
    if result.returncode not in (0, 1) or (result.returncode == 1 and not any("DOC" in line for line in output)):
        print("\n".join(output))
        return 2
    violations = [line.strip() for line in output if is_violation(line.strip())]
    print("\n".join(violations) or "Parameters are documented.")
    return 1 if violations else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
