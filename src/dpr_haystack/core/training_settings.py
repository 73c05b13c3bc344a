# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""What the configurations of all trainings share: where files are, and checks of single settings."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, get_args, get_type_hints


class TrainingSettings:
    """Methods of a configuration, which is a dataclass with these settings and its own."""

    train_file: str | tuple[str, ...]
    output_dir: str
    dev_file: str | None
    device: str | None
    average_last: int
    keep_checkpoints: int
    early_stopping: int | None

    @property
    def train_files(self) -> tuple[str, ...]:
        """The training files, as a tuple."""
        return (self.train_file,) if isinstance(self.train_file, str) else self.train_file

    @property
    def model_dir(self) -> Path:
        """Where the trained model is written."""
        return Path(self.output_dir).expanduser() / "model"

    def as_settings(self) -> dict[str, Any]:
        """All settings by name, as in YAML and JSON."""
        settings = dataclasses.asdict(self)  # type: ignore[call-overload]  # its subclasses are dataclasses
        return {name: list(value) if isinstance(value, tuple) else value for name, value in settings.items()}

    def _wrong_choices(self, names: Iterable[str]) -> Iterator[str]:
        hints = get_type_hints(type(self))
        for name in names:
            choices = get_args(hints[name])
            if getattr(self, name) not in choices:
                yield f"{name} must be one of {', '.join(choices)}: got {getattr(self, name)!r}"

    def _wrong_numbers(self, positive: Iterable[str], not_negative: Iterable[str]) -> Iterator[str]:
        for names, strict in ((positive, True), (not_negative, False)):
            for name in names:
                value = getattr(self, name)
                if value is not None and (not math.isfinite(value) or value < 0 or (strict and value == 0)):
                    yield f"{name} must be {'above 0' if strict else '0 or more'}: got {value}"
        for name in ("dropout", "lora_dropout"):
            value = getattr(self, name)
            if value is not None and not 0 <= value < 1:
                yield f"{name} must be from 0 up to below 1: got {value}"

    def _wrong_run(self, command: str) -> Iterator[str]:
        if not self.train_files:
            yield "train_file must name at least one file"
        if self.average_last > self.keep_checkpoints:
            yield (
                f"average_last is {self.average_last}, but only {self.keep_checkpoints} checkpoints are kept: raise "
                "keep_checkpoints"
            )
        name, _, number = (self.device or "").partition(":")
        if name == "cuda" and number not in ("", "0"):
            yield (
                f"device {self.device}: training uses the first visible GPU; make this one visible: "
                f"CUDA_VISIBLE_DEVICES={number} dpr-haystack {command} ..., and do not set device"
            )
        if self.early_stopping is not None and self.dev_file is None:
            yield "early_stopping needs a dev_file"
