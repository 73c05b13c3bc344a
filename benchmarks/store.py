# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Compare the store with faiss-haystack, InMemoryDocumentStore and raw FAISS.

    python benchmarks/store.py

Measures durable write, open, one search, one search with a filter that selects 2% (a different one per question, so
that results cannot be cached), and bytes on disk. All sides get the same vectors and questions and run in turns; the
table shows medians over the rounds. faiss-haystack pins numpy below 2, so it runs in its own environment, created on
the first run (--peer-env keeps it).
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import faiss
import numpy as np
from haystack import Document
from haystack.document_stores.in_memory import InMemoryDocumentStore

from dpr_haystack import FAISSDocumentStore

PEER = "faiss-haystack==3.0.0"
TOP_K = 10
GROUPS = 50  # a filter for one of them selects 2%
Result = dict[str, float]


def main() -> None:
    """Run all sides in turns and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--passages", type=int, default=20_000)
    parser.add_argument("--dim", type=int, default=768)
    parser.add_argument("--questions", type=int, default=50)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--peer-env", type=Path, help="directory of the environment of faiss-haystack, created if missing"
    )
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        python = peer_environment(arguments.peer_env or folder / "peer-env")
        data = make_data(folder / "data.npz", arguments.passages, arguments.dim, arguments.questions)
        sides: dict[str, Callable[[], Result]] = {
            "dpr-haystack": lambda: measure_ours(data, folder / "ours"),
            "faiss-haystack": lambda: measure_peer(python, folder / "data.npz", folder / "peer"),
            "InMemoryDocumentStore": lambda: measure_in_memory(data, folder / "memory.json"),
            "raw FAISS": lambda: measure_raw(data, folder / "raw.faiss"),
        }
        results: dict[str, list[Result]] = {side: [] for side in sides}
        for number in range(arguments.rounds):
            for side, measure in sides.items():
                print(f"round {number + 1}: {side}", file=sys.stderr)
                results[side].append(measure())
    print_table(results, arguments)


def make_data(path: Path, passages: int, dim: int, questions: int) -> dict[str, np.ndarray]:
    """Random vectors with norms that vary like DPR's, and the group of each passage."""
    generator = np.random.default_rng(0)
    vectors = generator.standard_normal((passages, dim)) * generator.lognormal(0, 0.1, (passages, 1))
    arrays = {
        "vectors": vectors.astype(np.float32),
        "questions": generator.standard_normal((questions, dim)).astype(np.float32),
        "groups": np.arange(passages) % GROUPS,
    }
    np.savez(path, **arrays)
    return arrays


def documents_of(data: dict[str, np.ndarray]) -> list[Document]:
    """The passages for all sides."""
    return [
        Document(id=str(number), content=f"passage {number}", meta={"group": int(group)}, embedding=vector.tolist())
        for number, (vector, group) in enumerate(zip(data["vectors"], data["groups"], strict=True))
    ]


def measure_ours(data: dict[str, np.ndarray], folder: Path) -> Result:
    """FAISSDocumentStore: write, open, search."""
    shutil.rmtree(folder, ignore_errors=True)
    documents, dim = documents_of(data), data["vectors"].shape[1]
    store = FAISSDocumentStore(str(folder), embedding_dim=dim)
    write = timed(lambda: store.write_documents(documents))
    store.close()
    again = FAISSDocumentStore(str(folder), embedding_dim=dim)
    opened = timed(again.count_documents)
    result = searches(data, lambda q: again.search(q, TOP_K), lambda q, only: again.search(q, TOP_K, only))
    again.close()
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    return {**result, "write": write, "open": opened, "bytes": size}


