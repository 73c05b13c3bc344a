# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""The directory of one training: what lies where, and whether it can be gone on with."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dpr_haystack.core.files import write_atomically
from dpr_haystack.core.training_config import TrainingConfig
from dpr_haystack.errors import DataError, InputError

# Settings that may change between the parts of a training without making it another one.
_FREE = {"output_dir", "keep_checkpoints", "log_steps", "tensorboard", "skip_bad", "average_last"}


@dataclass(frozen=True)
class RunDirectory:
    """Paths below a training's ``output_dir``."""

    root: Path

    @property
    def record(self) -> Path:
        """What is trained with which settings, and, at its end, what came of it."""
        return self.root / "training.json"

    @property
    def checkpoints(self) -> Path:
        """Where checkpoints are."""
        return self.root / "checkpoints"

    @property
    def table(self) -> Path:
        """The curves as CSV."""
        return self.root / "curves.csv"

    @property
    def picture(self) -> Path:
        """The curves as PNG."""
        return self.root / "curves.png"

    @property
    def lock(self) -> Path:
        """Held while something trains here."""
        return self.root / "training.lock"

    def check(self, config: TrainingConfig, data: Mapping[str, Any]) -> None:
        """Make sure that what is to be trained is what was begun here, if anything was.

        :param config: The settings.
        :param data: What tells the training data from others.
        :raises InputError: If another training was begun here, or this one has been finished.
        """
        before = self.read()
        if before.get("finished"):
            msg = f"the training in {self.root} is finished: name another output_dir, or throw it away (--restart)"
            raise InputError(msg)
        if before:
            self._compare(before, {"settings": config.as_settings(), "data": dict(data)})

    def begin(self, config: TrainingConfig, data: Mapping[str, Any]) -> None:
        """Note what is trained here.

        :param config: The settings.
        :param data: What tells the training data from others.
        """
        now = {"settings": config.as_settings(), "data": dict(data)}
        write_atomically(self.record, json.dumps(now, indent=2, ensure_ascii=False) + "\n")

    def clear(self) -> None:
        """Throw away what was trained here; a finished pair stays until another one takes its place."""
        for path in (self.record, self.table, self.picture):
            path.unlink(missing_ok=True)
        shutil.rmtree(self.checkpoints, ignore_errors=True)

    def is_finished(self, config: TrainingConfig, data: Mapping[str, Any]) -> bool:
        """Whether a training with these settings and data is finished here.

        :param config: The settings.
        :param data: What tells the training data from others.
        :raises InputError: If another one is.
        """
        before = self.read()
        if not before.get("finished"):
            return False
        self._compare(before, {"settings": config.as_settings(), "data": dict(data)})
        return True

    def finish(self, result: Mapping[str, Any]) -> None:
        """Note what came of the training.

        :param result: E.g. which weights were taken.
        """
        told = {**self.read(), "finished": dict(result)}
        write_atomically(self.record, json.dumps(told, indent=2, ensure_ascii=False) + "\n")

    def read(self) -> dict[str, Any]:
        """What is noted; empty where nothing was begun."""
        if not self.record.is_file():
            return {}
        try:
            return dict(json.loads(self.record.read_text(encoding="utf-8")))
        except ValueError as error:
            raise DataError(self.record, f"cannot be read as JSON: {error}") from error

    def _compare(self, before: Mapping[str, Any], now: Mapping[str, Any]) -> None:
        for part in ("settings", "data"):
            old, new = before.get(part, {}), now[part]
            for name in sorted(set(old) | set(new)):
                if name not in _FREE and old.get(name) != new.get(name):
                    msg = (
                        f"{self.root} has a training that was begun with {name} {old.get(name)!r}, and now it is "
                        f"{new.get(name)!r}: name another output_dir, or throw that training away (--restart)"
                    )
                    raise InputError(msg)
