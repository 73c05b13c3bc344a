# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Compare with the official Elasticsearch writer and retrievers, on the same server.

    python benchmarks/elasticsearch.py [--store DIR --questions dev-v1.1.json.gz]

Measures documents written per second, questions per second by BM25 and by vector, and the recall of each type of vector
index among the 20 nearest passages of exact search. All sides get the same documents and questions and run in turns;
the tables show medians over the rounds. Embedding is not timed. Indexes have random names and are deleted afterwards.
`make elasticsearch` starts a server.

Passages, vectors and the question tower come from --store; without it, vectors are generated and BM25 is not measured.
"""

from __future__ import annotations

import sys

# The folder of a script is first on sys.path, where this file would hide the client package of the same name.
sys.path.append(sys.path.pop(0))

import argparse
import statistics
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from elasticsearch import Elasticsearch
from haystack import Document
from haystack_integrations.components.retrievers.elasticsearch import ElasticsearchBM25Retriever as OfficialBM25
from haystack_integrations.components.retrievers.elasticsearch import ElasticsearchEmbeddingRetriever
from haystack_integrations.document_stores.elasticsearch import ElasticsearchDocumentStore
from numpy.typing import NDArray
from squad import read_squad

from dpr_haystack import DPRTextEmbedder, ElasticsearchBM25Retriever, create_elasticsearch_index
from dpr_haystack.backends.elasticsearch.search import ElasticsearchSearch
from dpr_haystack.backends.registry import search_over, writer_over
from dpr_haystack.engines.elasticsearch.vectors import DenseSearch
from dpr_haystack.workflows.opening import store_for
from dpr_haystack.workflows.recorded_models import question_model_of

TOP_K = 20
OPTIONS = ("flat", "hnsw", "int8_flat", "int8_hnsw", "int4_hnsw", "bbq_flat", "bbq_hnsw")
PARTS = ("writers", "words", "vectors", "recall")
Side = Callable[[], object]


@dataclass(frozen=True)
class Data:
    """Passages for all sides, and questions; there are no words if vectors are generated."""

    documents: list[Document]
    words: list[str]
    vectors: NDArray[np.float32]

    @property
    def matrix(self) -> NDArray[np.float64]:
        return np.array([document.embedding for document in self.documents])


def main() -> None:
    """Run all parts and print their tables."""
    options = arguments()
    data = stored_data(options) if options.store else made_up_data(options)
    bench = Bench(options.elasticsearch, options.prefix, options.rounds)
    passages, dim = len(data.documents), len(data.documents[0].embedding or ())
    version = bench.client.info()["version"]["number"]
    print(f"Elasticsearch {version}, {passages} passages of {dim} numbers, {len(data.vectors)} questions, top {TOP_K}")
    for part in options.parts:
        if part != "words" or data.words:
            {"writers": writers, "words": words, "vectors": vectors, "recall": recall}[part](bench, data, options)
    bench.client.close()


def arguments() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--elasticsearch", default="http://127.0.0.1:19200", help="default: %(default)s")
    parser.add_argument("--store", type=Path, help="store with passages and vectors")
    parser.add_argument("--questions", type=Path, help="SQuAD's dev-v1.1.json.gz; needed with --store")
    parser.add_argument("--asked", type=int, default=200, help="number of questions")
    parser.add_argument("--limit", type=int, help="maximum number of passages (default without --store: 5000)")
    parser.add_argument("--batch", type=int, default=1000, help="documents per call of a writer")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--prefix", default="benchmark", help="prefix of the index names")
    options = parser.parse_args()
    if options.store and not options.questions:
        parser.error("--store needs --questions")
    return options


def made_up_data(options: argparse.Namespace, dim: int = 768) -> Data:
    """Vectors with norms like DPR's around some centres; questions are near passages."""
    generator = np.random.default_rng(0)
    count = options.limit or 5000
    middles = generator.normal(0, 0.25, (count // 50 + 1, dim))
    rows = middles[generator.integers(0, len(middles), count)] + generator.normal(0, 0.25, (count, dim))
    rows *= generator.lognormal(0, 0.1, (count, 1))
    near = rows[generator.integers(0, count, options.asked)] + generator.normal(0, 0.25, (options.asked, dim))
    documents = [
        Document(id=str(number), content=f"passage {number}", embedding=row.tolist())
        for number, row in enumerate(rows.astype(np.float32))
    ]
    return Data(documents, [], near.astype(np.float32))


def stored_data(options: argparse.Namespace) -> Data:
    """The passages of a store, and questions sampled from a file, embedded by the matching tower."""
    with closing(store_for(options.store)) as store:
        documents = store.filter_documents()[: options.limit]
        embedder = DPRTextEmbedder(question_model_of(search_over(store)))
    asked = read_squad(options.questions)[1]
    words = [asked[number][0] for number in np.linspace(0, len(asked) - 1, options.asked).astype(int)]
    found = [embedder.run(question)["embedding"] for question in words]
    return Data(documents, words, np.array(found, dtype=np.float32))


class Bench:
    """Runs measurements on a server.

    :param url: The address of the server.
    :param prefix: Prefix of the index names.
    :param rounds: How often each side runs.
    """

    def __init__(self, url: str, prefix: str, rounds: int) -> None:
        self.url = url
        self.client = Elasticsearch(url, request_timeout=120)
        self._prefix = prefix
        self._rounds = rounds

    @contextmanager
    def index(self, dim: int | None, kind: str = "hnsw") -> Iterator[ElasticsearchDocumentStore]:
        """A temporary index: ours, or without a dimension the one that the official store creates."""
        name = f"{self._prefix}-{uuid.uuid4().hex}"
        store = ElasticsearchDocumentStore(hosts=self.url, index=name, request_timeout=120)
        if dim is not None:
            create_elasticsearch_index(self.url, name, embedding_dim=dim, index_options=kind)
        try:
            store.count_documents()  # creates the index and a client
            yield store
        finally:
            store.close()
            self.client.options(ignore_status=404).indices.delete(index=name)

    def in_turns(self, sides: dict[str, Side]) -> dict[str, float]:
        """Median seconds of each side."""
        seconds: dict[str, list[float]] = {name: [] for name in sides}
        for number in range(self._rounds):
            for name, work in sides.items():
                print(f"round {number + 1}: {name}", file=sys.stderr)
                seconds[name].append(timed(work))
        return {name: statistics.median(values) for name, values in seconds.items()}

    def compare(self, title: str, unit: str, sides: dict[str, tuple[int, Side]]) -> None:
        """Run the sides in turns; print the rate of each and its ratio to the first."""
        seconds = self.in_turns({name: work for name, (_, work) in sides.items()})
        first = next(iter(sides))
        slowest = seconds[first] / sides[first][0]
        print(f"\n{title}\n{'':52}{unit + '/s':>14}{'ms each':>10}{'ratio':>8}")
        for name, (count, _) in sides.items():
            each = seconds[name] / count
            print(f"{name:52}{1 / each:14.0f}{1e3 * each:10.2f}{slowest / each:7.2f}x", flush=True)


def batched(items: Sequence[Any], size: int) -> list[list[Any]]:
    """Split items into batches."""
    return [list(items[start : start + size]) for start in range(0, len(items), size)]


def timed(work: Side) -> float:
    """Duration in seconds."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def write_ours(store: ElasticsearchDocumentStore, batches: Sequence[list[Document]]) -> None:
    """Write as `dpr-haystack index` does."""
    with closing(writer_over(store)) as target:
        for batch in batches:
            target.write(batch)
        refused = target.settle()
    if refused:
        raise RuntimeError(refused[0])


def write_officially(store: ElasticsearchDocumentStore, batches: Sequence[list[Document]], refresh: Any) -> None:
    """Write as Haystack's DocumentWriter does; documents are searchable afterwards."""
    for batch in batches:
        store.write_documents(batch, refresh=refresh)
    store.client.indices.refresh(index=store._index)


def writers(bench: Bench, data: Data, options: argparse.Namespace) -> None:
    """Documents per second, with and without vectors, into the same kind of index."""
    dim = len(data.documents[0].embedding or ())
    plain = [replace(document, embedding=None) for document in data.documents]

    def side(write: Callable[..., None], documents: list[Document], kind: str, *how: Any) -> tuple[int, Side]:
        batches = batched(documents, options.batch)

        def work() -> None:
            with bench.index(dim, kind) as store:
                write(store, batches, *how)

        return len(documents), work

    for title, documents, kind in (
        ("Writing into hnsw", data.documents, "hnsw"),
        ("Writing into flat: no graph is built", data.documents, "flat"),
        ("Writing without vectors", plain, "hnsw"),
    ):
        sides = {
            "official, as it comes (refresh=wait_for)": side(write_officially, documents, kind, "wait_for"),
            "official, refresh=False": side(write_officially, documents, kind, False),
            "dpr-haystack": side(write_ours, documents, kind),
        }
        bench.compare(title, "documents", sides)


def words(bench: Bench, data: Data, options: argparse.Namespace) -> None:
    """Questions per second by BM25: ours in our index, the official retriever in its own and in ours."""
    del options
    dim = len(data.documents[0].embedding or ())
    count = len(data.words)
    with bench.index(dim) as here, bench.index(None) as there:
        for store in (here, there):
            write_ours(store, [data.documents])
            settled(bench.client, store._index)
        ours = ElasticsearchBM25Retriever(document_store=here, top_k=TOP_K)
        official = OfficialBM25(document_store=there, top_k=TOP_K)
        crossed = OfficialBM25(document_store=here, top_k=TOP_K)
        sides = {
            "official run, index of its store": (count, lambda: [official.run(each) for each in data.words]),
            "official run, our index": (count, lambda: [crossed.run(each) for each in data.words]),
            "official query in batches, index of its store": (count, lambda: official_batches(bench, there, data)),
            "dpr-haystack run": (count, lambda: [ours.run(each) for each in data.words]),
            "dpr-haystack in batches": (count, lambda: ours.retrieve(data.words)),
        }
        warm(sides)
        bench.compare("Questions by words", "questions", sides)


def official_batches(bench: Bench, store: ElasticsearchDocumentStore, data: Data) -> None:
    """Send the query of the official retriever, which has no batches, in batches."""
    for part in batched(data.words, 64):
        searches: list[dict[str, Any]] = []
        for question in part:
            match = {"query": question, "type": "most_fields", "operator": "OR", "fuzziness": "AUTO"}
            searches += [{}, {"size": TOP_K, "query": {"bool": {"must": [{"multi_match": match}]}}}]
        told = bench.client.msearch(index=store._index, searches=searches)
        for response in told["responses"]:
            for hit in response["hits"]["hits"]:
                store._deserialize_document(hit)


def vectors(bench: Bench, data: Data, options: argparse.Namespace) -> None:
    """Questions per second by vector, in the same index."""
    del options
    dim = data.vectors.shape[1]
    count = len(data.vectors)
    with bench.index(dim) as store:
        write_ours(store, [data.documents])
        settled(bench.client, store._index)
        ours = ElasticsearchSearch(store, "a benchmark")
        rows = np.split(data.vectors, count)
        official = ElasticsearchEmbeddingRetriever(document_store=store, top_k=TOP_K)
        lists = data.vectors.tolist()
        sides = {
            "official run": (count, lambda: [official.run(each) for each in lists]),
            "dpr-haystack, one by one": (
                count,
                lambda: [ours.nearest(row, TOP_K, None) for row in rows],
            ),
            "dpr-haystack in batches": (count, lambda: ours.nearest(data.vectors, TOP_K, None)),
        }
        warm(sides)
        bench.compare("Questions by vector, hnsw", "questions", sides)
        ours.close()


def warm(sides: dict[str, tuple[int, Side]]) -> None:
    """Run each side once to warm up compiler and caches of the server."""
    for _, work in sides.values():
        work()


def settled(client: Elasticsearch, index: str) -> None:
    """Wait until the server has merged all segments."""
    while client.indices.stats(index=index, metric="merge")["_all"]["total"]["merges"]["current"]:
        time.sleep(0.2)


def recall(bench: Bench, data: Data, options: argparse.Namespace) -> None:
    """Recall and score error of each type of vector index."""
    matrix, questions = data.matrix, data.vectors.astype(np.float64)
    exact = questions @ matrix.T
    lowest = np.sort(exact, axis=1)[:, -TOP_K]  # among equal scores any is right
    place = {document.id: number for number, document in enumerate(data.documents)}
    print(f"\nRecall@{TOP_K} against exact search, and the largest difference of a score from the exact inner product")
    print(f"{'':14}{'documents/s':>12}{'segments':>9}", end="")
    print(f"{'recall':>10}{'off by':>10}{'ms':>7}{'| without oversampling':>24}{'off by':>10}{'ms':>7}")
    for kind in OPTIONS:
        print(f"recall: {kind}", file=sys.stderr)
        with bench.index(matrix.shape[1], kind) as store:
            seconds = timed(lambda store=store: write_ours(store, batched(data.documents, options.batch)))
            settled(bench.client, store._index)
            segments = bench.client.indices.stats(index=store._index, metric="segments")["_all"]["total"]["segments"]
            print(f"{kind:14}{len(data.documents) / seconds:12.0f}{segments['count']:9}", end="")
            for dense, width in ((DenseSearch(), 10), (DenseSearch(oversample=None), 24)):
                search = ElasticsearchSearch(store, "a benchmark", dense=dense)
                found = search.nearest(data.vectors, TOP_K, None)
                took = timed(lambda search=search: search.nearest(data.vectors, TOP_K, None))
                search.close()
                share, off = judged(found, exact, lowest, place)
                print(f"{share:{width}.4f}{off:10.1e}{1e3 * took / len(data.vectors):7.2f}", end="")
            print(flush=True)


def judged(
    found: list[list[Document]], exact: NDArray[np.float64], lowest: NDArray[np.float64], place: dict[str, int]
) -> tuple[float, float]:
    """Recall, and the largest difference of a score."""
    good, off = 0, 0.0
    for number, documents in enumerate(found):
        for document in documents:
            score = exact[number, place[document.id]]
            good += bool(score >= lowest[number])
            off = max(off, abs((document.score or 0.0) - score))
    return good / (len(found) * TOP_K), off


if __name__ == "__main__":
    main()