def measure_in_memory(data: dict[str, np.ndarray], file: Path) -> Result:
    """InMemoryDocumentStore: write and save to disk, load, search."""
    documents = documents_of(data)
    store = InMemoryDocumentStore(shared=False)

    def write() -> None:
        store.write_documents(documents)
        store.save_to_disk(str(file))

    seconds = timed(write)
    loaded: list[InMemoryDocumentStore] = []
    opened = timed(lambda: loaded.append(InMemoryDocumentStore.load_from_disk(str(file))))
    few = {**data, "questions": data["questions"][:5]}  # each takes a large part of a second
    result = searches(
        few,
        lambda q: loaded[0].embedding_retrieval(q, top_k=TOP_K),
        lambda q, only: loaded[0].embedding_retrieval(q, filters=only, top_k=TOP_K),
    )
    return {**result, "write": seconds, "open": opened, "bytes": file.stat().st_size}


def measure_raw(data: dict[str, np.ndarray], file: Path) -> Result:
    """Raw FAISS as a lower bound: vectors only, without documents, filters or durable writes."""
    index: Any = faiss.IndexFlatIP(data["vectors"].shape[1])

    def write() -> None:
        index.add(data["vectors"])
        faiss.write_index(index, str(file))

    seconds = timed(write)
    loaded: list[Any] = []
    opened = timed(lambda: loaded.append(faiss.read_index(str(file))))
    times = [timed(lambda q=q: loaded[0].search(q[None, :], TOP_K)) for q in data["questions"]]
    return {"write": seconds, "open": opened, "search": statistics.median(times), "bytes": file.stat().st_size}


def measure_peer(python: Path, data: Path, folder: Path) -> Result:
    """faiss-haystack in its own environment."""
    folder.mkdir(exist_ok=True)
    for file in folder.iterdir():
        file.unlink()
    script = Path(__file__).with_name("peers") / "faiss_haystack.py"
    done = subprocess.run([python, script, data, folder], check=True, capture_output=True, text=True)
    result: Result = json.loads(done.stdout.splitlines()[-1])
    return result


def peer_environment(folder: Path) -> Path:
    """The Python executable with faiss-haystack."""
    python = folder / "bin" / "python"
    if not python.exists():
        print(f"creating an environment with {PEER}", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        subprocess.run([python, "-m", "pip", "install", "-q", PEER], check=True)
    return python


def searches(
    data: dict[str, np.ndarray],
    plain: Callable[[Any], list[Document]],
    filtered: Callable[[Any, dict[str, Any]], list[Document]],
) -> Result:
    """Median seconds of a search and of a filtered one, and the share of filtered ones with top_k results."""
    questions = data["questions"].tolist()
    plain(questions[0])
    found: list[int] = []
    times = [timed(lambda q=q: plain(q)) for q in questions]
    conditions = [{"field": "meta.group", "operator": "==", "value": n % GROUPS} for n in range(len(questions))]
    with_filter = [
        timed(lambda q=q, only=only: found.append(len(filtered(q, only))))
        for q, only in zip(questions, conditions, strict=True)
    ]
    full = sum(count == TOP_K for count in found) / len(found)
    return {"search": statistics.median(times), "filtered": statistics.median(with_filter), "full": full}


def timed(work: Callable[[], object]) -> float:
    """Duration in seconds."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def print_table(results: dict[str, list[Result]], arguments: argparse.Namespace) -> None:
    """Print medians over the rounds."""
    print(f"{arguments.passages} passages of {arguments.dim} numbers, medians of {arguments.rounds} rounds\n")
    columns = [
        ("write s", "write", 1),
        ("open ms", "open", 1e3),
        ("search ms", "search", 1e3),
        ("filtered ms", "filtered", 1e3),
        ("filtered full %", "full", 100),
        ("MB on disk", "bytes", 1e-6),
    ]
    print(f"{'':<24}" + "".join(f"{title:>17}" for title, _, _ in columns))
    for side, rounds in results.items():
        cells = []
        for _, key, factor in columns:
            values = [entry[key] for entry in rounds if key in entry]
            cells.append(f"{factor * statistics.median(values):>17.2f}" if values else f"{'-':>17}")
        print(f"{side:<24}" + "".join(cells))


if __name__ == "__main__":
    main()
