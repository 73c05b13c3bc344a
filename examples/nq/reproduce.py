# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""The paper's figures on Natural Questions, with the checkpoints that its authors published.

    python examples/nq/reproduce.py --passages psgs_w100.tsv.gz --questions nq-test.qas.csv --work DIR

The pair is the multiset one, or with --model single the one of this set alone. The passages of Wikipedia (21,015,324 of
100 words) and the questions come from the download page of the original repository; the checkpoints from the Hugging
Face hub, or from a copy of them (--question-model, --passage-model). All vectors take 65 GB; a good GPU embeds them in
some hours, and the same command goes on after an interruption. For fewer passages give it the head of the file.

To expect, a passage with an answer in the top 20 / top 100, in percent:

    model      DPR (paper)   DPR (replicated)   BM25 (replicated)   both, BM25 weighted 1.3 (replicated)
    single     78.4 / 85.4   80.1 / 86.1        62.9 / 78.3         82.9 / 88.4 (weight 1.2)
    multiset   79.4 / 86.0   79.5 / 86.1        62.9 / 78.3         82.6 / 88.6

The paper: Karpukhin et al. 2020, table 2. Replicated: Pyserini (arXiv 2104.05740), which adds 1.3 times the BM25 score
to the inner product of a passage, over the first 1,000 of each search; questions in another spelling differ by up to a
point. DPR alone is the same search here. BM25 is not: there it is Lucene's with k1 0.9 and b 0.4 over title and text
together, here k1 1.2 and b 0.75, which are built into the keyword index, over both fields. So that row, and with it
the hybrid one, whose weight belongs to BM25's scale, will differ: `dpr-haystack fit-hybrid` finds the weight that fits,
on questions of the development set. Each search contributes 100 passages, with the exact scores of both.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

# 1.3 x BM25 + 1 x DPR, as shares of 1: the order of the passages is the same
DPR_SHARE = 1.0 / 2.3


def main() -> None:
    """Index, then ask."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--passages", type=Path, required=True, help="psgs_w100.tsv, also .gz")
    parser.add_argument("--questions", type=Path, required=True, help="nq-test.qas.csv, or another file of questions")
    parser.add_argument("--work", type=Path, required=True, help="where everything goes")
    parser.add_argument("--model", choices=["single", "multiset"], default="multiset", help="which published pair")
    parser.add_argument("--question-model", help="another question tower, by name or path")
    parser.add_argument("--passage-model", help="another passage tower")
    arguments = parser.parse_args()
    name = "single-nq" if arguments.model == "single" else "multiset"
    question = arguments.question_model or f"facebook/dpr-question_encoder-{name}-base"
    passage = arguments.passage_model or f"facebook/dpr-ctx_encoder-{name}-base"
    store, model = arguments.work / "store", arguments.work / "model"
    if not model.exists():
        run("convert", question, "--passage-model", passage, "--output", str(model))
    run("index", str(arguments.passages), "--store", str(store), "--model", str(model))
    fusion = ["--normalization", "none", "--dpr-weight", f"{DPR_SHARE:.6f}", "--exact-scores"]
    files = ["--results", str(arguments.work), "--plot", str(arguments.work / "accuracy.png")]
    run("evaluate", "--store", str(store), "--questions", str(arguments.questions), *fusion, *files)


def run(*command: str) -> None:
    """Run a command of dpr-haystack, and show it."""
    print("dpr-haystack", *command, flush=True)
    subprocess.run([sys.executable, "-m", "dpr_haystack.cli", *command], check=True)


if __name__ == "__main__":
    main()
