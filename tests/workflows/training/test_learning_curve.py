# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""A learning curve over a small store, compared with exact search over the components' vectors."""

from __future__ import annotations

import csv
import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from haystack.dataclasses import Document

from dpr_haystack import DPRDocumentEmbedder, DPRTextEmbedder, FAISSDocumentStore
from dpr_haystack.cli import main
from dpr_haystack.core.training_config import TrainingConfig
from dpr_haystack.errors import InputError
from dpr_haystack.formats.question import Question
from dpr_haystack.workflows.training.learning_curve import CurveOptions, learning_curve
from support.checkpoints import tiny_bert
from support.small_training import example, small_config, training_file

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A configuration, a store without vectors, and questions."""
    folder = tmp_path_factory.mktemp("curve")
    config = small_config(folder, tiny_bert(folder / "model"), dev_file=None, max_steps=4)
    examples = [example(number) for number in range(1000, 1030)]
    store = FAISSDocumentStore(str(folder / "store"), embedding_dim=None)
    passages = {p.id: p for each in examples for p in (*each.positives, *each.hard_negatives)}
    store.write_documents(
        [Document(id=p.id, content=p.text, meta={"title": p.title} if p.title else {}) for p in passages.values()]
    )
    questions = [Question(each.question, (), (each.positives[0].id,), str(n)) for n, each in enumerate(examples)]
    yield config, store, questions
    store.close()


def gold_ranks(model: str, store: Any, questions: list[Question]) -> list[int]:
    documents = DPRDocumentEmbedder(model, dtype="float32").run(store.filter_documents())["documents"]
    vectors = np.array([document.embedding for document in documents])
    embedder = DPRTextEmbedder(model, dtype="float32")
    ranks = []
    for question in questions:
        scores = vectors @ np.array(embedder.run(question.question)["embedding"])
        own = next(score for score, each in zip(scores, documents, strict=True) if each.id == question.passage_ids[0])
        ranks.append(1 + int((scores > own + 1e-4).sum()))
    return ranks


def test_every_point_is_exact_search_with_its_own_pair(place: Any, tmp_path: Path) -> None:
    config, store, questions = place
    folder = Path(config.output_dir)
    got = learning_curve(config, store, questions, CurveOptions((16, 0), depth=1000))
    assert list(got) == ["BM25", "0 questions", "16 questions"]
    assert got["0 questions"].gold == pytest.approx(gold_ranks(config.model, store, questions), abs=1)
    assert got["16 questions"].gold == pytest.approx(gold_ranks(str(folder / "16" / "model"), store, questions), abs=1)
    assert got["16 questions"].gold != got["0 questions"].gold
    assert np.mean([rank == 1 for rank in got["BM25"].gold]) > 0.5  # the words are the same
    made = (folder / "16" / "model" / "dpr.json").stat().st_mtime_ns
    again = learning_curve(config, store, questions, CurveOptions((0, 16), depth=1000))
    assert again == got
    assert (folder / "16" / "model" / "dpr.json").stat().st_mtime_ns == made
    with pytest.raises(InputError, match="begun with learning_rate"):
        learning_curve(
            TrainingConfig(**{**config.as_settings(), "learning_rate": 1.0}), store, questions, CurveOptions((16,))
        )


def test_what_was_measured_otherwise_is_measured_again(place: Any, tmp_path: Path) -> None:
    config, _, questions = place
    shutil.copytree(place[1].directory, tmp_path / "store")
    (train := tmp_path / "train.jsonl").write_bytes(Path(config.train_file).read_bytes())
    config = replace(config, train_file=str(train), output_dir=str(tmp_path / "out"))
    options = CurveOptions((0, 12), depth=1000)
    store = FAISSDocumentStore(str(tmp_path / "store"))
    said: list[str] = []
    before = learning_curve(config, store, questions, options, notify=said.append)
    assert not any("overestimated" in line for line in said)

    others = [replace(each, passage_ids=questions[n - 1].passage_ids) for n, each in enumerate(questions)]
    turned = learning_curve(config, store, others, options)
    assert turned["0 questions"].gold != before["0 questions"].gold
    assert turned["12 questions"].gold != before["12 questions"].gold
    other = tiny_bert(tmp_path / "other", seed=9)
    another = learning_curve(replace(config, model=str(other)), store, questions, replace(options, counts=(0,)))
    assert another["0 questions"].gold == pytest.approx(gold_ranks(str(other), store, questions), abs=1)
    assert another["0 questions"].gold != before["0 questions"].gold

    store.write_documents([Document(content=each.question) for each in questions])  # nearer than their passages
    grown = learning_curve(config, store, questions, options)
    for name in ("BM25", "0 questions", "12 questions"):
        assert sum(rank or 0 for rank in grown[name].gold) > sum(rank or 0 for rank in before[name].gold), name

    trained_on = [*questions, Question(example(3).question, (), questions[0].passage_ids, "x")]
    learning_curve(config, store, trained_on, options, notify=said.append)
    assert any(line.startswith("1 of the 31 evaluation questions are also in the training file") for line in said)

    training_file(train, 40, first=7)
    with pytest.raises(InputError, match=r"begun with fingerprint .*--restart"):
        learning_curve(config, store, questions, options)
    store.close()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"counts": ()}, "counts must be"),
        ({"counts": (5, 5)}, "counts must be"),
        ({"counts": (-1,)}, "counts must be"),
        ({"depth": 0}, "depth must be"),
    ],
)
def test_options_that_cannot_be(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        CurveOptions(**options)


def test_no_questions_and_too_few(place: Any, tmp_path: Path) -> None:
    config, store, questions = place
    gone = [replace(question, passage_ids=("gone",)) for question in questions]
    with pytest.raises(InputError, match="questions can be judged: 1 of 1 gold passages are not in"):
        learning_curve(config, store, gone, CurveOptions((16,)))
    with pytest.raises(InputError, match="a learning curve needs evaluation questions"):
        learning_curve(config, store, [])
    with pytest.raises(InputError, match="none of 1 questions can be judged: none has answers or gold passages"):
        learning_curve(config, store, [Question("what?", (), (), "1")])
    with pytest.raises(InputError, match=r"counts must not exceed the 40 training questions in .*\.jsonl: got 41"):
        learning_curve(replace(config, output_dir=str(tmp_path / "out")), store, questions, CurveOptions((0, 41)))
    assert not (tmp_path / "out").exists(), "refused before anything is measured"


def test_from_the_command_line(place: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config, store, questions = place
    asked = tmp_path / "questions.jsonl"
    asked.write_text(
        "\n".join(json.dumps({"question": q.question, "passage_ids": list(q.passage_ids)}) for q in questions)
    )
    (tmp_path / "c.yml").write_text(json.dumps({**config.as_settings(), "output_dir": str(tmp_path / "out")}))
    command = ["learning-curve", str(tmp_path / "c.yml"), "max_steps=2", "--store", str(store.directory)]
    assert main([*command, "--questions", str(asked), "--counts", "0", "12", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["questions"] == 30
    assert list(told["systems"]) == ["BM25", "0 questions", "12 questions"]
    with (tmp_path / "out" / "learning-curve.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [(row["system"], row["kind"]) for row in rows] == [(name, "gold") for name in told["systems"]]
    assert float(rows[1]["top_20"]) == pytest.approx(told["systems"]["0 questions"]["gold"]["20"], abs=1e-3)
    assert (tmp_path / "out" / "learning-curve.png").read_bytes().startswith(b"\x89PNG")
    assert main([*command, "--questions", str(asked), "--counts", "0", "12"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "gold passage in the top k, %"
    assert lines[3].split()[:2] == ["0", "questions"]
