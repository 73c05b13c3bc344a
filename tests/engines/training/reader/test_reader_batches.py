# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Batches of a reader: the answers are where their characters are, and inputs are those of reading."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoTokenizer

from dpr_haystack.core.question_order import random_order
from dpr_haystack.core.reader_training_set import AnswerPassage, ReaderDrawRules, ReaderRow, ReaderTrainingSet
from dpr_haystack.engines.reader.inputs import WindowSize
from dpr_haystack.engines.training.epoch_sampler import EpochSampler
from dpr_haystack.engines.training.reader.batches import NO_ROW, ReaderCollator
from dpr_haystack.engines.training.reader.trainable import ReaderOptions, TrainableReader, load_trainable_reader
from support.checkpoints import tiny_bert, tiny_roberta

TEXT = "Darwin was a naturalist in England, born in London. Darwin wrote the origin of species."
ANSWER = ((0, 6), (52, 58))
SET = ReaderTrainingSet(
    [
        ReaderRow("who wrote the origin", ("Darwin",), (AnswerPassage(0, ANSWER, (ANSWER[1],)),), (1, 2)),
        ReaderRow("where is paris", (), (), (2,)),
    ],
    [("species", TEXT), ("the beagle", "the voyage of the beagle"), (None, "the theory of evolution " * 8)],
)


def collator(
    reader: TrainableReader, *, length: int = 400, no_answer: bool = True, spans: Any = "all"
) -> ReaderCollator:
    sampler = EpochSampler(random_order(2, 0), 2, 2)
    rules, size = ReaderDrawRules(3, spans), WindowSize(length, 16, 10)
    return ReaderCollator(SET, rules, reader.builder, size, reader.pad_id, sampler, no_answer=no_answer)


@pytest.fixture(scope="module", params=["bert", "roberta"])
def reader(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> TrainableReader:
    make: Any = tiny_bert if request.param == "bert" else tiny_roberta
    return load_trainable_reader(str(make(tmp_path_factory.mktemp("m") / request.param)), ReaderOptions())


def said(reader: TrainableReader, batch: dict[str, torch.Tensor], row: int) -> list[str]:
    """The tokens of the answers of an input, as text."""
    mask = batch["span_mask"][row]
    places = zip(batch["span_starts"][row][mask].tolist(), batch["span_ends"][row][mask].tolist(), strict=True)
    return [reader.tokenizer.decode(batch["input_ids"][row][first : last + 1]).strip() for first, last in places]


def test_the_answers_are_at_their_characters(reader: TrainableReader) -> None:
    batch = collator(reader)([0, 1])
    expected = reader.tokenizer.decode(reader.tokenizer("Darwin", add_special_tokens=False)["input_ids"]).strip()
    assert said(reader, batch, 0) == [expected, expected]
    assert batch["rows"].tolist() == [[0, 1, 2], [3, NO_ROW, NO_ROW]]
    assert batch["positive"].tolist() == [True, False]
    for row in (1, 2, 3):  # "no answer" is the first token
        place = batch["first"][row].item()
        assert (batch["span_starts"][row, 0].item(), batch["span_ends"][row, 0].item()) == (place, place)
        assert batch["span_mask"][row].tolist() == [True, False]
        assert bool(batch["allowed"][row, int(place)])


def test_annotated_answers_alone_and_negatives_without_a_target(reader: TrainableReader) -> None:
    batch = collator(reader, no_answer=False, spans="annotated")([0, 1])
    both = collator(reader)([0, 1])
    assert batch["span_starts"][0].tolist() == [both["span_starts"][0].max().item()]
    assert batch["span_mask"][:, 0].tolist() == [True, False, False, False]


def test_only_tokens_of_the_passage_may_be_chosen(reader: TrainableReader) -> None:
    batch = collator(reader)([0])
    for row, passage in enumerate([SET.passages[0], None, None]):
        chosen = batch["input_ids"][row][batch["allowed"][row]].tolist()
        assert chosen[0] == reader.tokenizer.cls_token_id
        if passage is not None:
            assert chosen[1:] == reader.tokenizer(passage[1], add_special_tokens=False)["input_ids"]
    assert bool((batch["attention_mask"][batch["allowed"]] == 1).all())


def test_a_window_with_the_answer_is_read(reader: TrainableReader) -> None:
    for epoch in range(8):
        made = collator(reader, length=48)
        made._sampler.set_epoch(epoch)
        batch = made([0])
        assert batch["input_ids"].shape[1] <= 48
        assert said(reader, batch, 0)
        assert bool(batch["positive"].all())


def test_a_batch_depends_on_the_epoch_and_its_questions_alone(reader: TrainableReader) -> None:
    one, other = collator(reader, length=48), collator(reader, length=48)
    for made in (one, other):
        made._sampler.set_epoch(3)
    other([1])
    first, second = one([0, 1]), other([0, 1])
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_inputs_are_those_of_transformers_for_dpr(tmp_path: Path) -> None:
    folder = tiny_bert(tmp_path / "m")
    batch = collator(load_trainable_reader(str(folder), ReaderOptions()))([0])
    tokenizer = AutoTokenizer.from_pretrained(folder)
    question = tokenizer("who wrote the origin", "species")["input_ids"]
    passage = tokenizer(TEXT, add_special_tokens=False)["input_ids"]
    expected = question + passage
    assert batch["input_ids"][0][: len(expected)].tolist() == expected
