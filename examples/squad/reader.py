# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Train a reader on SQuAD and evaluate it, in one command.

    python examples/squad/reader.py --squad DIR --work DIR [SETTING=VALUE ...]

The folder --squad contains train-v1.1.json and dev-v1.1.json (also .gz). Passages come from hybrid search with the pair
that is shipped; the reader is put beside it, in model/. Every step is a dpr-haystack command, which is printed.
Finished steps are not repeated, and a training goes on from its last checkpoint, so the same command resumes after an
interruption. Training settings can be overridden, e.g. ``max_steps=10`` for a quick test.
Needs, in a checkout: pip install -c constraints.txt ".[all]".
"""

from __future__ import annotations

import argparse
from pathlib import Path

from reproduce import Steps, found, packaged_encoder, split_by_article

from dpr_haystack.resources import trained_pair


def main() -> None:
    """Run all steps."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--squad", type=Path, required=True, help="folder with SQuAD's two files")
    parser.add_argument("--work", type=Path, required=True, help="folder for all results")
    parser.add_argument("--config", default="reader-laptop", help="configuration (default: reader-laptop)")
    parser.add_argument("--base", help="encoder to start from (default: the packaged all-MiniLM-L6-v2)")
    parser.add_argument("--pair", help="pair of encoders that finds passages (default: the shipped pair)")
    parser.add_argument("--held-out", type=int, default=22, help="training articles held out for validation")
    parser.add_argument("--rank", type=int, default=89, help="rank of the adapter")
    parser.add_argument("settings", nargs="*", help="training settings, e.g. max_steps=10")
    arguments = parser.parse_args()
    arguments.work.mkdir(parents=True, exist_ok=True)
    recipe(Steps(arguments.work), arguments)


def recipe(step: Steps, arguments: argparse.Namespace) -> None:
    """From SQuAD to the evaluated reader.

    :param step: Runs commands.
    :param arguments: The parsed arguments.
    """
    squad = [found(arguments.squad, name) for name in ("train-v1.1.json", "dev-v1.1.json")]
    split_by_article(squad[0], step.work, arguments.held_out)
    base = arguments.base or packaged_encoder()
    pair = [arguments.pair] if arguments.pair else [str(trained_pair()), "--base-model", base]
    step("model/dpr.json", "convert", *pair, "--output", "model")
    step("reader-store.done", "index", *map(str, squad), "--store", "reader-store", "--model", "model")
    step.done("reader-store.done")
    search = ["--store", "reader-store", "--by", "hybrid"]
    build = ["build-reader-data", "train.json", *search, "--top-k", "20"]
    step("reader-train.jsonl", *build, "--output", "reader-train.jsonl")
    # as the reader will be used: with what the search returns, and with the questions that it loses
    held_out = ["build-reader-data", "held-out.json", *search, "--top-k", "10", "--retrieved-only", "--keep-unanswered"]
    step("reader-held-out.jsonl", *held_out, "--output", "reader-held-out.jsonl")
    files = [f"model={base}", "train_file=reader-train.jsonl", "dev_file=reader-held-out.jsonl", "output_dir=reader"]
    step("reader/model/dpr.json", "train-reader", arguments.config, *files, *arguments.settings)
    adapter = ["--adapter-rank", str(arguments.rank), "--base-model", base]
    step("model/reader/adapter_config.json", "convert", "--reader", "reader/model", *adapter, "--output", "model")
    evaluate = ["evaluate", "--store", "reader-store", "--questions", str(squad[1]), "--reader", "model"]
    step(None, *evaluate, "--passages", "1", "5", "10", "20", "50")


if __name__ == "__main__":
    main()
