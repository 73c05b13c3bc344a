# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""The Natural Questions example with tiny DPR checkpoints and files in the original formats."""

from __future__ import annotations

import gzip
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from support.checkpoints import tiny_dpr

RECIPE = Path(__file__).resolve().parents[1] / "examples" / "nq" / "reproduce.py"


@pytest.mark.slow
def test_the_recipe_runs_over_files_of_the_same_formats(tmp_path: Path) -> None:
    rivers = ["Danube", "Rhine", "Elbe", "Oder", "Seine", "Loire"]
    texts = [f'"The {name} flows to the sea, ""the old {name}""."' for name in rivers]
    rows = [f"{number}\t{text}\t{name}" for number, (text, name) in enumerate(zip(texts, rivers, strict=True), 1)]
    (tmp_path / "psgs_w100.tsv.gz").write_bytes(gzip.compress("\n".join(["id\ttext\ttitle", *rows, ""]).encode()))
    asked = [f"which river is the old {name}\t['{name}', 'the {name}']" for name in rivers]
    (tmp_path / "nq-test.qas.csv").write_text("\n".join(asked) + "\n")
    tiny_dpr(tmp_path / "q", "question")
    tiny_dpr(tmp_path / "p", "passage", seed=1)
    command = [sys.executable, str(RECIPE), "--passages", "psgs_w100.tsv.gz", "--questions", "nq-test.qas.csv"]
    command += ["--work", "work", "--question-model", str(tmp_path / "q"), "--passage-model", str(tmp_path / "p")]
    environment = {**os.environ, "HF_HUB_OFFLINE": "1"}
    for commands in (["convert", "index", "evaluate"], ["index", "evaluate"]):
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, env=environment)
        assert done.returncode == 0, done.stderr
        assert [line.split()[1] for line in done.stdout.splitlines() if line.startswith("dpr-haystack ")] == commands
        assert re.search(r"^bm25 +100\.0", done.stdout, flags=re.MULTILINE)
    results = [json.loads(path.read_text()) for path in sorted((tmp_path / "work").glob("*.json"))]
    assert len(results) == 3
    assert all(len(each) == 6 and {"question", "answers", "ctxs"} <= set(each[0]) for each in results)
    assert (tmp_path / "work" / "accuracy.png").read_bytes().startswith(b"\x89PNG")
