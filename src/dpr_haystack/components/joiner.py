# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""The joiner of hybrid search: a named input for each retriever, and one fused ranking as output."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from keyword import iskeyword
from typing import Any

from haystack import Document, component

from dpr_haystack.core.checks import check_integer
from dpr_haystack.core.fusion import FusedHit, check_options, fuse
from dpr_haystack.errors import InputError

EXPLANATION = "hybrid"
"""The key in ``meta`` for the explanation that ``explain=True`` adds."""

_RESERVED = ("self", "top_k")


@component
class HybridJoiner:
    """Fuses the results of several retrievers into one ranking, with a weight for each retriever.

    Each name in ``weights`` becomes an input of the component. A weight therefore belongs to a named retriever,
    regardless of the order in which a pipeline is defined, loaded or run. Inputs may be empty or unconnected.

    A document that several retrievers returned appears once in the output: the copy with the most fields and metadata,
    supplemented by data that only other copies have. Its score is the fused score. Input documents are not modified.

    ```python
    pipeline.add_component("joiner", HybridJoiner({"bm25": 1.0, "dpr": 1.0}))
    pipeline.connect("bm25_retriever.documents", "joiner.bm25")
    pipeline.connect("dpr_retriever.documents", "joiner.dpr")
    ```

    :param weights: The weight of each input, 0 or more; ``None`` for ``{"bm25": 1.0, "dpr": 1.0}``. The names become
        inputs and must be identifiers. Weights are not normalised to a sum of 1.
    :param fusion: ``"convex"`` (weighted sum of normalised scores), ``"rrf"`` (reciprocal rank fusion) or ``"dbsf"``
        (distribution-based score fusion); see :func:`dpr_haystack.core.fusion.fuse` for formulas and edge cases.
    :param normalization: The normalisation for ``"convex"``: ``"minmax"``, ``"zscore"`` or ``"none"``. With ``"none"``
        and the weights ``{"bm25": 1.0, "dpr": 1.1}`` the result is the hybrid of the DPR paper.
    :param missing: The score that ``"convex"`` uses for a document that is not in a list: ``"min"`` (the lowest score
        in the list) or ``"zero"``.
    :param rrf_k: The rank constant of ``"rrf"``.
    :param top_k: The number of documents to return; ``None`` for all.
    :param explain: Whether to add ``{input: {"score", "rank", "part"}}`` to each document as ``meta["hybrid"]``: the
        retriever's own score and rank, from 1 (both ``None`` if it did not return the document), and its contribution
        to the fused score.
    :raises InputError: If an option, weight, name or ``top_k`` is invalid.
    """

    # The module named in YAML pipelines: Haystack only loads classes from its own namespaces.
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
        if top_k is not None:
            check_integer("top_k", top_k)
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

        :param top_k: The number of documents to return, 0 for none; ``None`` for that of the constructor.
        :param lists: The documents of each input; ``None``, or ``None`` inside a list, for an input that got nothing.
            Haystack passes this for a branch that did not run. Documents without a score rank last in their list.
        :returns: ``documents``: best first.
        :raises InputError: If ``top_k`` is negative, an input is unknown, or a list contains anything but Documents.
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
        # Sorted by name, so that the choice between equally complete copies does not depend on their order of arrival.
        runs_by_id = [_by_id(runs[name]) for name in sorted(runs)]
        documents = []
        for hit in hits:
            document = _merged([by_id[hit.id] for by_id in runs_by_id if hit.id in by_id])
            meta = {**document.meta, EXPLANATION: _explanation(hit)} if self.explain else dict(document.meta)
            documents.append(replace(document, score=hit.score, meta=meta))
        return {"documents": documents}

    @component.output_types(documents=list[Document])
    async def run_async(self, top_k: int | None = None, **lists: Any) -> dict[str, list[Document]]:
        """Fuse the lists, as :meth:`run` does. It takes about a millisecond, so it does not use a separate thread.

        :param top_k: The number of documents to return, 0 for none; ``None`` for that of the constructor.
        :param lists: The documents of each input, or ``None``.
        :returns: ``documents``: best first.
        :raises InputError: If ``top_k`` is negative, an input is unknown, or a list contains anything but Documents.
        """
        result: dict[str, list[Document]] = self.run(top_k, **lists)
        return result


def _check_names(weights: Mapping[str, float]) -> None:
    for name in weights:
        if not isinstance(name, str) or not name.isidentifier() or iskeyword(name) or name in _RESERVED:
            msg = f"a name in weights must be an identifier other than {' and '.join(_RESERVED)}: got {name!r}"
            raise InputError(msg)


def _checked(name: str, documents: Iterable[Any], weights: Mapping[str, float]) -> list[Document]:
    if name not in weights:
        msg = f"unknown input {name!r}; known: {', '.join(weights)}"
        raise InputError(msg)
    # Haystack joins what several senders give to one input into a list, with None for those that did not run
    documents = [document for document in documents if document is not None]
    for document in documents:
        if not isinstance(document, Document):
            msg = f"the input {name!r} must be a list of Documents: got a list with {type(document).__name__}"
            raise InputError(msg)
    return documents


def _by_id(documents: list[Document]) -> dict[str, Document]:
    """Map ids to documents; of copies within one list, keep the most complete one, whatever their order."""
    kept: dict[str, Document] = {}
    for document in documents:
        known = kept.get(document.id)
        if known is None or _copy_order(document) < _copy_order(known):
            kept[document.id] = document
    return kept


def _copy_order(document: Document) -> tuple[int, int, str]:
    """Sort key of copies, most complete first; the text makes the order of equally complete copies deterministic."""
    text = repr((document.content, sorted(document.meta.items(), key=repr), document.score))
    return *_missing_data(document), text


def _missing_data(document: Document) -> tuple[int, int]:
    fields = (document.content, document.embedding, document.sparse_embedding, document.blob)
    return sum(value is None for value in fields), -len(document.meta)


def _merged(copies: list[Document]) -> Document:
    """Return the most complete copy (the first of equals), with fields and metadata that only other copies have."""
    if len(copies) == 1:
        return copies[0]
    base, *others = sorted(copies, key=_missing_data)
    fields: dict[str, Any] = {"meta": base.meta}
    for other in others:
        fields["meta"] = {**other.meta, **fields["meta"]}
        for field in ("content", "embedding", "sparse_embedding", "blob"):
            if getattr(base, field) is None and fields.get(field) is None:
                fields[field] = getattr(other, field)
    return replace(base, **fields)


def _explanation(hit: FusedHit) -> dict[str, dict[str, float | int | None]]:
    return {name: contribution._asdict() for name, contribution in hit.contributions.items()}
