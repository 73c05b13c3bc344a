# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""`dpr-haystack train`: two towers from a configuration."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from dpr_haystack.cli.bad_records import PassingOver

if TYPE_CHECKING:
    from dpr_haystack.workflows.training.train import TrainingReport

SUMMARY = "train a question and a passage tower"
DESCRIPTION = """Trains as a YAML file says; settings behind it take the place of the file's. Instead of a file, name
one of the shipped configurations: paper (the settings of the paper and its code), one-gpu, laptop. The trained pair is
in model/ below output_dir, beside it the curves of loss and accuracy. Killed or interrupted, the same command goes
on."""
EXAMPLE = "dpr-haystack train laptop model=demo/model train_file=mined.jsonl output_dir=trained"

_SECONDS_A_LINE = 10.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of this command."""
    parser.add_argument("config", metavar="CONFIG", help="a YAML file, or the name of a shipped configuration")
    parser.add_argument(
        "settings", nargs="*", metavar="NAME=VALUE", help="settings in place of the file's; before any option"
    )
    parser.add_argument("--restart", action="store_true", help="throw away what an earlier run left in output_dir")


def run(arguments: argparse.Namespace) -> int:
    """Train, and say where the pair is."""
    from dpr_haystack.workflows.training.config import read_config
    from dpr_haystack.workflows.training.train import train_dpr

    config = read_config(arguments.config, overrides(arguments.settings))
    bad = PassingOver()
    report = train_dpr(config, restart=arguments.restart, on_bad=bad, progress=training_progress())
    bad.say_count()
    print("\n".join(told(report)))
    return 0 if report.finished else 130


def overrides(settings: list[str]) -> dict[str, Any]:
    """Settings from the command line, their values read as YAML.

    :raises InputError: If one is not NAME=VALUE.
    """
    import yaml

    from dpr_haystack.errors import InputError

    values = {}
    for setting in settings:
        name, sign, value = setting.partition("=")
        if not sign or not name:
            msg = f"{setting!r} is no setting: write NAME=VALUE, e.g. epochs=3"
            raise InputError(msg)
        try:
            values[name] = yaml.safe_load(value)
        except yaml.YAMLError as error:
            msg = f"{setting!r}: the value cannot be read as YAML"
            raise InputError(msg) from error
    return values


def told(report: TrainingReport) -> list[str]:
    """What came of it, for people to read."""
    if not report.finished:
        return [f"stopped after step {report.steps}, with a checkpoint: the same command goes on"]
    lines = [f"{report.steps} steps; the pair is in {report.model} ({report.weights} weights)"]
    if report.validation:
        values = [f"{name.replace('_', '-')} {value:.1f}" for name, value in report.validation.items() if name != "mrr"]
        lines.append(f"validation: {', '.join(values)}")
    return lines


def training_progress() -> Callable[[int, int, dict[str, float]], None]:
    """A progress bar of steps with the time left on stderr, or a line now and then where that is no terminal."""
    from tqdm import tqdm

    if not sys.stderr.isatty():
        return _Lines()
    bar = tqdm(desc="steps", unit="", file=sys.stderr)

    def move(done: int, total: int, logged: dict[str, float]) -> None:
        if bar.total != total or done < bar.n:  # another training, or one that goes on
            bar.reset(total)
            bar.initial = bar.n = done - 1
        bar.update(done - bar.n)
        if "loss" in logged:
            bar.set_postfix(loss=f"{logged['loss']:.3f}")

    return move


class _Lines:
    """A line now and then, where stderr is no terminal."""

    def __init__(self) -> None:
        self._said = time.monotonic()
        self._began = (self._said, 0)
        self._last: tuple[int, int] | None = None
        self._loss = ""

    def __call__(self, done: int, total: int, logged: dict[str, float]) -> None:
        now = time.monotonic()
        if self._last is None or done <= self._last[0] or total != self._last[1]:  # another training
            self._began = (now, done)
        self._last = (done, total)
        if "loss" in logged:
            self._loss = f", loss {logged['loss']:.3f}"
        if "eval_average_rank" in logged:
            print(f"validation: average rank {logged['eval_average_rank']:.1f}", file=sys.stderr, flush=True)
        if now - self._said < _SECONDS_A_LINE or done == self._began[1]:
            return
        self._said = now
        seconds = (now - self._began[0]) / (done - self._began[1])
        left = (total - done) * seconds
        print(
            f"step {done} of {total}{self._loss}, {seconds:.2f} s a step, {left / 60:.0f} min left",
            file=sys.stderr,
            flush=True,
        )
