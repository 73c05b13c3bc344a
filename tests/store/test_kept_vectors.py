# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""What happens to a vector when its document is overwritten without one."""

from dataclasses import replace

import numpy as np
import pytest
from haystack import Document
from haystack.dataclasses import ByteStream
from haystack.document_stores.types import DuplicatePolicy

from dpr_haystack.store.check import check_store
from support.stores import HNSW, compact_above, make_documents, make_store, reopened

DOCUMENTS = make_documents(30, 8)


@pytest.mark.parametrize("settings", [{}, HNSW], ids=["Flat", "HNSW"])
def test_hits_written_back_with_other_metadata_keep_their_vectors(tmp_path, settings):
    store = make_store(tmp_path / "store", DOCUMENTS, **settings)
    question = DOCUMENTS[3].embedding
    hits = store.search(question, 5)
    assert all(hit.embedding is None for hit in hits)
    store.write_documents([replace(hit, meta={**hit.meta, "seen": True}) for hit in hits], DuplicatePolicy.OVERWRITE)
    again = store.search(question, 5)
    assert [(hit.id, hit.score) for hit in again] == [(hit.id, hit.score) for hit in hits]
    assert all(hit.meta["seen"] for hit in again)
    stored = {document.id: document.embedding for document in store.filter_documents()}
    assert stored == {document.id: document.embedding for document in DOCUMENTS}
    store = reopened(store)
    assert store.search(question, 5) == again
    store.close()
    assert check_store(tmp_path / "store").is_sound


def test_also_through_a_compaction(tmp_path):
    store = make_store(tmp_path / "store", DOCUMENTS)
    compact_above(store, 40)
    engine = store.opened()
    engine.compact_above = 40
    for number in range(4):
        store.write_documents(
            [replace(each, embedding=None, meta={"n": number}) for each in DOCUMENTS[:20]], DuplicatePolicy.OVERWRITE
        )
    assert engine.state().generation > 0
    stored = {document.id: document.embedding for document in store.filter_documents()}
    assert stored == {document.id: document.embedding for document in DOCUMENTS}
    store.close()


def test_another_text_loses_the_vector_with_a_warning(tmp_path, caplog):
    store = make_store(tmp_path / "store", DOCUMENTS[:3])
    store.write_documents(
        [
            Document(id="d0", content="another text"),
            Document(id="d1", content=DOCUMENTS[1].content),
            Document(id="d2", content="a third text", embedding=[1.0] * 8),
            Document(id="new", content="a new one"),
        ],
        DuplicatePolicy.OVERWRITE,
    )
    vectors = {document.id: document.embedding for document in store.filter_documents()}
    assert vectors == {"d0": None, "d1": DOCUMENTS[1].embedding, "d2": [1.0] * 8, "new": None}
    (warning,) = [record.getMessage() for record in caplog.records if "overwritten" in record.getMessage()]
    assert "1 documents were overwritten" in warning
    assert "'d0'" in warning
    store.close()


def test_the_blob_is_content_too(tmp_path):
    picture = Document(id="p", blob=ByteStream(b"pixels", mime_type="image/png"), embedding=[1.0, 0.0])
    store = make_store(tmp_path / "store", [picture], embedding_dim=2)
    store.write_documents([replace(picture, embedding=None, meta={"n": 1})], DuplicatePolicy.OVERWRITE)
    assert store.filter_documents()[0].embedding == [1.0, 0.0]
    store.write_documents([replace(picture, embedding=None, blob=ByteStream(b"others"))], DuplicatePolicy.OVERWRITE)
    assert store.filter_documents()[0].embedding is None
    assert not np.any(store.search([1.0, 0.0]))
    store.close()
