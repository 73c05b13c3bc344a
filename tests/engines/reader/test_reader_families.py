# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Readers of every family that transformers has against transformers' own output, one passage at a time."""

from __future__ import annotations

from pathlib import Path

import pytest

from dpr_haystack.core.spans import SpanChoice
from dpr_haystack.core.text import PassageText
from dpr_haystack.engines.checkpoints import precision
from dpr_haystack.engines.reader.checkpoints import load_reader
from dpr_haystack.engines.reader.reader import ReadingOptions
from dpr_haystack.errors import ModelError
from support.families import QUESTION_ANSWERING, run, tiny_family

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]

PAIRS: list[tuple[str, PassageText]] = [
    ("who wrote the book", (None, "the book of darwin was in london")),
    ("who", (None, "darwin " * 8)),
]
OPTIONS = ReadingOptions(SpanChoice(count=1))
REFUSED = {"canine": "its tokens are characters", "lxmert": "it reads images", "reformer": "hashes texts at random"}


@pytest.mark.parametrize("family", QUESTION_ANSWERING)
def test_scores_are_those_of_transformers(family: str, tmp_path: Path) -> None:
    model, tokenizer = tiny_family(tmp_path, family, reader=True)
    if family in REFUSED:
        with pytest.raises(ModelError, match=REFUSED[family]) as caught:
            load_reader(str(tmp_path))
        assert "\n" not in str(caught.value)
        return
    readings = load_reader(str(tmp_path), dtype="float32").read(PAIRS, OPTIONS)
    for (question, (_, text)), reading in zip(PAIRS, readings, strict=True):
        encoding = tokenizer.encode(question, text)
        output = run(model, encoding.ids)
        start, end = output.start_logits[0].tolist(), output.end_logits[0].tolist()
        tokens = [index for index, part in enumerate(encoding.sequence_ids) if part == 1]
        best = max(start[first] + end[last] for first in tokens for last in tokens if first <= last)
        tolerance = 1e-4 * max(1.0, *map(abs, start), *map(abs, end))
        assert reading.null == pytest.approx(start[0] + end[0], abs=tolerance)
        assert reading.spans[0].logit == pytest.approx(best, abs=tolerance)


@pytest.mark.parametrize("family", ["deberta", "fnet", "mra", "xlnet"])
def test_what_cannot_compute_in_bfloat16(family: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tiny_family(tmp_path, family, reader=True)
    monkeypatch.setattr(precision, "has_native_bfloat16", lambda device: True)
    assert load_reader(str(tmp_path)).dtype == "float32"
    with pytest.raises(ModelError, match=r"cannot read passages in bfloat16: .* Try dtype='float32'"):
        load_reader(str(tmp_path), dtype="bfloat16")
