# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""`dpr-haystack train-reader`: trains a reader as configured."""

from __future__ import annotations

import argparse

from dpr_haystack.cli.bad_records import SkippedRecords, print_note
from dpr_haystack.cli.train import add_config, overrides, summary, training_progress

SUMMARY = "train a reader"
DESCRIPTION = """Trains with the settings of a YAML file, or of one of the shipped configurations: reader-paper (the
settings of the paper and its code), reader-one-gpu, reader-laptop. Questions come with their passages: SQuAD files, the
retrieval results of DPR, or files of build-reader-data. The trained reader is written to model/ below output_dir,
together with the curves of loss, EM and F1. After an interruption, the same command resumes."""
EXAMPLE = "dpr-haystack train-reader reader-laptop model=demo/model train_file=reader.jsonl output_dir=reader"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    add_config(parser)
    parser.add_argument("--restart", action="store_true", help="discard an earlier training in output_dir")


def run(arguments: argparse.Namespace) -> int:
    """Train and print a summary."""
    from dpr_haystack.workflows.training.config import read_reader_config
    from dpr_haystack.workflows.training.train_reader import train_reader

    config = read_reader_config(arguments.config, overrides(arguments.settings))
    bad = SkippedRecords()
    report = train_reader(
        config, restart=arguments.restart, on_bad=bad, on_note=print_note, progress=training_progress()
    )
    bad.print_count()
    print("\n".join(summary(report, "reader")))
    return 0 if report.finished else 130
