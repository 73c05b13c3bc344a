# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Random sequences of operations, compared with a dict and numpy."""

import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from haystack.dataclasses import Document
from haystack.document_stores.errors import DuplicateDocumentError
from haystack.document_stores.types import DuplicatePolicy
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from dpr_haystack import FAISSDocumentStore
from dpr_haystack.store.compaction import COMPACT_ABOVE
from support.stores import assert_exact_hits, assert_same_documents, compact_above, reopened

DIM = 3
ids = st.sampled_from([f"d{number}" for number in range(12)])
words = st.sampled_from(["river", "bridge", "castle", "garden"])
vectors = st.lists(st.integers(-4, 4).map(float), min_size=DIM, max_size=DIM)
groups = st.sampled_from(["a", "b", "c"])
documents = st.builds(
    lambda name, content, group, embedding: Document(
        id=name, content=" ".join(content), meta={"group": group}, embedding=embedding
    ),
    ids,
    st.lists(words, max_size=4),
    groups,
    st.none() | vectors,
)
batches = st.lists(documents, max_size=6)
distinct_batches = st.lists(documents, max_size=6, unique_by=lambda document: document.id)


def in_group(name):
    return {"field": "meta.group", "operator": "==", "value": name}


class AnyOrder(RuleBasedStateMachine):
    """A store and its model: a dict from id to document in the order of writing."""

    @initialize(index=st.sampled_from(["Flat", "HNSW32"]), similarity=st.sampled_from(["dot_product", "cosine", "l2"]))
    def open(self, index, similarity):
        self.folder = Path(tempfile.mkdtemp(prefix="any-order-"))
        self.model = {}
        self.limit = COMPACT_ABOVE
        self.store = FAISSDocumentStore(str(self.folder / "store"), index, DIM, similarity=similarity)
        self.store.write_documents([])

    def teardown(self):
        if hasattr(self, "store"):
            self.store.close()
            shutil.rmtree(self.folder)

    @rule(batch=distinct_batches)
    def write(self, batch):
        if any(document.id in self.model for document in batch):
            with pytest.raises(DuplicateDocumentError):
                self.store.write_documents(batch)
        else:
            assert self.store.write_documents(batch, DuplicatePolicy.FAIL) == len(batch)
            self.model.update({document.id: document for document in batch})

    @rule(batch=batches)
    def overwrite(self, batch):
        last = {document.id: self.as_kept(document) for document in batch}
        assert self.store.write_documents(batch, DuplicatePolicy.OVERWRITE) == len(last)
        self.model = {name: kept for name, kept in self.model.items() if name not in last} | last

    def as_kept(self, document):
        """A document without a vector keeps that of a stored one with the same text."""
        stored = self.model.get(document.id)
        if document.embedding is None and stored is not None and stored.content == document.content:
            return replace(document, embedding=stored.embedding)
        return document

    @rule(batch=batches)
    def skip(self, batch):
        new: dict[str, Document] = {}
        for document in batch:
            if document.id not in self.model:
                new.setdefault(document.id, document)
        assert self.store.write_documents(batch, DuplicatePolicy.SKIP) == len(new)
        self.model |= new

    @rule(names=st.lists(ids, max_size=5))
    def delete(self, names):
        self.store.delete_documents(names)
        self.model = {name: document for name, document in self.model.items() if name not in names}

    @rule(group=groups)
    def delete_by_filter(self, group):
        kept = {name: document for name, document in self.model.items() if document.meta["group"] != group}
        assert self.store.delete_by_filter(in_group(group)) == len(self.model) - len(kept)
        self.model = kept

    @rule(group=groups, to=groups)
    def update_by_filter(self, group, to):
        changed = {
            name: replace(document, meta={**document.meta, "group": to})
            for name, document in self.model.items()
            if document.meta["group"] == group
        }
        assert self.store.update_by_filter(in_group(group), {"group": to}) == len(changed)
        self.model |= changed

    @rule(recreate=st.booleans())
    def delete_all(self, recreate):
        self.store.delete_all_documents(recreate_index=recreate)
        self.model = {}

    @rule()
    def reopen(self):
        self.store = reopened(self.store)
        compact_above(self.store, self.limit)

    @rule()
    def drop_the_derived_indexes(self):
        self.store.close()
        shutil.rmtree(self.folder / "store" / "indexes", ignore_errors=True)
        compact_above(self.store, self.limit)

    @rule()
    def compact_soon(self):
        """From now on a few deletions are enough."""
        self.limit = 2
        self.reopen()

    @rule(question=vectors, top_k=st.integers(1, 14), group=st.none() | groups)
    def search(self, question, top_k, group):
        matching = [d for d in self.model.values() if group is None or d.meta["group"] == group]
        found = self.store.search(question, top_k, in_group(group) if group else None)
        assert_exact_hits(found, matching, question, top_k, self.store.settings().similarity)

    @rule(query=st.lists(words, min_size=1, max_size=2), group=st.none() | groups)
    def bm25(self, query, group):
        matching = {
            d.id
            for d in self.model.values()
            if set(d.content.split()) & set(query) and (group is None or d.meta["group"] == group)
        }
        # Exactly as many as match: a deleted document among the hits would displace another.
        found = self.store.bm25_retrieval(" ".join(query), len(matching), in_group(group) if group else None)
        assert {document.id for document in found} == matching
        scores = self.store.searching().keyword_scores(" ".join(query), [document.id for document in found])
        assert [scores[document.id] for document in found] == [document.score for document in found]
        assert all((document.score or 0.0) > 0 for document in found)

    @invariant()
    def holds_what_the_model_holds(self):
        if hasattr(self, "store"):
            assert_same_documents(self.store, self.model)


AnyOrder.TestCase.settings = settings(
    max_examples=80,
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@pytest.mark.slow
class TestAnyOrder(AnyOrder.TestCase):  # type: ignore[valid-type, misc]
    pass
