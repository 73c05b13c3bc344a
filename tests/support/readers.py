# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""What transformers itself reads in a passage, one at a time, with every span searched; and input for readers."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from haystack import Document
from transformers import AutoModelForQuestionAnswering, AutoTokenizer, BertTokenizer, DPRReader, DPRReaderTokenizer

from dpr_haystack.core.windows import plan_windows

QUESTION = "who wrote the origin of species"
DOCUMENTS = [
    Document(content="Darwin was a naturalist in England, born in London.", meta={"title": "Darwin"}, score=70.0),
    Document(content="the voyage of the beagle to the island", meta={"title": "the beagle"}, score=60.0),
    Document(content="Paris is in London. The theory of evolution.", meta={"title": " "}, score=65.0),
]


def answers(reader: Any, documents: Any = DOCUMENTS, **more: Any) -> Any:
    """The answers of a reader component to the question."""
    return reader.run(query=QUESTION, documents=documents, **more)["answers"]


@dataclass(frozen=True)
class Read:
    """One passage: all spans as (first character, character behind the last, score), best first."""

    spans: list[tuple[int, int, float]]
    null: float
    relevance: float | None


class Reference:
    """A model of transformers, in float32, one input a time."""

    def __init__(self, folder: Path, *, is_dpr: bool) -> None:
        self.is_dpr = is_dpr
        # of DPR's own tokenizer the input is taken, of BERT's the places in the text: it has none
        self.tokenizer = (DPRReaderTokenizer if is_dpr else AutoTokenizer).from_pretrained(folder)
        self.places = BertTokenizer.from_pretrained(folder) if is_dpr else self.tokenizer
        self.model = (DPRReader if is_dpr else AutoModelForQuestionAnswering).from_pretrained(folder).eval()

    def read(self, question: str, title: str | None, text: str, longest: int | None = None) -> Read:
        """A passage that fits into one input."""
        if not self.is_dpr:
            encoded = self.tokenizer(question, text, return_tensors="pt", return_offsets_mapping=True)
            offsets = encoded.pop("offset_mapping")[0].tolist()
            tokens = [place for place, part in enumerate(encoded.encodings[0].sequence_ids) if part == 1]
            return self._spans(encoded, [tuple(offsets[token]) for token in tokens], tokens[0], longest)
        encoded = self.tokenizer(questions=question, titles=[title or ""], texts=[text], return_tensors="pt")
        offsets = self.places(text, add_special_tokens=False, return_offsets_mapping=True)["offset_mapping"]
        return self._spans(encoded, offsets, encoded["input_ids"].shape[1] - len(offsets), longest)

    def read_window(self, question: str, title: str | None, text: str, room: int, stride: int, longest: int) -> Read:
        """A passage of several windows, for a DPR reader."""
        head = self.tokenizer(questions=question, titles=[title or ""], texts=[""])["input_ids"][0]
        body = self.places(text, add_special_tokens=False, return_offsets_mapping=True)
        spans: list[tuple[int, int, float]] = []
        null, relevance = float("inf"), float("-inf")
        for window in plan_windows(len(body["input_ids"]), room, stride, longest):
            ids = torch.tensor([head + body["input_ids"][window.start : window.stop]])
            encoded = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
            one = self._spans(encoded, body["offset_mapping"][window.start : window.stop], len(head), longest)
            starts = {offset[0]: place for place, offset in enumerate(body["offset_mapping"])}
            spans += [span for span in one.spans if window.owned_from <= starts[span[0]] < window.owned_to]
            null, relevance = min(null, one.null), max(relevance, one.relevance or 0.0)
        return Read(sorted(spans, key=lambda span: -span[2]), null, relevance)

    def _spans(self, encoded: Any, offsets: list[tuple[int, int]], shift: int, longest: int | None) -> Read:
        with torch.no_grad():
            output = self.model(**encoded)
        start, end = output.start_logits[0].tolist(), output.end_logits[0].tolist()
        spans = [
            (offsets[first][0], offsets[last][1], start[first + shift] + end[last + shift])
            for first in range(len(offsets))
            for last in range(first, len(offsets))
            if longest is None or last - first < longest
        ]
        relevance = float(output.relevance_logits[0]) if self.is_dpr else None
        return Read(sorted(spans, key=lambda span: -span[2]), start[0] + end[0], relevance)
