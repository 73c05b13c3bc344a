# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""The joiner of hybrid search: a named input for each retriever, and one fused ranking as output."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import replace
from keyword import iskeyword
from typing import Any

from haystack import Document, component, default_to_dict, logging

from dpr_haystack.components._basics import ComponentBasics
from dpr_haystack.components._copies import copies_by_id, merged_copies
from dpr_haystack.components._documents import as_documents
from dpr_haystack.components._fusion_options import FusionOptions
from dpr_haystack.core.checks import check_integer
from dpr_haystack.core.fusion import FusedHit, check_options, fuse
from dpr_haystack.core.hybrid_settings import HybridSettings
from dpr_haystack.core.ranked_lists import Rise, first_rise
from dpr_haystack.errors import InputError

logger = logging.getLogger(__name__)

EXPLANATION = "hybrid"
"""The key in ``meta`` for the explanation that ``explain=True`` adds."""

_RESERVED = ("self", "top_k")
_FUSION_OPTIONS = ("weights", "fusion", "normalization", "missing", "rrf_k")


@component
class HybridJoiner(ComponentBasics):
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

    Reciprocal rank fusion ranks by the place in a list. The other fusions rank by score: a list whose scores rise is
    reported once in the log, because it has distances (name the input in ``lower_is_better``) or was reordered after
    the search (use ``"rrf"``).

    :param weights: The weight of each input, 0 or more; None for ``{"bm25": 1.0, "dpr": 1.0}``, or those of ``model``.
        The names become inputs and must be identifiers. Weights are not normalised to a sum of 1.
    :param fusion: ``"convex"`` (weighted sum of normalised scores; the default), ``"rrf"`` (reciprocal rank fusion) or
        ``"dbsf"`` (distribution-based score fusion); see :func:`dpr_haystack.core.fusion.fuse` for formulas and edge
        cases.
    :param normalization: The normalisation for ``"convex"``: ``"minmax"`` (the default), ``"zscore"`` or ``"none"``.
        With ``"none"`` and the weights ``{"bm25": 1.0, "dpr": 1.1}`` the result is the hybrid of the DPR paper.
    :param missing: The score that ``"convex"`` uses for a document that is not in a list: ``"min"`` (the lowest score
        in the list; the default) or ``"zero"``.
    :param rrf_k: The rank constant of ``"rrf"``; by default 60.
    :param top_k: The number of documents to return; ``None`` for all.
    :param explain: Whether to add ``{input: {"score", "rank", "part"}}`` to each document as ``meta["hybrid"]``: the
        retriever's own score and rank, from 1 (both ``None`` if it did not return the document), and its contribution
        to the fused score.
    :param lower_is_better: The names of inputs whose scores are distances, e.g. those of a Chroma store.
    :param model: A model directory. If none of ``weights``, ``fusion``, ``normalization``, ``missing`` and ``rrf_k`` is
        given, they are those that ``dpr-haystack fit-hybrid`` has written there, read at the first use. Exact scores,
        which a joiner cannot compute, are reported in the log: :class:`DPRHybridRetriever` can.
    :raises InputError: If an option, weight, name or ``top_k`` is invalid.
    """

    # The module named in YAML pipelines: Haystack only loads classes from its own namespaces.
    __module__ = "haystack_integrations.components.joiners.dpr"

    def __init__(
        self,
        weights: dict[str, float] | None = None,
        *,
        fusion: str | None = None,
        normalization: str | None = None,
        missing: str | None = None,
        rrf_k: float | None = None,
        top_k: int | None = None,
        explain: bool = False,
        lower_is_better: Sequence[str] = (),
        model: str | None = None,
    ) -> None:
        if top_k is not None:
            check_integer("top_k", top_k)
        if model is not None and not isinstance(model, str):
            msg = f"model must be the path of a model directory: got {model!r}"
            raise InputError(msg)
        self.weights = copy(weights)
        self.fusion = fusion
        self.normalization = normalization
        self.missing = missing
        self.rrf_k = rrf_k
        self.top_k = top_k
        self.explain = explain
        self.lower_is_better = lower_is_better if isinstance(lower_is_better, str) else list(lower_is_better)
        self.model = model
        self._fusion_options = FusionOptions(type(self).__name__)
        self._reported: set[str] = set()
        options = self._defaults()
        if model is None:  # otherwise None stays None: what the model directory says
            for name, value in options.items():
                setattr(self, name, value)
        _check_names(options["weights"])
        check_options(**options, lower_is_better=self.lower_is_better)
        for name in options["weights"]:
            component.set_input_type(self, name, list[Document], None)

    def to_dict(self) -> dict[str, Any]:
        """Serialise the settings."""
        names = (*_FUSION_OPTIONS, "top_k", "explain", "lower_is_better", "model")
        return default_to_dict(self, **{name: getattr(self, name) for name in names})

    def warm_up(self) -> None:
        """Read the model directory's ``hybrid.json``, if it decides.

        :raises DataError: If the file is broken.
        """
        self._options()

    @component.output_types(documents=list[Document])
    def run(self, top_k: int | None = None, **lists: Any) -> dict[str, list[Document]]:
        """Fuse the lists.

        :param top_k: The number of documents to return, 0 for none; ``None`` for that of the constructor.
        :param lists: The documents of each input; ``None``, or ``None`` inside a list, for an input that got nothing.
            Haystack passes this for a branch that did not run. Documents without a score rank last in their list.
        :returns: ``documents``: best first.
        :raises InputError: If ``top_k`` is not an integer of at least 0, an input is unknown, or a list contains
            anything but Documents.
        :raises DataError: If the model directory's ``hybrid.json`` is broken.
        """
        count = _checked_top_k(self.top_k if top_k is None else top_k)
        options = self._options()
        runs = {
            name: _checked(name, documents, options["weights"])
            for name, documents in lists.items()
            if documents is not None
        }
        if options["fusion"] != "rrf":
            self._report_order(runs)
        hits = fuse(
            {name: [(document.id, document.score) for document in documents] for name, documents in runs.items()},
            **options,
            top_k=count,
            lower_is_better=self.lower_is_better,
        )
        # Sorted by name, so that the choice between equally complete copies does not depend on their order of arrival.
        runs_by_id = [copies_by_id(runs[name]) for name in sorted(runs)]
        documents = []
        for hit in hits:
            document = merged_copies([by_id[hit.id] for by_id in runs_by_id if hit.id in by_id])
            meta = {**document.meta, EXPLANATION: _explanation(hit)} if self.explain else dict(document.meta)
            documents.append(replace(document, score=hit.score, meta=meta))
        return {"documents": documents}

    @component.output_types(documents=list[Document])
    async def run_async(self, top_k: int | None = None, **lists: Any) -> dict[str, list[Document]]:
        """Fuse the lists, as :meth:`run` does. It takes about a millisecond, so it does not use a separate thread.

        :param top_k: The number of documents to return, 0 for none; ``None`` for that of the constructor.
        :param lists: The documents of each input, or ``None``.
        :returns: ``documents``: best first.
        :raises InputError: See :meth:`run`.
        """
        result: dict[str, list[Document]] = self.run(top_k, **lists)
        return result

    def _options(self) -> dict[str, Any]:
        """The options of the fusion: given, or fitted, or the defaults."""
        given = {name: getattr(self, name) for name in _FUSION_OPTIONS}
        if self.model is None or any(value is not None for value in given.values()):
            return self._defaults()
        settings = self._fusion_options.settings(self.model, given)
        if settings.exact_scores:
            self._report(
                "exact scores",
                f"the weights in {self.model} were fitted with exact scores, which a joiner cannot compute: results "
                "differ from those of the command; use DPRHybridRetriever, or fit without --exact-scores",
            )
        return {name: getattr(settings, name) for name in _FUSION_OPTIONS}

    def _defaults(self) -> dict[str, Any]:
        """The given options, completed by the defaults."""
        settings = HybridSettings()
        given = {name: getattr(self, name) for name in _FUSION_OPTIONS}
        return {name: getattr(settings, name) if value is None else value for name, value in given.items()}

    def _report_order(self, runs: Mapping[str, Sequence[Document]]) -> None:
        for name, documents in runs.items():
            is_distance = name in self.lower_is_better
            scores = [document.score for document in documents]
            if (rise := first_rise(scores, lower_is_better=is_distance)) is not None:
                self._report(name, _order_problem(name, rise, lower_is_better=is_distance))
            elif scores and all(score is None for score in scores):
                self._report(
                    name,
                    f"no document of the input {name!r} has a score, so that the list is ignored: use "
                    'fusion="rrf", which ranks by place',
                )

    def _report(self, subject: str, problem: str) -> None:
        """Log a problem, once for each subject."""
        if subject not in self._reported:
            self._reported.add(subject)
            logger.warning("HybridJoiner: {problem}", problem=problem)


def _check_names(weights: object) -> None:
    if not isinstance(weights, Mapping):
        msg = f"weights must map the names of inputs to numbers: got {weights!r}"
        raise InputError(msg)
    for name in weights:
        if not isinstance(name, str) or not name.isidentifier() or iskeyword(name) or name in _RESERVED:
            msg = f"a name in weights must be an identifier other than {' and '.join(_RESERVED)}: got {name!r}"
            raise InputError(msg)


def _checked_top_k(top_k: object) -> int | None:
    if isinstance(top_k, list | tuple):
        msg = f"lists of documents are given by name, as in run(bm25=...): got a {type(top_k).__name__} as top_k"
        raise InputError(msg)
    if top_k is not None:
        check_integer("top_k", top_k, minimum=0)
    return top_k  # type: ignore[return-value]


def _checked(name: str, documents: Any, weights: Mapping[str, float]) -> list[Document]:
    if name not in weights:
        msg = f"unknown input {name!r}; known: {', '.join(weights)}"
        raise InputError(msg)
    if isinstance(documents, list | tuple):
        # Haystack joins what several senders give to one input into a list, with None for those that did not run
        documents = [document for document in documents if document is not None]
    return as_documents(name, documents)


def _order_problem(name: str, rise: Rise, *, lower_is_better: bool) -> str:
    if lower_is_better:
        return (
            f"the scores of the input {name!r} fall from {rise.before:g} to {rise.after:g} at rank {rise.rank}, "
            "although it is named in lower_is_better: if they are similarities, remove it there; if the list was "
            'reordered, use fusion="rrf", which ranks by place'
        )
    return (
        f"the scores of the input {name!r} rise from {rise.before:g} to {rise.after:g} at rank {rise.rank}, and the "
        f"highest counts as the best: if they are distances, use lower_is_better=[{name!r}]; if the list was "
        'reordered, use fusion="rrf", which ranks by place'
    )


def _explanation(hit: FusedHit) -> dict[str, dict[str, float | int | None]]:
    return {name: contribution._asdict() for name, contribution in hit.contributions.items()}
