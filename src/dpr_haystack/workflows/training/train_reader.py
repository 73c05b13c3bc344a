# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Training a reader from a configuration: from questions with passages to a model directory."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dpr_haystack._optional import require
from dpr_haystack.core.progress import StepProgress
from dpr_haystack.core.reader_set_facts import reader_set_facts
from dpr_haystack.core.reader_training_config import ReaderTrainingConfig
from dpr_haystack.core.reader_training_set import ReaderTrainingSet
from dpr_haystack.errors import InputError
from dpr_haystack.formats.labelled import OnNote
from dpr_haystack.formats.open_text import OnBad
from dpr_haystack.workflows.training.curves import READER_CURVES
from dpr_haystack.workflows.training.reader_loading import load_reader_set
from dpr_haystack.workflows.training.run_directory import RunDirectory
from dpr_haystack.workflows.training.running import TrainingReport, alone, ignore, is_first_process, write_curves

if TYPE_CHECKING:
    from dpr_haystack.engines.training.reader.session import ReaderSession
    from dpr_haystack.engines.training.running import Outcome


def train_reader(
    config: ReaderTrainingConfig,
    *,
    restart: bool = False,
    token: str | None = None,
    on_bad: OnBad | None = None,
    on_note: OnNote | None = None,
    progress: StepProgress | None = None,
) -> TrainingReport:
    """Train a reader (Karpukhin et al. 2020, section 6).

    After an interruption at any time, the same call resumes from the last checkpoint and ends with the same weights as
    an uninterrupted training. Under ``torchrun`` every process calls it.

    :param config: The training configuration.
    :param restart: Discard an earlier training in ``output_dir``.
    :param token: A Hugging Face token.
    :param on_bad: Called with the error of each bad question, if ``config.skip_bad`` is set.
    :param on_note: Called in the first process with sentences about the files, and with what is in the training set.
    :param progress: Called after every step.
    :returns: The model directory with the reader, and its validation metrics.
    :raises InputError: If files, settings and model are incompatible, or another training was begun there.
    :raises ModelError: If the model cannot be loaded.
    :raises TrainingFailed: If the loss or the weights contain NaN or infinity.
    :raises MissingExtra: If the packages for training are not installed.
    """
    for module in ("accelerate", "sentence_transformers"):
        require(module, "train", "training")
    from dpr_haystack.engines.training.reader.session import ReaderSession

    run = RunDirectory(Path(config.output_dir).expanduser().absolute())
    with alone(run):
        bad = (on_bad or ignore) if config.skip_bad else None
        note = on_note if is_first_process() else None
        limit, seed = config.train_questions, config.seed
        train = load_reader_set(config.train_files, limit=limit, seed=seed, on_bad=bad, on_note=note)
        _check(config, train)
        train = _learnt_from(config, train, note)
        dev = None
        if config.dev_file is not None:
            dev = load_reader_set([config.dev_file], limit=config.dev_questions, seed=seed, on_bad=bad, on_note=note)
        data = {"questions": len(train.rows), "fingerprint": train.fingerprint()}
        if is_first_process() and not restart:
            run.check(config, data)
        session = ReaderSession(
            config,
            train,
            dev,
            checkpoints=run.checkpoints,
            curves=lambda history: write_curves(run, history, READER_CURVES),
            progress=progress,
            token=token,
        )
        if is_first_process():  # only after all settings were checked
            if restart:
                run.clear()
            run.begin(config, data)
        session.wait_for_others()  # no process may see discarded checkpoints
        return _finished(config, run, session, session.train(), len(train.rows))


def _finished(
    config: ReaderTrainingConfig, run: RunDirectory, session: ReaderSession, outcome: Outcome, questions: int
) -> TrainingReport:
    if not outcome.finished:
        return TrainingReport(config.model_dir, outcome.steps, "last", {}, finished=False)
    facts: dict[str, Any] = {
        "settings": config.as_settings(),
        "questions": questions,
        "steps": outcome.steps,
        "weights": outcome.weights,
        "validation": outcome.validation,
        "trained_with": f"dpr-haystack {version('dpr-haystack')}",
    }
    if is_first_process():
        session.save(run.root / "model", facts)
        run.finish({"steps": outcome.steps, "weights": outcome.weights, "validation": outcome.validation})
    return TrainingReport(run.root / "model", outcome.steps, outcome.weights, outcome.validation)


def _learnt_from(config: ReaderTrainingConfig, train: ReaderTrainingSet, on_note: OnNote | None) -> ReaderTrainingSet:
    """The questions that the reader can learn from; what is in them is told."""
    kept = train
    if not config.no_answer:
        kept = ReaderTrainingSet([row for row in train.rows if row.positives], train.passages)
    if on_note is not None:
        on_note(f"training set: {reader_set_facts(kept)}")
        if left_out := len(train.rows) - len(kept.rows):
            on_note(f"questions left out because they have no answer, and no_answer is not trained: {left_out}")
    return kept


def _check(config: ReaderTrainingConfig, train: ReaderTrainingSet) -> None:
    if config.train_questions is not None and len(train.rows) < config.train_questions:
        msg = f"train_questions must not exceed the {len(train.rows)} questions: got {config.train_questions}"
        raise InputError(msg)
    if not any(row.positives for row in train.rows):
        msg = (
            f"none of the {len(train.rows)} questions has a passage that contains an answer: there is nothing to learn"
        )
        raise InputError(msg)
    if config.scores_passages and not any(row.negatives for row in train.rows):
        msg = (
            f"passages is {config.passages}, but none of the {len(train.rows)} questions has a passage without an "
            "answer: retrieve passages with dpr-haystack build-reader-data, or set passages to 1"
        )
        raise InputError(msg)
