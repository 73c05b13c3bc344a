# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Whoever has filled a store and whoever reads or continues it: vectors of two encoders never meet unnoticed.

Every writer with every reader and every second writer, each with the same and with another encoder.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml
from haystack import Document, Pipeline
from haystack.components.writers import DocumentWriter
from haystack.document_stores.in_memory import InMemoryDocumentStore
from haystack.document_stores.types import DuplicatePolicy

from dpr_haystack import (
    DPRDocumentEmbedder,
    DPRHybridRetriever,
    DPRRetriever,
    DPRTextEmbedder,
    FAISSDocumentStore,
    FAISSEmbeddingRetriever,
)
from dpr_haystack.core.encoder_mark import MARK
from dpr_haystack.errors import DPRError
from dpr_haystack.resources import pipelines_directory
from support.workspace import Ran

pytestmark = pytest.mark.slow

Cli = Callable[..., Ran]
TEXTS = ("Darwin wrote the origin of species.", "London is in England.")
QUESTION = "who wrote the origin of species?"
# What happens: nothing is said; a warning; a refusal that names both encoders or the numbers and a remedy.
FINE, WARNED, REFUSED = "fine", "warned", "refused"


class Given(NamedTuple):
    """What a writer or a reader works with."""

    store: Path
    model: Path
    cli: Cli


def embedded(model: Path) -> list[Document]:
    documents = [Document(content=text, meta={"number": number}) for number, text in enumerate(TEXTS)]
    return list(DPRDocumentEmbedder(str(model), progress_bar=False).run(documents)["documents"])


def written(store: FAISSDocumentStore, documents: list[Document]) -> None:
    store.write_documents(documents, DuplicatePolicy.OVERWRITE)
    store.close()


def opened(path: Path, **settings: Any) -> FAISSDocumentStore:
    return FAISSDocumentStore(str(path), embedding_dim=None, **settings)


def by_command(given: Given) -> None:
    files = given.store.parent / "files"
    files.mkdir(exist_ok=True)
    for number, text in enumerate(TEXTS):
        (files / f"{given.model.name}-{number}.txt").write_text(f"{text} By {given.model.name}.")
    ran = given.cli("index", files, "--store", given.store, "--model", given.model)
    if ran.code:
        raise DPRError(ran.err)


def by_components(given: Given) -> None:
    pipeline = Pipeline()
    pipeline.add_component("embedder", DPRDocumentEmbedder(str(given.model), progress_bar=False))
    pipeline.add_component("writer", DocumentWriter(opened(given.store), policy=DuplicatePolicy.OVERWRITE))
    pipeline.connect("embedder", "writer")
    try:
        pipeline.run({"embedder": {"documents": [Document(content=text) for text in TEXTS]}})
    finally:
        pipeline.close()


def by_yaml(given: Given) -> None:
    told = yaml.safe_load((pipelines_directory() / "indexing.yml").read_text())
    told["components"]["passages"]["init_parameters"]["model"] = str(given.model)
    writer = told["components"]["writer"]["init_parameters"]["document_store"]["init_parameters"]
    writer["index_path"] = str(given.store)
    paths = [given.store.parent / f"{given.model.name}-{number}.txt" for number, _ in enumerate(TEXTS)]
    for path, text in zip(paths, TEXTS, strict=True):
        path.write_text(text)
    pipeline = Pipeline.loads(yaml.safe_dump(told))
    first = next(iter(told["inputs"].values()))[0].split(".")
    try:
        pipeline.run({first[0]: {first[1]: [str(path) for path in paths]}})
    finally:
        pipeline.close()


def by_plain_vectors(given: Given) -> None:
    written(opened(given.store), [replace(each, meta={"number": 1}) for each in embedded(given.model)])


def by_vectors_of_a_named_encoder(given: Given) -> None:
    store = opened(given.store, encoder=DPRDocumentEmbedder(str(given.model)).identity)
    written(store, [replace(each, meta={"number": 1}) for each in embedded(given.model)])


def by_a_store_of_a_named_path(given: Given) -> None:
    written(opened(given.store, encoder=str(given.model)), embedded(given.model))


def by_plain_vectors_of_a_named_path(given: Given) -> None:
    store = opened(given.store, encoder=str(given.model))
    written(store, [replace(each, meta={"number": 1}) for each in embedded(given.model)])


def by_way_of_another_store(given: Given) -> None:
    between = InMemoryDocumentStore()
    between.write_documents(embedded(given.model))
    dicts = [each.to_dict() for each in between.filter_documents()]
    written(opened(given.store), [Document.from_dict(each) for each in dicts])


KNOWN = (
    by_command,
    by_components,
    by_yaml,
    by_vectors_of_a_named_encoder,
    by_a_store_of_a_named_path,
    by_plain_vectors_of_a_named_path,
    by_way_of_another_store,
)
WRITERS = (*KNOWN, by_plain_vectors)


def searched_by_command(given: Given) -> str:
    ran = given.cli("search", QUESTION, "--store", given.store, "--question-model", given.model)
    if ran.code:
        raise DPRError(ran.err)
    assert "Darwin" in ran.out
    return ran.err


def asked(retriever: Any, *question: Any) -> str:
    try:
        assert len(retriever.run(*question)["documents"]) >= 2
        assert all(MARK not in each.meta for each in retriever.run(*question)["documents"])
    finally:
        retriever.document_store.close()
    return ""


def asked_by_dpr(given: Given) -> str:
    return asked(DPRRetriever(opened(given.store), str(given.model)), QUESTION)


def asked_by_hybrid(given: Given) -> str:
    return asked(DPRHybridRetriever(opened(given.store), str(given.model)), QUESTION)


