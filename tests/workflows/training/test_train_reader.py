# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Small complete trainings of readers: what they learn, their files, and that resuming gives the same weights."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from haystack import Document
from safetensors.torch import load_file

from dpr_haystack import DPRReader, ReaderTrainingConfig, train_reader
from dpr_haystack.core.answers import exact_match
from dpr_haystack.core.model_directory import read_manifest
from dpr_haystack.engines.training.checkpoints import checkpoints_in
from dpr_haystack.errors import DataError, InputError
from support.checkpoints import tiny_bert, tiny_dpr, tiny_roberta
from support.small_reader_training import reader_file, record, small_reader_config
from support.small_training import losses_of
from support.torchrun import cut_off_under_torchrun, under_torchrun

pytestmark = pytest.mark.slow

STEPS = 12


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_bert(tmp_path_factory.mktemp("tiny") / "model")


@pytest.fixture(scope="module")
def trained(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Configuration and report of a complete training."""
    config = small_reader_config(tmp_path_factory.mktemp("trained"), model)
    return config, train_reader(config)


def weights_of(model: Path) -> dict[str, torch.Tensor]:
    return load_file(model / "reader" / "model.safetensors")


def answers_of(model: Path, numbers: range) -> list[str]:
    """The best answers of the component, from all passages of each question."""
    reader = DPRReader(str(model), dtype="float32", top_k=1, no_answer=False)
    said = []
    for number in numbers:
        asked = record(number)
        documents = [Document(content=each["text"], meta={"title": each["title"]}) for each in asked["ctxs"]]
        found = reader.run(query=asked["question"], documents=documents)["answers"]
        said.append(found[0].data or "")
    return said


def test_it_learns_and_says_how_well(trained: Any) -> None:
    config, report = trained
    losses = losses_of(config)
    assert list(losses) == list(range(1, STEPS + 1))
    assert np.mean([losses[step] for step in (10, 11, 12)]) < 0.8 * losses[1]
    assert (report.steps, report.finished) == (STEPS, True)
    with (Path(config.output_dir) / "curves.csv").open() as file:
        points = list(csv.DictReader(file))
    validated = [(float(point["em"]), float(point["f1"])) for point in points if point["em"]]
    assert len(validated) == 4  # once an epoch
    assert report.validation["em"] == max(em for em, _ in validated)
    assert (Path(config.output_dir) / "curves.png").read_bytes().startswith(b"\x89PNG")


def test_the_component_reads_as_the_validation_did(model: Path, tmp_path: Path) -> None:
    config = small_reader_config(tmp_path, model, no_answer=False, epochs=12)
    report = train_reader(config)
    said = answers_of(report.model, range(100, 109))
    matches = [exact_match(one, record(number)["answers"]) for number, one in zip(range(100, 109), said, strict=True)]
    assert report.validation["em"] == pytest.approx(100 * np.mean(matches))
    assert report.validation["em"] > 50  # one of ten words by chance


def test_transformers_loads_what_was_trained(trained: Any) -> None:
    config, report = trained
    manifest = read_manifest(report.model)
    assert manifest.reader_training["settings"]["learning_rate"] == 1e-2
    assert manifest.reader_training["validation"] == report.validation
    assert manifest.made_from == {"reader": config.model}
    loaded = transformers.DPRReader.from_pretrained(report.model / "reader")
    start = load_file(Path(config.model) / "model.safetensors")
    name = "encoder.layer.0.output.dense.weight"
    assert not torch.equal(loaded.span_predictor.encoder.bert_model.get_parameter(name), start[name])


class Cut(Exception):
    """Interrupts a training at some step."""


@pytest.mark.parametrize("cut", [3, 8])
def test_cut_off_and_gone_on_is_never_cut_off(trained: Any, model: Path, tmp_path: Path, cut: int) -> None:
    config = small_reader_config(tmp_path, model, dev_file=trained[0].dev_file, train_file=trained[0].train_file)

    def progress(done: int, total: int, logged: dict[str, float]) -> None:
        assert total == STEPS
        if done == cut:
            raise Cut

    with pytest.raises(Cut):
        train_reader(config, progress=progress)
    assert checkpoints_in(tmp_path / "out" / "checkpoints")
    report = train_reader(config)
    assert losses_of(config) == losses_of(trained[0])  # to the last bit
    assert report.validation == trained[1].validation
    got, expected = weights_of(report.model), weights_of(trained[1].model)
    assert got.keys() == expected.keys()
    assert all(torch.equal(got[name], expected[name]) for name in expected)


def test_a_batch_in_parts_is_the_whole_batch(model: Path, tmp_path: Path) -> None:
    losses = []
    for name, changed in (("whole", {}), ("parts", {"batch_size": 2, "accumulate": 4})):
        (tmp_path / name).mkdir()
        config = small_reader_config(tmp_path / name, model, dropout=0.0, max_steps=4, learning_rate=1e-3, **changed)
        train_reader(config)
        losses.append(losses_of(config))
    assert losses[1] == pytest.approx(losses[0], rel=1e-4)


def test_adapters_leave_the_encoder_as_it_was(model: Path, tmp_path: Path) -> None:
    config = small_reader_config(tmp_path, model, lora_rank=4, average_last=2)
    report = train_reader(config)
    trained, start = weights_of(report.model), load_file(model / "model.safetensors")
    prefix = "span_predictor.encoder.bert_model."
    changed = {name for name, tensor in start.items() if not torch.allclose(trained.get(prefix + name, tensor), tensor)}
    assert changed
    assert all(np.linalg.matrix_rank((trained[prefix + name] - start[name]).numpy(), tol=1e-4) <= 4 for name in changed)


def test_other_families_and_readers_are_trained_further(tmp_path: Path) -> None:
    for name, start in (("roberta", tiny_roberta(tmp_path / "r")), ("reader", tiny_dpr(tmp_path / "d", "reader"))):
        (tmp_path / name).mkdir()
        report = train_reader(small_reader_config(tmp_path / name, start, max_steps=2, max_length=60))
        assert len(answers_of(report.model, range(100, 102))) == 2
        (tmp_path / name / "more").mkdir()
        config = small_reader_config(tmp_path / name / "more", report.model, max_steps=1, max_length=60)
        assert train_reader(config).steps == 1


def test_recomputed_activations_train_the_same(model: Path, tmp_path: Path) -> None:
    losses = []
    for name in ("kept", "recomputed"):
        (tmp_path / name).mkdir()
        again = name == "recomputed"
        config = small_reader_config(tmp_path / name, model, dropout=0.0, max_steps=3, gradient_checkpointing=again)
        train_reader(config)
        losses.append(losses_of(config))
    assert losses[1] == pytest.approx(losses[0], rel=1e-5)


def test_fewer_layers_frozen_embeddings_and_bfloat16(model: Path, tmp_path: Path) -> None:
    changed = {"layers": 1, "freeze_embeddings": True, "dtype": "bfloat16", "attention": "sdpa"}
    report = train_reader(small_reader_config(tmp_path, model, max_steps=2, **changed))
    trained, start = weights_of(report.model), load_file(model / "model.safetensors")
    prefix = "span_predictor.encoder.bert_model."
    assert {name.split(".")[5] for name in trained if ".encoder.layer." in name} == {"0"}
    words = "embeddings.word_embeddings.weight"
    assert torch.equal(trained[prefix + words], start[words])
    changed_one = "encoder.layer.0.output.dense.weight"
    assert not torch.equal(trained[prefix + changed_one], start[changed_one])
    assert all(bool(tensor.isfinite().all()) for tensor in trained.values())


def test_gold_passages_alone_score_no_passages(model: Path, tmp_path: Path) -> None:
    config = small_reader_config(tmp_path, model, passages=1, no_answer=False, max_steps=2)
    trained = weights_of(train_reader(config).model)
    assert not trained["span_predictor.qa_classifier.weight"].any()
    assert not trained["span_predictor.qa_classifier.bias"].any()


def test_several_processes_train_one_reader_also_when_cut_off_within_an_epoch(model: Path, tmp_path: Path) -> None:
    once = {"epochs": 2, "dropout": 0.0, "learning_rate": 1e-3, "dev_file": None, "checkpoint_steps": 1}
    alone = small_reader_config(tmp_path, model, **once)
    shared = replace(alone, batch_size=4, output_dir=str(tmp_path / "shared"))
    cut_off_under_torchrun(tmp_path / "cut.yml", shared.as_settings(), 5)  # of six; three are an epoch
    under_torchrun(tmp_path / "shared.yml", "train-reader", shared.as_settings())
    train_reader(alone)
    assert losses_of(shared) == pytest.approx(losses_of(alone), rel=1e-3)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"passages": 0}, "passages must be above 0: got 0"),
        ({"passages": 1}, "no_answer learns from passages without an answer: set passages to 2 or more, got 1"),
        ({"spans": "some"}, "spans must be one of all, annotated: got 'some'"),
        ({"best_metric": "loss"}, "best_metric must be one of em, f1: got 'loss'"),
        ({"learning_rate": float("nan")}, "learning_rate must be above 0: got nan"),
        ({"dropout": 1.0}, "dropout must be from 0 up to below 1: got 1.0"),
        ({"average_last": 9}, "average_last is 9, but only 3 checkpoints are kept"),
        ({"device": "cuda:1"}, "training uses the first visible GPU"),
        ({"train_file": ()}, "train_file must name at least one file"),
        ({"early_stopping": 1, "dev_file": None}, "early_stopping needs a dev_file"),
    ],
)
def test_settings_that_cannot_be(changed: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        ReaderTrainingConfig(**{"model": "m", "train_file": "t", "output_dir": "o", "no_answer": True, **changed})


def test_what_cannot_be_trained_is_told_before_anything_is_written(model: Path, tmp_path: Path) -> None:
    def refused(message: str, **changed: Any) -> None:
        config = small_reader_config(tmp_path, model, **changed)
        with pytest.raises((InputError, DataError), match=message):
            train_reader(config)
        assert not (tmp_path / "out" / "training.json").exists()
        assert not (tmp_path / "out" / "model").exists()

    refused(r"max_length must be from 16 to 300, the limit of .*: got 301", max_length=301)
    refused(r"train_questions must not exceed the 24 questions: got 25", train_questions=25)
    squad = tmp_path / "squad.json"
    entry = {"id": "1", "question": "where", "answers": [{"text": "london", "answer_start": 3}]}
    content = {"data": [{"title": "t", "paragraphs": [{"context": "in london", "qas": [entry]}]}]}
    squad.write_text(json.dumps(content))
    refused(r"none of the 1 questions has a passage without an answer: retrieve passages", train_file=str(squad))
    wrong = {**record(0), "answers": ["nowhere"]}
    nothing = tmp_path / "nothing.jsonl"
    nothing.write_text(json.dumps(wrong) + "\n")
    refused("1 question without an answer in its passages", train_file=str(nothing))


def test_what_is_learnt_from_is_told(model: Path, tmp_path: Path) -> None:
    lines = [json.dumps(record(number)) for number in range(8)]
    lines += [json.dumps({**record(8), "answers": ["nowhere"], "is_impossible": True})]
    train = tmp_path / "train.jsonl"
    train.write_text("\n".join(lines) + "\n")
    told: dict[bool, list[str]] = {}
    for no_answer in (True, False):
        (tmp_path / str(no_answer)).mkdir()
        changed = {"train_file": str(train), "no_answer": no_answer, "max_steps": 1, "dev_file": None}
        told[no_answer] = []
        train_reader(small_reader_config(tmp_path / str(no_answer), model, **changed), on_note=told[no_answer].append)
    in_it = "8 questions with 27 passages: 8 with an answer (0 of them marked), 0 without"
    assert told[False] == [
        f"training set: {in_it}; per question 1.0 passages with an answer and 2.0 without",
        "questions left out because they have no answer, and no_answer is not trained: 1",
    ]
    assert len(told[True]) == 1
    assert told[True][0].startswith("training set: 9 questions with 27 passages: 8 with an answer")


def test_the_command_trains_and_reports(model: Path, tmp_path: Path, cli: Any) -> None:
    train, dev = reader_file(tmp_path / "train.jsonl"), reader_file(tmp_path / "dev.jsonl", 4, first=50)
    settings = [f"model={model}", f"train_file={train}", f"dev_file={dev}", f"output_dir={tmp_path / 'out'}"]
    ran = cli("train-reader", "reader-laptop", *settings, "max_length=48", "max_steps=2", "device=cpu")
    assert ran.code == 0, ran.err
    first, second = ran.out.splitlines()
    assert first.startswith(f"2 steps; the reader is in {tmp_path / 'out' / 'model'} (")
    assert second.startswith("validation: EM ")
    assert ", F1 " in second
    again = cli("train-reader", "reader-laptop", *settings, "max_length=48", "max_steps=2", "device=cpu")
    assert again.code == 2
    assert "is finished: use another output_dir" in again.err
