# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""How tests are distributed to workers (`pytest -n 2`)."""

from __future__ import annotations

from xdist.scheduler import LoadFileScheduling

ONE_SERVER = "tests/integration/"


class FilesTogether(LoadFileScheduling):  # type: ignore[misc]  # xdist has no types
    """A worker gets whole files, because of module fixtures; one worker gets all tests of Elasticsearch's servers."""

    def _split_scope(self, nodeid: str) -> str:
        return ONE_SERVER if nodeid.startswith(ONE_SERVER) else super()._split_scope(nodeid)
