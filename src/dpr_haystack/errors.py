# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""The exceptions of dpr-haystack. The store's own, in :mod:`dpr_haystack.store.errors`, are subclasses of these.

::

    DPRError
    ├── MissingExtra (ImportError)      an optional dependency is not installed
    ├── InputError (ValueError)         invalid input from the caller
    │   ├── InputTypeError (TypeError)  input of the wrong type, where Haystack's own components raise TypeError
    │   ├── DataError                   an invalid file: name, line and problem
    │   ├── IndexMismatch               a store, index or vector that does not match
    │   └── EncoderMismatch             a tower that does not fit the vectors of a store
    ├── ModelError                      a model that cannot be found or loaded
    ├── TrainingFailed                  training that cannot continue, e.g. because the loss is NaN
    └── StoreError                      a store that cannot be opened, read or written
        ├── StoreBusy                   another process is writing to it and did not finish in time
        └── SearchServerError           a failed request to Elasticsearch
            ├── SearchServerUnavailable     unreachable, too slow, busy or shards missing: retry later
            ├── SearchServerDenied          credentials missing, wrong or insufficient
            ├── SearchIndexMissing          no index of that name: create it
            └── SearchRequestRefused (InputError)   the request is invalid: change it

The document store also raises Haystack's own exceptions where Haystack defines them (``DocumentStoreError``,
``DuplicateDocumentError``, ``FilterError``).
"""

from __future__ import annotations

from pathlib import Path


def install_command(extra: str) -> str:
    """The command that installs what an extra of this package lists, by name: it works from a checkout and a wheel.

    :param extra: The extra, e.g. ``"demo"``.
    :returns: The pip command.
    """
    from importlib.metadata import PackageNotFoundError, requires  # takes longer than the rest of most commands' start

    try:
        lines = requires("dpr-haystack") or []
    except PackageNotFoundError:  # the package is on the path, but not installed
        lines = []
    parts = [line.partition(";") for line in lines]
    wanted = [f"'{name.strip()}'" for name, _, condition in parts if f"extra == '{extra}'" in condition]
    return f"pip install {' '.join(wanted) or repr(f'.[{extra}]')}"


class DPRError(Exception):
    """Base of all exceptions of this package."""


class MissingExtra(DPRError, ImportError):
    """An optional dependency is not installed; the message contains the pip command.

    :param module: The missing module.
    :param extra: The extra of this package that installs it.
    :param purpose: What needs it; the start of the message.
    """

    def __init__(self, module: str, extra: str, purpose: str) -> None:
        self.module = module
        self.extra = extra
        super().__init__(f"{purpose} needs the package {module!r}: {install_command(extra)}")


class InputError(DPRError, ValueError):
    """Invalid input from the caller."""


class InputTypeError(InputError, TypeError):
    """Input of the wrong type from the caller."""


class DataError(InputError):
    """A file that cannot be read, written or parsed.

    :param path: The file.
    :param reason: The problem.
    :param line: The number of the line with the problem, from 1, if known.
    """

    def __init__(self, path: str | Path, reason: str, line: int | None = None) -> None:
        self.path = Path(path)
        self.line = line
        self.reason = reason
        where = f"{path}, line {line}" if line is not None else str(path)
        super().__init__(f"{where}: {reason}")


class IndexMismatch(InputError):
    """A store, index or vector that does not match the existing one.

    :param what: What does not match, e.g. ``"embedding dimension"``.
    :param expected: The expected value.
    :param got: The value found.
    :param advice: How to solve the problem.
    """

    def __init__(self, what: str, expected: object, got: object, advice: str = "") -> None:
        self.expected = expected
        self.got = got
        message = f"{what} must be {expected}: got {got}"
        super().__init__(f"{message}. {advice}" if advice else message)


class EncoderMismatch(InputError):
    """A question or passage tower that does not fit the vectors of a store."""


class ModelError(DPRError):
    """A model that cannot be found or loaded."""


class TrainingFailed(DPRError):
    """Training cannot continue, e.g. because the loss is NaN."""


class StoreError(DPRError):
    """A store that cannot be opened, read or written."""


class StoreBusy(StoreError):
    """Another process is writing to the store and did not finish in time."""


class SearchServerError(StoreError):
    """A request to Elasticsearch failed.

    :param message: What happened; never contains credentials.
    :param status: The HTTP status of the response; None if there was no response.
    :param kind: Elasticsearch's error type, e.g. ``"index_not_found_exception"``; empty if unknown.
    """

    def __init__(self, message: str, status: int | None = None, kind: str = "") -> None:
        self.status = status
        self.kind = kind
        super().__init__(message)


class SearchServerUnavailable(SearchServerError):
    """The server is unreachable, too slow, busy or lacks shards: the same request may succeed later."""


class SearchServerDenied(SearchServerError):
    """Credentials are missing, wrong, or insufficient for the request."""


class SearchIndexMissing(SearchServerError):
    """There is no index of that name."""


class SearchRequestRefused(SearchServerError, InputError):
    """The server rejected the request as invalid."""
