# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Small complete trainings: their files, what they learn, and that resuming gives the same weights."""

from __future__ import annotations

import csv
import json
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from safetensors.torch import load_file

from dpr_haystack import DPRDocumentEmbedder, DPRTextEmbedder, train_dpr
from dpr_haystack.core.model_directory import read_manifest
from dpr_haystack.core.similarity import Similarity
from dpr_haystack.engines.towers.loading import load_encoder
from dpr_haystack.engines.training.checkpoints import checkpoints_in
from dpr_haystack.engines.training.towers.trainer import OneDevice
from dpr_haystack.errors import InputError, ModelError, TrainingFailed
from dpr_haystack.formats.training import write_training
from support.checkpoints import tiny_bert, tiny_cross_encoder, tiny_dpr
from support.small_training import example, losses_of, small_config, training_file
from support.torchrun import under_torchrun

pytestmark = pytest.mark.slow

STEPS = 20  # four epochs of 40 questions, eight a step


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_bert(tmp_path_factory.mktemp("tiny") / "model")


@pytest.fixture(scope="module")
def trained(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Configuration and report of a complete training."""
    config = small_config(tmp_path_factory.mktemp("trained"), model)
    return config, train_dpr(config)


def weights_of(directory: Path, role: str) -> dict[str, torch.Tensor]:
    return load_file(directory / role / "model.safetensors")


def test_it_learns_and_says_how_well(trained: Any) -> None:
    config, report = trained
    losses = losses_of(config)
    assert list(losses) == list(range(1, STEPS + 1))
    assert np.mean([losses[step] for step in range(16, 21)]) < 0.9 * np.mean([losses[step] for step in range(1, 6)])
    assert (report.steps, report.finished) == (STEPS, True)
    assert 1 <= report.validation["average_rank"] < 48
    with (Path(config.output_dir) / "curves.csv").open() as file:
        points = list(csv.DictReader(file))
    assert [int(point["step"]) for point in points] == list(range(1, STEPS + 1))
    assert [float(point["loss"]) for point in points] == list(losses.values())
    validated = [float(point["average_rank"]) for point in points if point["average_rank"]]
    assert len(validated) == 4  # once an epoch
    assert report.validation["average_rank"] == min(validated)
    assert (Path(config.output_dir) / "curves.png").read_bytes().startswith(b"\x89PNG")


def test_components_load_what_was_trained(trained: Any) -> None:
    config, report = trained
    manifest = read_manifest(report.model)
    assert manifest.training["settings"]["learning_rate"] == 1e-2
    assert manifest.training["validation"] == report.validation
    assert manifest.made_from == {"question": config.model, "passage": config.model}
    question, passage = (weights_of(report.model, role) for role in ("question", "passage"))
    start = load_file(Path(config.model) / "model.safetensors")
    name = "encoder.layer.0.output.dense.weight"
    assert not torch.equal(question[name], passage[name])
    assert not torch.equal(question[name], start[name])
    embedder = DPRTextEmbedder(str(report.model), dtype="float32")
    documents = DPRDocumentEmbedder(str(report.model), dtype="float32")
    embedder.warm_up()
    documents.warm_up()
    assert len(embedder.run("what is species")["embedding"]) == 32


def test_a_finished_training_is_not_done_again_unless_asked(trained: Any) -> None:
    config, _ = trained
    with pytest.raises(InputError, match=r"is finished: use another output_dir, or discard it \(--restart\)"):
        train_dpr(config)


class Cut(Exception):
    """Interrupts a training at some step."""


@pytest.mark.parametrize("cut", [4, 10, 13])
def test_cut_off_and_gone_on_is_never_cut_off(trained: Any, model: Path, tmp_path: Path, cut: int) -> None:
    config = small_config(tmp_path, model, dev_file=trained[0].dev_file, train_file=trained[0].train_file)

    def progress(done: int, total: int, logged: dict[str, float]) -> None:
        assert total == STEPS
        if done == cut:
            raise Cut

    with pytest.raises(Cut):
        train_dpr(config, progress=progress)
    assert len(checkpoints_in(tmp_path / "out" / "checkpoints")) == min(3, (cut - 1) // 3)
    report = train_dpr(config)
    assert losses_of(config) == losses_of(trained[0])  # to the last bit
    assert report.validation == trained[1].validation
    for role in ("question", "passage"):
        got, expected = (weights_of(directory, role) for directory in (report.model, trained[1].model))
        assert got.keys() == expected.keys()
        assert all(torch.equal(got[name], expected[name]) for name in expected)


def test_cut_off_after_the_last_step_it_is_still_finished(
    trained: Any, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = small_config(tmp_path, model, dev_file=trained[0].dev_file, train_file=trained[0].train_file)

    def cut(*_: Any, **__: Any) -> None:
        raise Cut

    with monkeypatch.context() as patched:
        patched.setattr("dpr_haystack.engines.training.towers.session.save_pair", cut)
        with pytest.raises(Cut):
            train_dpr(config)
    report = train_dpr(config)
    assert (report.steps, report.weights) == (STEPS, trained[1].weights)
    assert report.validation == trained[1].validation
    got, expected = (weights_of(directory, "question") for directory in (report.model, trained[1].model))
    assert all(torch.equal(got[name], expected[name]) for name in expected)


def test_a_checkpoint_that_is_only_half_there_is_none(trained: Any, model: Path, tmp_path: Path) -> None:
    config = small_config(tmp_path, model, dev_file=trained[0].dev_file, train_file=trained[0].train_file)

    def progress(done: int, total: int, logged: dict[str, float]) -> None:
        if done == 10:
            raise Cut

    with pytest.raises(Cut):
        train_dpr(config, progress=progress)
    last = checkpoints_in(tmp_path / "out" / "checkpoints")[-1]
    (last / "trainer_state.json").unlink()  # the last file that is written
    (last / "weights.safetensors").write_bytes(b"half")
    assert checkpoints_in(tmp_path / "out" / "checkpoints")[-1].name == "checkpoint-6"
    train_dpr(config)
    assert losses_of(config) == losses_of(trained[0])


_PROGRAM = """
import os, signal, sys
from dpr_haystack.cli import main
from dpr_haystack.cli import train
signal.signal(signal.SIGINT, signal.default_int_handler)
class Signalling:
    def __call__(self, done, total, logged):
        if done == int(sys.argv[1]):
            os.kill(os.getpid(), int(sys.argv[2]))
train.training_progress = Signalling
sys.exit(main(sys.argv[3:]))
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_signals_end_it_and_the_same_command_goes_on(trained: Any, tmp_path: Path, number: signal.Signals) -> None:
    config = small_config(
        tmp_path, Path(trained[0].model), train_file=trained[0].train_file, dev_file=trained[0].dev_file
    )
    file = tmp_path / "config.yml"
    file.write_text(yaml.safe_dump(config.as_settings()))
    command = [sys.executable, "-c", _PROGRAM, "11", str(int(number)), "train", str(file)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    if number == signal.SIGKILL:
        assert ended.returncode == -number
    else:
        assert ended.returncode == 130, ended.stderr
        assert "stopped after step 11 with a checkpoint; run the same command to resume" in ended.stdout
        assert checkpoints_in(tmp_path / "out" / "checkpoints")[-1].name == "checkpoint-11"
    report = train_dpr(config)
    assert report.finished
    assert losses_of(config) == losses_of(trained[0])


def test_another_training_in_the_same_place_is_refused(trained: Any, model: Path, tmp_path: Path) -> None:
    config = small_config(tmp_path, model, max_steps=4)
    train_dpr(config)
    (tmp_path / "out" / "training.json").write_text(
        json.dumps(
            {
                name: value
                for name, value in json.loads((tmp_path / "out" / "training.json").read_text()).items()
                if name != "finished"
            }
        )
    )
    with pytest.raises(InputError, match=r"begun with learning_rate 0.01: got 0.1; .*--restart"):
        train_dpr(small_config(tmp_path, model, max_steps=4, learning_rate=0.1))
    training_file(tmp_path / "train.jsonl", 41)
    with pytest.raises(InputError, match="begun with fingerprint"):
        train_dpr(config)
    report = train_dpr(small_config(tmp_path, model, max_steps=2), restart=True)
    assert report.steps == 2


def test_two_trainings_at_once_in_one_place_are_refused(model: Path, tmp_path: Path) -> None:
    config = small_config(tmp_path, model, max_steps=1)
    refused: list[str] = []

    def progress(done: int, total: int, logged: dict[str, float]) -> None:
        with pytest.raises(InputError, match="another process is training in") as error:
            train_dpr(config)
        refused.append(str(error.value))

    train_dpr(config, progress=progress)
    assert len(refused) == 1


def test_a_frozen_passage_tower_stays_to_the_last_bit(model: Path, tmp_path: Path) -> None:
    config = small_config(tmp_path, model, freeze_passage_tower=True, max_steps=6)
    report = train_dpr(config)
    before, after = load_file(model / "model.safetensors"), weights_of(report.model, "passage")
    assert all(torch.equal(after[name], before[name]) for name in after)
    trained, own = weights_of(report.model, "question"), before
    assert not torch.equal(trained["encoder.layer.1.output.dense.weight"], own["encoder.layer.1.output.dense.weight"])
    first, second = (load_encoder(str(each), "passage", dtype="float32") for each in (model, report.model))
    assert first.identity.fingerprint == second.identity.fingerprint  # vectors in a store stay valid


def test_a_frozen_passage_tower_keeps_its_layers_and_its_length(model: Path, tmp_path: Path) -> None:
    config = small_config(
        tmp_path, model, freeze_passage_tower=True, layers=1, max_passage_length=9, max_question_length=7, max_steps=2
    )
    made = train_dpr(config).model
    passage, own = (load_encoder(str(each), "passage", dtype="float32") for each in (made, model))
    assert passage.identity.fingerprint == own.identity.fingerprint
    texts = [("the book", "species darwin beagle voyage origin london " * 5)]
    assert np.array_equal(passage.encode(texts), own.encode(texts))
    parts = read_manifest(made).parts
    assert (parts["question"].max_length, parts["passage"].max_length) == (7, own.max_length)


def test_tied_towers_are_one(model: Path, tmp_path: Path) -> None:
    report = train_dpr(small_config(tmp_path, model, tie_encoders=True, max_steps=6))
    question, passage = (weights_of(report.model, role) for role in ("question", "passage"))
    assert all(torch.equal(question[name], passage[name]) for name in question)
    assert (report.model / "question" / "model.safetensors").samefile(report.model / "passage" / "model.safetensors")
    assert [part.role for part in read_manifest(report.model).parts.values()] == ["question", "passage"]


def test_adapters_are_trained_resumed_and_merged(model: Path, tmp_path: Path) -> None:
    whole = small_config(tmp_path / "whole", model, lora_rank=4)
    report = train_dpr(whole)
    losses = losses_of(whole)
    assert np.isfinite(list(losses.values())).all()
    got, before = weights_of(report.model, "question"), load_file(model / "model.safetensors")
    assert got.keys() >= {name for name in before if "pooler" not in name}
    assert torch.equal(got["embeddings.word_embeddings.weight"], before["embeddings.word_embeddings.weight"])
    cut = small_config(tmp_path / "cut", model, lora_rank=4)

    def progress(done: int, total: int, logged: dict[str, float]) -> None:
        if done == 8:
            raise Cut

    with pytest.raises(Cut):
        train_dpr(cut, progress=progress)
    train_dpr(cut)
    assert losses_of(cut) == losses


@pytest.mark.parametrize(
    "settings",
    [
        {"loss": "triplet"},
        {"similarity": "euclidean", "pooling": "mean"},
        {"similarity": "cosine"},
        {"hard_negatives": 0},
        {"hard_negatives": 0, "neighbourhood": 4},
        {"hard_negatives": 5, "other_negatives": 1, "positive": "random"},
        {"matryoshka": (16, 8)},
        {"grad_cache": True, "chunk_tokens": 64},
        {"gradient_checkpointing": True, "layers": 1, "dropout": 0.0},
        {"dtype": "bfloat16", "mask_same_answer": False},
    ],
    ids=lambda settings: "-".join(settings),
)
def test_every_kind_of_training_learns(model: Path, tmp_path: Path, settings: dict[str, Any]) -> None:
    config = small_config(tmp_path, model, dev_file=None, **settings)
    report = train_dpr(config)
    losses = list(losses_of(config).values())
    assert np.isfinite(losses).all()
    assert np.mean(losses[-5:]) < np.mean(losses[:5])
    part = read_manifest(report.model).parts["passage"]
    assert part.similarity == Similarity.parse(settings.get("similarity", "dot"))
    assert part.normalize == (part.similarity == "cosine"), "so that an inner product is the cosine"
    assert (report.weights, report.validation) == ("last", {})


@pytest.mark.parametrize("loss", ["margin_mse", "kl"])
def test_a_cross_encoder_is_distilled(model: Path, tmp_path: Path, loss: str) -> None:
    teacher = tiny_cross_encoder(tmp_path / "teacher", seed=2)
    config = small_config(
        tmp_path, model, dev_file=None, loss=loss, teacher=str(teacher), hard_negatives=2, scale=0.1, grad_cache=True
    )
    report = train_dpr(config)
    losses = list(losses_of(config).values())
    assert report.steps == STEPS
    assert np.mean(losses[-5:]) < 0.8 * np.mean(losses[:5])


def test_gradcache_trains_as_without(model: Path, tmp_path: Path) -> None:
    configs = []
    for name, settings in (("a", {}), ("b", {"grad_cache": True, "chunk_tokens": 30})):
        configs.append(small_config(tmp_path / name, model, dropout=0.0, max_steps=5, dev_file=None, **settings))
        train_dpr(configs[-1])
    first, second = map(losses_of, configs)
    assert list(first.values()) == pytest.approx(list(second.values()), rel=1e-3)


def test_dpr_checkpoints_are_a_start_too(tmp_path: Path) -> None:
    question = tiny_dpr(tmp_path / "q", "question", projection=8)
    passage = tiny_dpr(tmp_path / "p", "passage", projection=8, seed=1)
    config = small_config(tmp_path, question, passage_model=str(passage), max_steps=3)
    report = train_dpr(config)
    assert read_manifest(report.model).parts["passage"].dimension == 8
    assert len(load_encoder(str(report.model), "question", dtype="float32").encode([(None, "a")])[0]) == 8


def test_the_average_of_the_last_checkpoints_is_tried(model: Path, tmp_path: Path) -> None:
    config = small_config(tmp_path, model, dev_file=None, average_last=3)
    report = train_dpr(config)
    folders = checkpoints_in(tmp_path / "out" / "checkpoints")
    assert [folder.name for folder in folders] == ["checkpoint-15", "checkpoint-18", "checkpoint-20"]
    name = "sub_modules.query.0.backbone.encoder.layer.0.output.dense.weight"
    each = [load_file(folder / "weights.safetensors") for folder in folders]
    expected = sum(weights[f"0.{name}"].double() for weights in each) / 3
    got = weights_of(report.model, "question")["encoder.layer.0.output.dense.weight"]
    torch.testing.assert_close(got, expected.float())
    assert report.weights == "average"


def test_it_stops_when_validation_gets_no_better(model: Path, tmp_path: Path) -> None:
    # a rate of next to nothing: no validation is better than the first
    config = small_config(tmp_path, model, learning_rate=1e-12, evaluate_steps=2, early_stopping=3, epochs=9)
    report = train_dpr(config)
    assert report.steps == 8
    assert report.finished


def test_a_loss_that_is_no_number_ends_it(model: Path, tmp_path: Path) -> None:
    config = small_config(tmp_path, model, learning_rate=1e20, max_grad_norm=1e30, warmup_steps=0)
    with pytest.raises(TrainingFailed, match=r"the loss is (nan|inf) at step \d+: lower the learning rate"):
        train_dpr(config)


@pytest.mark.parametrize("validated", [True, False])
def test_weights_that_are_no_numbers_end_it_also_between_two_points(
    model: Path, tmp_path: Path, validated: bool
) -> None:
    config = small_config(tmp_path, model, learning_rate=1e30, warmup_steps=0, log_steps=20, max_steps=15)
    with pytest.raises(TrainingFailed, match=r"the weights contain NaN or infinity at step \d+: lower"):
        train_dpr(config if validated else replace(config, dev_file=None))
    assert not (tmp_path / "out" / "model").exists()


def test_questions_without_negatives_leave_no_batch_without_one(model: Path, tmp_path: Path) -> None:
    bare = [replace(example(number), hard_negatives=(), negatives=()) for number in range(9)]
    config = small_config(tmp_path, model, dev_file=None, epochs=2)
    write_training(tmp_path / "train.jsonl", bare)
    assert train_dpr(config).steps == 2, "the ninth question alone makes no batch"
    some = replace(config, output_dir=str(tmp_path / "some"), train_file=str(tmp_path / "some.jsonl"))
    write_training(tmp_path / "some.jsonl", [*(example(number) for number in range(8)), bare[0]])
    assert train_dpr(some).steps == 2
    every = replace(config, output_dir=str(tmp_path / "every"), train_file=str(tmp_path / "every.jsonl"))
    write_training(tmp_path / "every.jsonl", [example(number) for number in range(9)])
    assert train_dpr(every).steps == 4, "with a negative of its own it does"


@pytest.mark.parametrize("loss", ["margin_mse", "kl"])
def test_distilling_wants_negatives(model: Path, tmp_path: Path, loss: str) -> None:
    teacher = tiny_cross_encoder(tmp_path / "teacher", seed=2)
    config = small_config(tmp_path, model, dev_file=None, loss=loss, teacher=str(teacher), batch_size=2, epochs=1)
    bare = [replace(example(number), hard_negatives=(), negatives=()) for number in range(4)]
    write_training(tmp_path / "train.jsonl", bare)
    with pytest.raises(InputError, match=r"none of the 4 questions has any; mine them first"):
        train_dpr(config)
    write_training(tmp_path / "train.jsonl", [*bare, *(example(number) for number in range(4, 8))])
    train_dpr(config)
    losses = losses_of(config)
    assert len(losses) == 4
    assert np.isfinite(list(losses.values())).all()


def test_a_restart_that_cannot_begin_throws_nothing_away(model: Path, tmp_path: Path) -> None:
    config = small_config(tmp_path, model, max_steps=4)
    train_dpr(config)
    before = (tmp_path / "out" / "training.json").read_text()
    for wrong in ({"model": str(tmp_path / "none")}, {"matryoshka": (9999,)}):
        with pytest.raises((InputError, ModelError)):
            train_dpr(replace(config, **wrong), restart=True)
    assert (tmp_path / "out" / "training.json").read_text() == before
    assert checkpoints_in(tmp_path / "out" / "checkpoints")


def test_with_a_frozen_tower_too_one_that_is_cut_off_is_not_another_one(model: Path, tmp_path: Path) -> None:
    # passages come again in other batches: their vectors are kept, and are gone with the process
    positives = [example(number).positives for number in range(5)]
    common = [replace(example(n), positives=positives[n % 5], question=f"{n} {example(n).question}") for n in range(20)]
    whole, cut = (
        small_config(tmp_path / name, model, dev_file=None, freeze_passage_tower=True, epochs=3, mask_same_answer=False)
        for name in ("whole", "cut")
    )
    for config in (whole, cut):
        write_training(Path(str(config.train_file)), common)
    train_dpr(whole)

    def progress(done: int, total: int, logged: dict[str, float]) -> None:
        if done == 5:
            raise Cut

    with pytest.raises(Cut):
        train_dpr(cut, progress=progress)
    report = train_dpr(cut)
    assert losses_of(cut) == losses_of(whole)
    got, expected = (weights_of(folder, "question") for folder in (report.model, Path(whole.output_dir) / "model"))
    assert all(torch.equal(got[name], expected[name]) for name in expected)


def test_a_passage_with_more_questions_than_a_batch_is_refused_before_anything_is_trained(
    model: Path, tmp_path: Path
) -> None:
    config = small_config(tmp_path, model, hard_negatives=0, neighbourhood=4)
    first = example(0)
    write_training(tmp_path / "train.jsonl", [replace(first, question=f"{n}?") for n in range(8)] + [example(1)])
    message = "batch_size must be above 8: got 8. One passage has 8 questions without negatives of their own"
    with pytest.raises(InputError, match=message):
        train_dpr(config)
    assert not Path(config.output_dir, "training.json").exists()
    assert train_dpr(replace(config, batch_size=9, max_steps=1)).finished
    assert train_dpr(replace(config, hard_negatives=1, max_steps=1), restart=True).finished


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"train_questions": 41}, "train_questions must not exceed the 40 questions: got 41"),
        ({"freeze_passage_tower": True, "pooling": "mean"}, r"got other settings .*\(pooling cls, normalize false\)"),
        ({"freeze_passage_tower": True, "similarity": "cosine"}, "a frozen passage tower must keep"),
        ({"matryoshka": (64,)}, "matryoshka dimensions must be at most 32, .*: got 64"),
        ({"max_passage_length": 1000}, "max_length must be at most .*: got 1000"),
        ({"device": "cuda:9"}, "make this one visible: CUDA_VISIBLE_DEVICES=9"),
        ({"device": "no-such"}, "the device 'no-such' cannot be used"),
        (
            {"train_questions": 1, "batch_size": 4, "hard_negatives": 0},
            "1 questions are too few for a batch of 4 with negatives",
        ),
    ],
)
def test_what_does_not_go_together_is_refused_before_anything_is_trained(
    model: Path, tmp_path: Path, settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        train_dpr(small_config(tmp_path, model, **settings))
    assert not (tmp_path / "out" / "checkpoints" / "checkpoint-3").exists()
    assert train_dpr(small_config(tmp_path, model, max_steps=1)).finished  # with better settings it begins


def test_tensorboard_is_written_where_it_is_installed(model: Path, tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    config = small_config(tmp_path / "with", model, max_steps=6)
    train_dpr(config)
    (folder,) = {path.parent for path in Path(config.output_dir).rglob("events.out.tfevents.*")}
    written = EventAccumulator(str(folder))
    written.Reload()
    with (Path(config.output_dir) / "curves.csv").open() as file:
        losses = [float(row["loss"]) for row in csv.DictReader(file) if row["loss"]]
    assert [each.value for each in written.Scalars("train/loss")] == pytest.approx(losses)
    train_dpr(small_config(tmp_path / "without", model, max_steps=2, tensorboard=False))
    assert not list((tmp_path / "without").rglob("events.out.tfevents.*"))


def test_tensorboard_that_is_missing_is_said(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dpr_haystack.engines.training.schedule.find_spec", lambda _: None)
    with pytest.raises(InputError, match="tensorboard: true needs the package tensorboard: pip install tensorboard"):
        train_dpr(small_config(tmp_path, model, tensorboard=True))


def test_without_torchrun_one_gpu_is_used_however_many_there_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = OneDevice(output_dir=str(tmp_path), use_cpu=True)
    for count, used in ((0, 0), (1, 1), (8, 1)):
        monkeypatch.setattr(arguments, "_n_gpu", count)
        assert arguments.n_gpu == used


def test_under_torchrun_processes_share_the_work(model: Path, tmp_path: Path) -> None:
    alone = small_config(tmp_path / "alone", model, dropout=0.0, dev_file=None, batch_size=8, max_steps=4)
    settings = {**alone.as_settings(), "batch_size": 4, "output_dir": str(tmp_path / "shared")}
    under_torchrun(tmp_path / "shared.yml", "train", settings)
    train_dpr(alone)
    shared = small_config(tmp_path, model, output_dir=str(tmp_path / "shared"))
    # four questions in each of two processes, with the passages of both: the same as eight in one
    assert list(losses_of(shared).values()) == pytest.approx(list(losses_of(alone).values()), rel=0.02)


def test_under_torchrun_no_process_has_a_batch_more_than_another(model: Path, tmp_path: Path) -> None:
    # 9 batches for two processes: one that went on alone would wait for the other's passages for ever
    config = small_config(tmp_path, model, dev_file=None, batch_size=4, train_questions=36, epochs=2)
    under_torchrun(tmp_path / "config.yml", "train", config.as_settings())
    assert list(losses_of(config)) == list(range(1, 9))


def test_under_torchrun_a_restart_is_one_in_every_process(model: Path, tmp_path: Path) -> None:
    config = small_config(tmp_path, model, max_steps=4, batch_size=4)
    file = tmp_path / "c.yml"
    under_torchrun(file, "train", config.as_settings())
    first = losses_of(config)
    under_torchrun(file, "train", config.as_settings(), "--restart")
    assert losses_of(config) == first
