# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Which models belong to the vectors of a store or an index, as recorded there."""

from __future__ import annotations

from pathlib import Path

from dpr_haystack.backends.passage_search import PassageSearch
from dpr_haystack.components.document_store import FAISSDocumentStore
from dpr_haystack.core.identity import PUBLISHED_PAIRS
from dpr_haystack.core.vector_origin import VectorOrigin
from dpr_haystack.errors import InputError

_DEFAULT_PASSAGE_MODEL = "facebook/dpr-ctx_encoder-single-nq-base"


def passage_model_for(origin: VectorOrigin | None, directory: Path | None) -> str:
    """The passage tower to index with if the user named none: the recorded one, else the published one.

    :param origin: What is known about the existing vectors; None if there is no store or index yet.
    :param directory: The store's directory, if it has one.
    :returns: Its name or path.
    :raises EncoderMismatch: If there are vectors, and it is not recorded which encoder made them.
    :raises InputError: If the recorded model does not exist any more.
    """
    if origin is None or origin.encoder is None:
        if origin is not None:
            origin.check_continuation({"model": _DEFAULT_PASSAGE_MODEL})
        return _DEFAULT_PASSAGE_MODEL
    return found_model(str(origin.encoder["model"]), directory, "--model")


def origin_at(directory: str | Path) -> VectorOrigin | None:
    """What is known about the vectors of the store in a directory; None if there is no store.

    :param directory: The directory.
    """
    store = FAISSDocumentStore(str(directory))
    try:
        return store.origin() if store.exists() else None
    finally:
        store.close()


def question_model_of(search: PassageSearch) -> str:
    """The question tower that belongs to the vectors of a place.

    A model directory has both towers, a checkpoint with one tower is used for both, and the question towers of the
    published passage towers are known by name.

    :param search: The place.
    :returns: Its name or path.
    :raises InputError: If it is not recorded which passage tower made the vectors, or that model does not exist any
        more.
    """
    recorded = (search.recorded_encoder or {}).get("model")
    if recorded is None and not search.count():
        msg = f"{search.location} is empty: fill it with dpr-haystack index PATHS --model M"
        raise InputError(msg)
    if recorded is None:
        msg = f"{search.origin()}; name its question tower: --question-model M"
        raise InputError(msg)
    for question, passage in PUBLISHED_PAIRS.items():
        if recorded == passage:
            return question
    return found_model(str(recorded), search.directory, "--question-model")


def found_model(model: str, store: Path | None, option: str) -> str:
    """A recorded model, also if it was moved together with the store. Fingerprints are compared later.

    :param model: Its recorded name or path.
    :param store: The directory of the store that it is recorded in, if it has one.
    :param option: The command line option that names another model.
    :returns: Its name or present path.
    :raises InputError: If it does not exist any more.
    """
    path = Path(model)
    if not path.is_absolute() or path.exists():
        return model
    moved = None if store is None else store.resolve().parent / path.name
    if moved is not None and moved.exists():
        return str(moved)
    msg = (
        f"the model {model} that made the vectors{'' if store is None else f' in {store}'} does not exist any more: "
        f"name its new path with {option} M (dpr-haystack index with --model records it in the store)"
    )
    raise InputError(msg)
