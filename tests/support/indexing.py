# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Indexing into Elasticsearch by the command line, and what is there afterwards."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from elasticsearch import Elasticsearch, helpers
from haystack import Document

from dpr_haystack import DPRDocumentEmbedder
from support.workspace import Ran

Cli = Callable[..., Ran]
NAMES = ("read", "embedded", "updated", "unchanged", "removed")
_ROWS = re.compile(r"^(\w+) +(\d+)$", re.MULTILINE)


class Indexing:
    """`dpr-haystack index` with one model into one index.

    :param cli: Runs commands.
    :param url: The server.
    :param index: The index.
    :param model: The model.
    """

    def __init__(self, cli: Cli, url: str, index: str, model: Path) -> None:
        self._cli, self._url, self._index, self._model = cli, url, index, model

    @property
    def place(self) -> tuple[str, ...]:
        """The index, as arguments."""
        return ("--elasticsearch", self._url, "--index", self._index)

    def ran(self, *arguments: object, model: Path | str | None = "", index: str | None = None) -> Ran:
        """How the command ended; `model` None: without naming one."""
        named = [] if model is None else ["--model", model or self._model]
        place = self.place if index is None else ("--elasticsearch", self._url, "--index", index)
        return self._cli("index", *arguments, *place, *named)

    def __call__(self, *arguments: object, **settings: Any) -> dict[str, int]:
        """What it says that it did; anything but success fails."""
        ran = self.ran(*arguments, **settings)
        assert (ran.code, ran.err) == (0, "")
        return counts_in(ran.out)


def table_in(out: str) -> dict[str, int]:
    """The numbers of passages in the table that the command prints; they add up."""
    table = {name: int(number) for name, number in _ROWS.findall(out)}
    parts = [table[name] for name in ("new", "replaced", "updated", "unchanged", "duplicates")]
    assert sum(parts) == table["passages"], out
    return table


def counts_in(out: str) -> dict[str, int]:
    """Some of them, by shorter names."""
    table = table_in(out)
    return {"read": table["passages"], **{name: table[name] for name in NAMES[1:]}}


def passages_file(path: Path, texts: Mapping[str, str]) -> Path:
    """Passages by their ids as JSON lines."""
    path.write_text("".join(json.dumps({"id": name, "text": text}) + "\n" for name, text in texts.items()))
    return path


def contents(client: Elasticsearch, index: str, *, refresh: bool = True) -> dict[str, dict[str, Any]]:
    """Every document's source by its id, with its vector; without a refresh what a search finds by itself."""
    if refresh:
        client.indices.refresh(index=index)
    whole = {"_source": {"exclude_vectors": False}}  # Elasticsearch 9.2 and later leave vectors out
    hits = list(helpers.scan(client, query=whole, index=index, size=500))
    found = {hit["_id"]: hit["_source"] for hit in hits}
    assert len(found) == len(hits)
    return found


def vectors_of(texts: Mapping[str, str], model: Path) -> dict[str, Any]:
    """Vectors by id, in full precision."""
    embedder = DPRDocumentEmbedder(str(model), dtype="float32", progress_bar=False)
    documents = [Document(id=name, content=text) for name, text in texts.items()]
    return {each.id: each.embedding for each in embedder.run(documents)["documents"]}
