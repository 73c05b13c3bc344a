# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Stores that cannot be written to: on read-only media, or without the permission.

Their derived indexes still have to catch up, and libraries create lock files beside them. They do so in a temporary
folder, in which large files are links to those of the store.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from dpr_haystack.store.layout import Layout
from dpr_haystack.store.temporary import TemporaryDirectory

# Files that are changed in place. All others are only replaced or deleted, which leaves a link's target alone.
_COPIED = (".json",)
_LEFT_OUT = (".lock", ".tmp")
_EFFECTIVE = os.access in os.supports_effective_ids


def is_writable(path: Path) -> bool:
    """Whether this process may write to a file or folder; False for read-only media, also for the superuser.

    :param path: The file or folder.
    """
    return os.access(path, os.W_OK, effective_ids=_EFFECTIVE)


def is_read_only(database: Path) -> bool:
    """Whether the database of a store exists and cannot be written to.

    :param database: The database.
    """
    return database.exists() and not (is_writable(database) and is_writable(database.parent))


def working_layout(root: Path) -> Layout:
    """The files of a store; if it cannot be written to, with a temporary folder for derived indexes.

    :param root: The store's directory.
    """
    layout = Layout(root)
    if not is_read_only(layout.database):
        return layout
    temporary = TemporaryDirectory()
    _link(layout.indexes, temporary.made())
    return Layout(root, temporary)


def _link(source: Path, target: Path) -> None:
    """A folder of the same content, of links."""
    if not source.is_dir():
        return
    for path in source.iterdir():
        if path.name.endswith(_LEFT_OUT):
            continue
        if path.is_dir():
            (target / path.name).mkdir()
            _link(path, target / path.name)
        elif path.name.endswith(_COPIED):
            shutil.copyfile(path, target / path.name)
        else:
            (target / path.name).symlink_to(path.resolve())
