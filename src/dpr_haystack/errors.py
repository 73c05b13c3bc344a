# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Every exception that dpr-haystack raises on its own account.

::

    DPRError
    ├── MissingExtra (ImportError)      an optional dependency is not installed
    ├── InputError (ValueError)         what the caller passed cannot be used
    │   ├── DataError                   a file: its name, line and what is wrong there
    │   ├── IndexMismatch               a store, index or vector that does not fit: expected and got
    │   └── EncoderMismatch             a question tower that belongs to another passage tower
    ├── ModelError                      a model that cannot be found or loaded
    ├── TrainingFailed                  training that cannot go on: a loss that is no number
    └── StoreError                      a store that cannot be opened, read or written
        ├── StoreBusy                   another process writes to it, and went on for too long
        └── SearchServerError           Elasticsearch did not do what it was asked
            ├── SearchServerUnavailable     not reachable, too slow, busy or without all its shards: try again later
            ├── SearchServerDenied          credentials that are missing, wrong or not enough
            ├── SearchIndexMissing          there is no index of that name: make it
            └── SearchRequestRefused (InputError)   it understood and refused: change what was asked

The document store maps what Haystack has a name for to Haystack's own exceptions as well
(``DocumentStoreError``, ``DuplicateDocumentError``, ``FilterError``).
"""

from __future__ import annotations

from pathlib import Path


class DPRError(Exception):
    """Base of all exceptions of this package."""


class MissingExtra(DPRError, ImportError):
    """An optional dependency is needed and not installed; the message has the pip line."""

    def __init__(self, module: str, extra: str, purpose: str) -> None:
        self.module = module
        self.extra = extra
        super().__init__(f"{purpose} needs the package {module!r}: pip install 'dpr-haystack[{extra}]'")


class InputError(DPRError, ValueError):
    """What the caller passed cannot be used."""


class DataError(InputError):
    """A file that cannot be read as what it should be.

    :param path: The file.
    :param reason: What is wrong.
    :param line: The line it is wrong in, counted from 1, if there is one.
    """

    def __init__(self, path: str | Path, reason: str, line: int | None = None) -> None:
        self.path = Path(path)
        self.line = line
        self.reason = reason
        where = f"{path}, line {line}" if line is not None else str(path)
        super().__init__(f"{where}: {reason}")


class IndexMismatch(InputError):
    """A store, index or vector that does not fit what is there.

    :param what: What does not fit, e.g. ``"embedding dimension"``.
    :param expected: What is there.
    :param got: What was passed.
    :param advice: What to do about it.
    """

    def __init__(self, what: str, expected: object, got: object, advice: str = "") -> None:
        self.expected = expected
        self.got = got
        message = f"{what}: expected {expected}, got {got}"
        super().__init__(f"{message}. {advice}" if advice else message)


class EncoderMismatch(InputError):
    """A question tower that is known to belong to another passage tower than the one that made a store's vectors."""


class ModelError(DPRError):
    """A model that cannot be found or loaded."""


class TrainingFailed(DPRError):
    """Training that cannot go on, e.g. because its loss is no number."""


class StoreError(DPRError):
    """A store that cannot be opened, read or written."""


class StoreBusy(StoreError):
    """Another process is writing to the store and did not finish in time."""


class SearchServerError(StoreError):
    """Elasticsearch did not do what it was asked.

    :param message: What happened; never with credentials.
    :param status: The HTTP status of its answer; None if there was none.
    :param kind: What Elasticsearch calls the error, e.g. ``"index_not_found_exception"``; empty if it did not say.
    """

    def __init__(self, message: str, status: int | None = None, kind: str = "") -> None:
        self.status = status
        self.kind = kind
        super().__init__(message)


class SearchServerUnavailable(SearchServerError):
    """The server cannot be reached, took too long, is busy or lacks shards: the same request may do later."""


class SearchServerDenied(SearchServerError):
    """Credentials that are missing, wrong, or not enough for what was asked."""


class SearchIndexMissing(SearchServerError):
    """There is no index of that name."""


class SearchRequestRefused(SearchServerError, InputError):
    """The server understood the request and refused it: what was asked cannot be done."""
