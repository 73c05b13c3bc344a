# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""The joiner of hybrid search: one named input for each retriever, one ranking out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from keyword import iskeyword
from typing import Any

from haystack import Document, component

from dpr_haystack.core.fusion import FusedHit, check_options, fuse
from dpr_haystack.errors import InputError

EXPLANATION = "hybrid"
"""The meta key under which ``explain=True`` says where a document stood in each list."""

_RESERVED = ("self", "top_k")


@component
class HybridJoiner:
    """Fuses the results of several retrievers into one ranking, with a weight for each by its name.

    Each name in ``weights`` is an input of its own, so that a weight belongs to a retriever whatever the order in which
    a pipeline is written, loaded or run, with ``run`` or with ``run_async``. An input may be empty or get nothing.

    A document that several retrievers found comes once: the copy with the most fields and metadata, completed by what
    only the other copies have. Its score is the fused one. Documents that are passed in stay as they are.

    ```python
    pipeline.add_component("joiner", HybridJoiner({"bm25": 1.0, "dpr": 1.0}))
    pipeline.connect("bm25_retriever.documents", "joiner.bm25")
    pipeline.connect("dpr_retriever.documents", "joiner.dpr")
    ```

    :param weights: For each input its weight, zero or more; by default 1 for ``bm25`` and for ``dpr``. The names become
        inputs, so they must be identifiers. Weights are used as they are, not made to sum to one.
    :param fusion: ``"convex"`` (weighted sum of normalised scores), ``"rrf"`` or ``"dbsf"``; see
        :func:`dpr_haystack.core.fusion.fuse` for their formulas and edge cases.
    :param normalization: ``"minmax"``, ``"zscore"`` or ``"none"``, for ``"convex"``. With ``"none"`` and the weights
        ``{"bm25": 1.0, "dpr": 1.1}`` it is the hybrid of the DPR paper.
    :param missing: What ``"convex"`` takes for a document that a list lacks: ``"min"``, the list's lowest score, or
        ``"zero"``.
    :param rrf_k: The constant of ``"rrf"``.
    :param top_k: How many documents to return; None for all.
    :param explain: Put ``{input: {"score", "rank", "part"}}`` in ``meta["hybrid"]`` of each document: the retriever's
        own score, the rank there from 1 (both None where it did not find the document), and what it adds to the fused
        score.
    :raises InputError: If an option is unknown, a weight or a name cannot be used, or ``top_k`` is not positive.
    """

    # The module that pipelines in YAML name: Haystack loads nothing from outside its own namespaces.
    __module__ = "haystack_integrations.components.joiners.dpr"

    def __init__(
        self,
        weights: dict[str, float] | None = None,
        *,
        fusion: str = "convex",
        normalization: str = "minmax",
        missing: str = "min",
        rrf_k: float = 60,
        top_k: int | None = None,
        explain: bool = False,
    ) -> None:
        weights = {"bm25": 1.0, "dpr": 1.0} if weights is None else dict(weights)
        _check_names(weights)
        check_options(weights, fusion=fusion, normalization=normalization, missing=missing, rrf_k=rrf_k)
        if top_k is not None and top_k <= 0:
            msg = f"top_k must be greater than 0, got {top_k}"
            raise InputError(msg)
        self.weights = weights
        self.fusion = fusion
        self.normalization = normalization
        self.missing = missing
        self.rrf_k = rrf_k
        self.top_k = top_k
        self.explain = explain
        for name in weights:
            component.set_input_type(self, name, list[Document], None)

    @component.output_types(documents=list[Document])
    def run(self, top_k: int | None = None, **lists: Any) -> dict[str, list[Document]]:
        """Fuse the lists.

        :param top_k: How many documents to return: None for the number given to the constructor, 0 for none.
        :param lists: For each input its documents, or None. A document without a score is the last of its list.
        :returns: ``{"documents": [...]}``, best first.
        :raises InputError: If ``top_k`` is negative, an input is unknown, or something in a list is not a document.
        """
        runs = {
            name: _checked(name, documents, self.weights) for name, documents in lists.items() if documents is not None
        }
        hits = fuse(
            {name: [(document.id, document.score) for document in documents] for name, documents in runs.items()},
            self.weights,
            fusion=self.fusion,
            normalization=self.normalization,
            missing=self.missing,
            rrf_k=self.rrf_k,
            top_k=self.top_k if top_k is None else top_k,
        )
        # By name: of equally rich copies the same one is kept whichever arrived first.
        copies = [_by_id(runs[name]) for name in sorted(runs)]
        documents = []
        for hit in hits:
            document = _merged([found[hit.id] for found in copies if hit.id in found])
            meta = {**document.meta, EXPLANATION: _explanation(hit)} if self.explain else dict(document.meta)
            documents.append(replace(document, score=hit.score, meta=meta))
        return {"documents": documents}

    @component.output_types(documents=list[Document])
    async def run_async(self, top_k: int | None = None, **lists: Any) -> dict[str, list[Document]]:
        """Fuse the lists, as :meth:`run` does. It is a millisecond of sorting, which needs no thread of its own.

        :param top_k: How many documents to return: None for the number given to the constructor, 0 for none.
        :param lists: For each input its documents, or None.
        :returns: ``{"documents": [...]}``, best first.
        :raises InputError: If ``top_k`` is negative, an input is unknown, or something in a list is not a document.
        """
        result: dict[str, list[Document]] = self.run(top_k, **lists)
        return result


def _check_names(weights: Mapping[str, float]) -> None:
    for name in weights:
        if not isinstance(name, str) or not name.isidentifier() or iskeyword(name) or name in _RESERVED:
            msg = f"{name!r} cannot be the name of an input: use an identifier other than {' or '.join(_RESERVED)}"
            raise InputError(msg)


def _checked(name: str, documents: Iterable[Any], weights: Mapping[str, float]) -> list[Document]:
    if name not in weights:
        msg = f"there is no input {name!r}; the inputs are {', '.join(weights)}"
        raise InputError(msg)
    documents = list(documents)
    for document in documents:
        if not isinstance(document, Document):
            msg = f"the input {name!r} takes a list of documents, got one with a {type(document).__name__}"
            raise InputError(msg)
    return documents


def _by_id(documents: list[Document]) -> dict[str, Document]:
    """Documents by id; of copies within one list the richest, whatever their order."""
    found: dict[str, Document] = {}
    for document in documents:
        known = found.get(document.id)
        if known is None or _precedence(document) < _precedence(known):
            found[document.id] = document
    return found


def _precedence(document: Document) -> tuple[int, int, str]:
    return *_poverty(document), repr((document.content, sorted(document.meta.items(), key=repr), document.score))


def _poverty(document: Document) -> tuple[int, int]:
    fields = (document.content, document.embedding, document.sparse_embedding, document.blob)
    return sum(value is None for value in fields), -len(document.meta)


def _merged(copies: list[Document]) -> Document:
    """The richest copy, the first of equals, completed by the fields and metadata that only others have."""
    if len(copies) == 1:
        return copies[0]
    richest, *others = sorted(copies, key=_poverty)
    fields: dict[str, Any] = {"meta": richest.meta}
    for other in others:
        fields["meta"] = {**other.meta, **fields["meta"]}
        for field in ("content", "embedding", "sparse_embedding", "blob"):
            if getattr(richest, field) is None and fields.get(field) is None:
                fields[field] = getattr(other, field)
    return replace(richest, **fields)


def _explanation(hit: FusedHit) -> dict[str, dict[str, float | int | None]]:
    return {name: given._asdict() for name, given in hit.contributions.items()}
