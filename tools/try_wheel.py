# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Build the wheel, install it alone in an empty folder, and run the quickstart from there."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def main() -> None:
    """Fail if the installed wheel is not enough."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        uv = str(Path(sys.executable).with_name("uv"))
        run(sys.executable, "-m", "build", "--wheel", "--outdir", name, str(ROOT), quiet=True)
        (wheel,) = folder.glob("*.whl")
        python = folder / "venv" / "bin" / "python"
        run(sys.executable, "-m", "venv", str(folder / "venv"))
        constraints = str(ROOT / "constraints.txt")
        run(uv, "pip", "install", "-q", "--python", str(python), "-c", constraints, f"{wheel}[demo]")
        command = str(python.with_name("dpr-haystack"))
        run(command, "quickstart", "demo", folder=folder)
        run(command, "search", "who wrote Dune?", "--store", "demo/store", "--top-k", "1", folder=folder)
        run(command, "check", "demo/store", folder=folder)


def run(*command: str, folder: Path | None = None, quiet: bool = False) -> None:
    """Run a command, and stop if it fails."""
    subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL if quiet else None)


if __name__ == "__main__":
    main()
