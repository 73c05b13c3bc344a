# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Training a reader from a configuration: from questions with passages to a model directory."""

from __future__ import annotations

from functools import partial
from pathlib import Path

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
from dpr_haystack.workflows.training.running import (
    TrainingReport,
    alone,
    carry_out,
    check_count,
    ignore,
    is_first_process,
    write_curves,
)


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
        make = partial(
            ReaderSession,
            config,
            train,
            dev,
            checkpoints=run.checkpoints,
            curves=lambda history: write_curves(run, history, READER_CURVES),
            progress=progress,
            token=token,
        )
        return carry_out(config, run, train, make, restart=restart)


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
    check_count(config.train_questions, train)
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