def asked_by_embedding(given: Given) -> str:
    store = opened(given.store)
    pipeline = Pipeline()
    pipeline.add_component("embedder", DPRTextEmbedder(str(given.model)))
    pipeline.add_component("retriever", FAISSEmbeddingRetriever(document_store=store))
    pipeline.connect("embedder", "retriever")
    try:
        assert len(pipeline.run({"embedder": {"text": QUESTION}})["retriever"]["documents"]) >= 2
    except Exception as error:
        if isinstance(error.__cause__, DPRError):  # Haystack wraps what a component raises
            raise error.__cause__ from error
        raise
    finally:
        store.close()
    return ""


READERS = (searched_by_command, asked_by_dpr, asked_by_hybrid, asked_by_embedding)


@pytest.fixture(scope="module")
def filled(
    tiny_models: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[Callable[[Given], None], Cli, Path], Given]:
    """A copy of the store that a writer has filled with the first model; filled once for each writer."""
    made: dict[str, Path] = {}

    def fill(writer: Callable[[Given], None], cli: Cli, folder: Path) -> Given:
        if writer.__name__ not in made:
            made[writer.__name__] = tmp_path_factory.mktemp(writer.__name__) / "store"
            writer(Given(made[writer.__name__], tiny_models[0], cli))
        shutil.copytree(made[writer.__name__], folder / "store")
        return Given(folder / "store", tiny_models[0], cli)

    return fill


def outcome(action: Callable[[Given], object], given: Given, caplog: pytest.LogCaptureFixture) -> tuple[str, str]:
    """What has happened, and what was said."""
    caplog.clear()
    try:
        said = action(given)
    except (DPRError, ValueError) as error:
        return REFUSED, str(error)
    except Exception as error:
        if isinstance(error.__cause__, DPRError):
            return REFUSED, str(error.__cause__)
        raise
    warnings = f"{said or ''}{caplog.text}"
    return (WARNED if "vectors" in warnings else FINE), warnings


@pytest.mark.parametrize("reader", READERS, ids=lambda each: each.__name__)
@pytest.mark.parametrize("writer", WRITERS, ids=lambda each: each.__name__)
def test_readers(
    writer: Any, reader: Any, filled: Any, tiny_models: Any, cli: Cli, tmp_path: Path, caplog: Any
) -> None:
    given = filled(writer, cli, tmp_path)
    same, said = outcome(reader, given, caplog)
    other, told = outcome(reader, given._replace(model=tiny_models[1]), caplog)
    if writer in KNOWN:
        assert (same, said) == (FINE, "")
        assert other == REFUSED
        assert str(tiny_models[0]) in told
        assert str(tiny_models[1]) in told
        assert "dpr-haystack reembed" in told
    else:
        assert (same, other) == (WARNED, WARNED)
        assert "does not record which encoder made its 2 vectors" in said


@pytest.mark.parametrize("writer", WRITERS, ids=lambda each: each.__name__)
def test_the_command_finds_the_right_question_model(writer: Any, filled: Any, cli: Cli, tmp_path: Path) -> None:
    given = filled(writer, cli, tmp_path)
    ran = cli("search", QUESTION, "--store", given.store)
    if writer in KNOWN:
        assert (ran.code, ran.err) == (0, "")
        assert "Darwin" in ran.out
    else:
        assert ran.code == 2
        assert "does not record which encoder made its 2 vectors" in ran.err
        assert "--question-model" in ran.err


@pytest.mark.parametrize("second", [by_command, by_components, by_yaml], ids=lambda each: each.__name__)
@pytest.mark.parametrize("writer", WRITERS, ids=lambda each: each.__name__)
def test_second_writers(
    writer: Any, second: Any, filled: Any, tiny_models: Any, cli: Cli, tmp_path: Path, caplog: Any
) -> None:
    given = filled(writer, cli, tmp_path)
    store = opened(given.store)
    before = store.filter_documents()
    other, told = outcome(second, given._replace(model=tiny_models[1]), caplog)
    if writer in KNOWN:
        assert other == REFUSED
        assert f"were made by {tiny_models[0]}" in told
        assert str(tiny_models[1]) in told
        assert store.filter_documents() == before
        assert outcome(second, given, caplog) == (FINE, "")
        assert store.origin().unknown == 0
    elif second is by_command:
        assert other == REFUSED
        assert "does not record which encoder made its 2 vectors" in told
        assert f"dpr-haystack reembed --store {given.store} --model {tiny_models[1]}" in told
        assert outcome(second, given, caplog)[0] == REFUSED
        assert store.filter_documents() == before
    else:
        assert store.origin().unknown == 2  # what was unknown is not adopted by what was added
        assert (store.recorded_encoder or {})["model"] == str(tiny_models[1])
        assert outcome(second, given, caplog)[0] == REFUSED
    store.close()


@pytest.mark.parametrize("writer", WRITERS, ids=lambda each: each.__name__)
def test_reembed_and_check_say_what_is_known(writer: Any, filled: Any, cli: Cli, tmp_path: Path) -> None:
    given = filled(writer, cli, tmp_path)
    checked, again = cli("check", given.store), cli("reembed", "--store", given.store, "--model", given.model)
    assert (checked.code, again.code) == (0, 0)
    if writer is by_plain_vectors_of_a_named_path:
        assert f"were made by {given.model}" in checked.out
        assert "2 passages embedded" in again.out  # there may be another model at this path now
        return
    if writer in KNOWN:
        assert f"were made by {given.model}" in checked.out
        assert again.out.startswith("nothing to do")
        return
    assert "UNKNOWN" in checked.out
    assert "does not record which encoder made its 2 vectors" in checked.out
    assert "does not record which encoder made its 2 vectors" in again.out
    assert "2 passages embedded" in again.out
    assert "made by" in cli("check", given.store).out
    assert cli("search", QUESTION, "--store", given.store).code == 0
