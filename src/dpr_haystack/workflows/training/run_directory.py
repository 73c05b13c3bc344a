# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""The directory of one training: its files, and whether the training can be resumed."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from dpr_haystack.core.files import write_atomically
from dpr_haystack.errors import DataError, InputError

# Settings that may differ when a training is resumed.
_FREE = {"output_dir", "keep_checkpoints", "log_steps", "tensorboard", "skip_bad", "columns", "quoting", "average_last"}


class Settings(Protocol):
    """The configuration of a training."""

    def as_settings(self) -> dict[str, Any]:
        """All settings by name, as in YAML and JSON."""


@dataclass(frozen=True)
class RunDirectory:
    """Paths below a training's ``output_dir``.

    :param root: The directory.
    """

    root: Path

    @property
    def record(self) -> Path:
        """Settings and data of the training and, once it is finished, its result."""
        return self.root / "training.json"

    @property
    def checkpoints(self) -> Path:
        """The folder of checkpoints."""
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
        """The file locked during training."""
        return self.root / "training.lock"

    def check(self, config: Settings, data: Mapping[str, Any]) -> None:
        """Check that a training can begin or be resumed here.

        :param config: The settings.
        :param data: Facts that identify the training data.
        :raises InputError: If another training was begun here, or this one is finished.
        """
        before = self.read()
        if before.get("finished"):
            msg = f"the training in {self.root} is finished: use another output_dir, or discard it (--restart)"
            raise InputError(msg)
        if before:
            self._compare(before, {"settings": config.as_settings(), "data": dict(data)})

    def begin(self, config: Settings, data: Mapping[str, Any]) -> None:
        """Record settings and data of the training that begins here.

        :param config: The settings.
        :param data: Facts that identify the training data.
        """
        now = {"settings": config.as_settings(), "data": dict(data)}
        write_atomically(self.record, json.dumps(now, indent=2, ensure_ascii=False) + "\n")

    def clear(self) -> None:
        """Discard an earlier training; its finished pair stays until another one replaces it."""
        for path in (self.record, self.table, self.picture):
            path.unlink(missing_ok=True)
        shutil.rmtree(self.checkpoints, ignore_errors=True)

    def is_finished(self, config: Settings, data: Mapping[str, Any]) -> bool:
        """Whether a training with these settings and data is finished here.

        :param config: The settings.
        :param data: Facts that identify the training data.
        :raises InputError: If another training is finished here.
        """
        before = self.read()
        if not before.get("finished"):
            return False
        self._compare(before, {"settings": config.as_settings(), "data": dict(data)})
        return True

    def finish(self, result: Mapping[str, Any]) -> None:
        """Record the result of the training.

        :param result: The result, e.g. which weights were selected.
        """
        record = {**self.read(), "finished": dict(result)}
        write_atomically(self.record, json.dumps(record, indent=2, ensure_ascii=False) + "\n")

    def read(self) -> dict[str, Any]:
        """The record; empty if no training was begun.

        :raises DataError: If it is not JSON.
        """
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
                        f"the training in {self.root} was begun with {name} {old.get(name)!r}: got {new.get(name)!r}; "
                        "use another output_dir, or discard that training (--restart)"
                    )
                    raise InputError(msg)
