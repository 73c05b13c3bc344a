# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""`dpr-haystack train`: trains two towers as configured."""

from __future__ import annotations

import argparse
import sys
import time
from typing import TYPE_CHECKING, Any

from dpr_haystack.cli.bad_records import SkippedRecords, print_note

if TYPE_CHECKING:
    from dpr_haystack.core.progress import StepProgress
    from dpr_haystack.workflows.training.running import TrainingReport

SUMMARY = "train a question tower and a passage tower"
DESCRIPTION = """Trains with the settings of a YAML file, or of one of the shipped configurations: paper (the settings
of the paper and its code), one-gpu, laptop. The trained pair is written to model/ below output_dir, together with the
curves of loss and accuracy. After an interruption, the same command resumes."""
EXAMPLE = "dpr-haystack train laptop model=demo/model train_file=mined.jsonl output_dir=trained"

_SECONDS_A_LINE = 10.0
_LABELS = {
    "average_rank": "average rank",
    "top_1": "top-1",
    "top_5": "top-5",
    "top_20": "top-20",
    "em": "EM",
    "f1": "F1",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    add_config(parser)
    parser.add_argument("--restart", action="store_true", help="discard an earlier training in output_dir")


def add_config(parser: argparse.ArgumentParser) -> None:
    """Add the arguments for a configuration.

    :param parser: The parser of a command.
    """
    parser.add_argument("config", metavar="CONFIG", help="YAML file, or name of a shipped configuration")
    parser.add_argument(
        "settings",
        nargs="*",
        metavar="NAME=VALUE",
        help="settings that override those of CONFIG; must come before any option",
    )


def run(arguments: argparse.Namespace) -> int:
    """Train and print a summary."""
    from dpr_haystack.workflows.training.config import read_config
    from dpr_haystack.workflows.training.train import train_dpr

    config = read_config(arguments.config, overrides(arguments.settings))
    bad = SkippedRecords()
    report = train_dpr(config, restart=arguments.restart, on_bad=bad, on_note=print_note, progress=training_progress())
    bad.print_count()
    print("\n".join(summary(report, "pair")))
    return 0 if report.finished else 130


def overrides(settings: list[str]) -> dict[str, Any]:
    """Settings from the command line, with values parsed as YAML.

    :param settings: Arguments of the form NAME=VALUE.
    :raises InputError: If one is not NAME=VALUE.
    """
    import yaml

    from dpr_haystack.errors import InputError

    values = {}
    for setting in settings:
        name, sign, value = setting.partition("=")
        if not sign or not name:
            msg = f"a setting must be NAME=VALUE, e.g. epochs=3: got {setting!r}"
            raise InputError(msg)
        try:
            values[name] = yaml.safe_load(value)
        except yaml.YAMLError as error:
            msg = f"the value of a setting must be YAML: got {setting!r}"
            raise InputError(msg) from error
    return values


def summary(report: TrainingReport, what: str) -> list[str]:
    """Format a report as text.

    :param report: The result of the training.
    :param what: What was trained: ``"pair"`` or ``"reader"``.
    """
    if not report.finished:
        return [f"stopped after step {report.steps} with a checkpoint; run the same command to resume"]
    lines = [f"{report.steps} steps; the {what} is in {report.model} ({report.weights} weights)"]
    if report.validation:
        values = [
            f"{_LABELS.get(name, name)} {value:.1f}" for name, value in report.validation.items() if name != "mrr"
        ]
        lines.append(f"validation: {', '.join(values)}")
    return lines


def training_progress() -> StepProgress:
    """A progress bar on stderr with the remaining time, or regular lines if stderr is not a terminal."""
    from tqdm import tqdm

    if not sys.stderr.isatty():
        return _Lines()
    bar = tqdm(desc="steps", unit="", file=sys.stderr)

    def move(done: int, total: int, logged: dict[str, float]) -> None:
        if bar.total != total or done < bar.n:  # another training, or a resumed one
            bar.reset(total)
            bar.initial = bar.n = done - 1
        bar.update(done - bar.n)
        if "loss" in logged:
            bar.set_postfix(loss=f"{logged['loss']:.3f}")

    return move


class _Lines:
    """Prints regular lines of progress."""

    def __init__(self) -> None:
        self._printed = time.monotonic()
        self._start = (self._printed, 0)
        self._last: tuple[int, int] | None = None
        self._loss = ""

    def __call__(self, done: int, total: int, logged: dict[str, float]) -> None:
        now = time.monotonic()
        if self._last is None or done <= self._last[0] or total != self._last[1]:  # another training
            self._start = (now, done)
        self._last = (done, total)
        if "loss" in logged:
            self._loss = f", loss {logged['loss']:.3f}"
        for name in ("average_rank", "em", "f1"):
            if f"eval_{name}" in logged:
                print(f"validation: {_LABELS[name]} {logged[f'eval_{name}']:.1f}", file=sys.stderr, flush=True)
        if now - self._printed < _SECONDS_A_LINE or done == self._start[1]:
            return
        self._printed = now
        seconds = (now - self._start[0]) / (done - self._start[1])
        remaining = (total - done) * seconds
        print(
            f"step {done} of {total}{self._loss}, {seconds:.2f} s per step, {remaining / 60:.0f} min left",
            file=sys.stderr,
            flush=True,
        )
