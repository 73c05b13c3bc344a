# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Training two towers from a configuration: from training files to a model directory."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from dpr_haystack._optional import require
from dpr_haystack.core.progress import StepProgress
from dpr_haystack.core.training_config import TrainingConfig
from dpr_haystack.core.training_set import TrainingSet
from dpr_haystack.formats.labelled import OnNote
from dpr_haystack.formats.open_text import OnBad
from dpr_haystack.formats.tables import is_table
from dpr_haystack.workflows.training.curves import TOWER_CURVES
from dpr_haystack.workflows.training.loading import load_training_set, tables_of
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


def train_dpr(
    config: TrainingConfig,
    *,
    restart: bool = False,
    token: str | None = None,
    on_bad: OnBad | None = None,
    on_note: OnNote | None = None,
    progress: StepProgress | None = None,
) -> TrainingReport:
    """Train two towers (Karpukhin et al. 2020, section 3).

    After an interruption at any time, the same call resumes from the last checkpoint and ends with the same weights as
    an uninterrupted training. Under ``torchrun`` every process calls it.

    :param config: The training configuration.
    :param restart: Discard an earlier training in ``output_dir``.
    :param token: A Hugging Face token.
    :param on_bad: Called with the error of each bad example, if ``config.skip_bad`` is set.
    :param on_note: Called with a sentence about how a file of columns was read, in the first process.
    :param progress: Called after every step.
    :returns: The model directory and its validation metrics.
    :raises InputError: If files, settings and models are incompatible, or another training was begun there.
    :raises ModelError: If a model cannot be loaded.
    :raises TrainingFailed: If the loss or the weights contain NaN or infinity.
    :raises MissingExtra: If the packages for training are not installed.
    """
    for module in ("accelerate", "datasets", "sentence_transformers"):
        require(module, "train", "training")
    from dpr_haystack.engines.training.towers.session import Session

    run = RunDirectory(Path(config.output_dir).expanduser().absolute())
    with alone(run):
        bad = (on_bad or ignore) if config.skip_bad else None
        note = on_note if is_first_process() else None
        limit, seed = config.train_questions, config.seed
        tables = tables_of(config)
        train = load_training_set(config.train_files, limit=limit, seed=seed, on_bad=bad, on_note=note, tables=tables)
        check_count(config.train_questions, train)
        dev = _validation_set(config, bad, note)
        make = partial(
            Session,
            config,
            train,
            dev,
            checkpoints=run.checkpoints,
            curves=lambda history: write_curves(run, history, TOWER_CURVES),
            progress=progress,
            token=token,
        )
        return carry_out(config, run, train, make, restart=restart)


def _validation_set(config: TrainingConfig, on_bad: OnBad | None, on_note: OnNote | None) -> TrainingSet | None:
    if config.dev_file is None:
        return None
    limit, seed = config.dev_questions, config.seed
    tables = tables_of(config) if is_table(config.dev_file) else None
    return load_training_set([config.dev_file], limit=limit, seed=seed, on_bad=on_bad, on_note=on_note, tables=tables)
