# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""The index of metadata on disk, so that the next process need not read all documents. Deleting it loses nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from uuid import uuid4
from zipfile import BadZipFile

import numpy as np
from haystack import logging

from dpr_haystack.core.files import write_atomically
from dpr_haystack.store.columns import Column
from dpr_haystack.store.database import State
from dpr_haystack.store.filter_documents import Documents
from dpr_haystack.store.filter_evaluation import Path as Field

logger = logging.getLogger(__name__)

Columns = dict[Field, Column]


class FilterFiles:
    """Saves and loads the index of metadata.

    :param folder: The store's folder of derived indexes.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._position = folder / "filters.json"

    def save(self, documents: Documents, columns: Columns) -> bool:
        """Write the index; a failure is only logged.

        :param documents: What was read.
        :param columns: The columns.
        :returns: Whether it was written.
        """
        name = f"filters-{uuid4().hex[:8]}.npz"
        generation, last_key, last_tombstone = documents.version
        position = {"file": name, "generation": generation, "last_key": last_key, "last_tombstone": last_tombstone}
        try:
            self._folder.mkdir(exist_ok=True)
            with (self._folder / name).open("wb") as file:
                np.savez(file, allow_pickle=False, **_arrays(documents, columns))
            write_atomically(self._position, json.dumps(position))
            for old in self._folder.glob("filters-*.npz"):
                if old.name != name:
                    old.unlink(missing_ok=True)
        except OSError as error:
            logger.debug(
                "{folder}: the index of metadata was not written: {error}", folder=str(self._folder), error=error
            )
            (self._folder / name).unlink(missing_ok=True)
            return False
        return True

    def load(self, state: State | None = None) -> tuple[Documents, Columns] | None:
        """The index on disk; None if there is none that can be used.

        :param state: The store's state, which must not be older; None not to check.
        """
        try:
            position = json.loads(self._position.read_text(encoding="utf-8"))
            version = position["generation"], position["last_key"], position["last_tombstone"]
            if state is not None and any(old > new for old, new in zip(version, state.version, strict=True)):
                return None
            with (self._folder / position["file"]).open("rb") as file, np.load(file) as arrays:  # verifies checksums
                return _from_arrays({name: arrays[name] for name in arrays.files}, version)
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError, AttributeError, EOFError, BadZipFile) as error:
            logger.warning(
                "{file} is damaged and will be written again: {error}", file=str(self._position), error=error
            )
            return None

    def drop(self) -> None:
        """Delete the index."""
        self._position.unlink(missing_ok=True)
        for path in self._folder.glob("filters-*.npz"):
            path.unlink(missing_ok=True)


def _arrays(documents: Documents, columns: Columns) -> dict[str, Any]:
    arrays: dict[str, Any] = {
        "fields": np.array(json.dumps([list(field) for field in columns])),
        "keys": documents.keys.values,
        "rows": documents.rows.values,
        "died": documents.died.values,
    }
    for number, column in enumerate(columns.values()):
        snapshot = column.snapshot()
        arrays[f"kinds{number}"], arrays[f"payloads{number}"] = snapshot.kinds, snapshot.payloads
        arrays[f"sorted{number}"] = np.array(snapshot.sorted_size)
        for kind, (_, positions) in snapshot.in_order.items():
            arrays[f"order{number}-{kind}"] = positions
    return arrays


def _from_arrays(arrays: dict[str, Any], version: tuple[int, int, int]) -> tuple[Documents, Columns]:
    documents = Documents.none()
    documents.keys.extend(arrays["keys"])
    documents.rows.extend(arrays["rows"])
    documents.died.extend(arrays["died"])
    documents.deaths = int(np.count_nonzero(arrays["died"]))
    documents.generation, documents.last_key, documents.last_tombstone = version
    columns: Columns = {}
    for number, field in enumerate(json.loads(str(arrays["fields"]))):
        start = f"order{number}-"
        order = {int(name.removeprefix(start)): arrays[name] for name in arrays if name.startswith(start)}
        columns[tuple(field)] = Column.restored(
            arrays[f"kinds{number}"], arrays[f"payloads{number}"], order, int(arrays[f"sorted{number}"])
        )
    return documents, columns
