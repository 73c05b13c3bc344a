# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Reproduce the paper's results on Natural Questions with the published checkpoints.

    python examples/nq/reproduce.py --passages psgs_w100.tsv.gz --questions nq-test.qas.csv --work DIR

The pair is the one trained on several data sets (multiset) or, with --model single, on Natural Questions only. The
Wikipedia passages (21,015,324 of 100 words) and the questions come from the download page of the original repository;
the checkpoints from the Hugging Face Hub or a local copy (--question-model, --passage-model). The vectors take 65 GB
and some hours on a fast GPU; the same command resumes after an interruption. For fewer passages, use the head of the
file.

Expected top-20 / top-100 accuracy (a passage with an answer), in percent:

    model      DPR (paper)   DPR (replicated)   BM25 (replicated)   hybrid, BM25 weight 1.3 (replicated)
    single     78.4 / 85.4   80.1 / 86.1        62.9 / 78.3         82.9 / 88.4 (weight 1.2)
    multiset   79.4 / 86.0   79.5 / 86.1        62.9 / 78.3         82.6 / 88.6

Paper: Karpukhin et al. 2020, table 2. Replicated: Pyserini (arXiv 2104.05740), which adds 1.3 times the BM25 score to
the inner product of a passage, over the first 1,000 results of each search; other spellings of the questions change the
results by up to one point. DPR is the same search here. BM25 is not: Pyserini uses Lucene with k1 0.9 and b 0.4 over
title and text together; here k1 1.2 and b 0.75 are built into the keyword index, over both fields. So the BM25 and
hybrid results differ: `dpr-haystack fit-hybrid` fits the weights on development questions. Each search contributes 100
passages, with the exact scores of both.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

# 1.3 x BM25 + 1 x DPR, scaled to weights that sum to 1: the ranking is the same
DPR_SHARE = 1.0 / 2.3


def main() -> None:
    """Convert, index and evaluate."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--passages", type=Path, required=True, help="psgs_w100.tsv, also .gz")
    parser.add_argument("--questions", type=Path, required=True, help="nq-test.qas.csv, or another file of questions")
    parser.add_argument("--work", type=Path, required=True, help="folder for all results")
    parser.add_argument(
        "--model", choices=["single", "multiset"], default="multiset", help="published pair (default: %(default)s)"
    )
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
    """Print and run a dpr-haystack command.

    :param command: The command and its arguments.
    """
    print("dpr-haystack", *command, flush=True)
    subprocess.run([sys.executable, "-m", "dpr_haystack.cli", *command], check=True)


if __name__ == "__main__":
    main()
