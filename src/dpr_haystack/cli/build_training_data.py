# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""`dpr-haystack build-training-data`: from questions with answers to a training file."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from dpr_haystack.cli.common import add_place, existing_file, open_place, progress, whole_number
from dpr_haystack.cli.mine import add_rules, options_of, summary

if TYPE_CHECKING:
    from dpr_haystack.core.passages import Passage

SUMMARY = "make a training file of questions with answers"
DESCRIPTION = """Reads questions (SQuAD JSON, DPR qas.csv, JSON lines; each also .gz) and finds a positive passage for
each in a store or an index, as in the paper: its gold passage, or the piece of it that holds the answer, or else the
best passage by BM25 that does; questions without any are left out. Hard negatives come from BM25. Where each positive
is from is kept."""
EXAMPLE = "dpr-haystack build-training-data demo/questions.jsonl --store demo/store --output train.jsonl"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of this command."""
    parser.add_argument("questions", type=existing_file, metavar="FILE", help="the questions")
    add_place(parser)
    parser.add_argument("--output", required=True, metavar="FILE", help="where to write; .jsonl or .json, also .gz")
    parser.add_argument("--limit", type=whole_number, metavar="N", help="the first N questions only")
    parser.add_argument(
        "--depth", type=whole_number, default=100, metavar="N", help="passages looked at for an answer (default: 100)"
    )
    add_rules(parser)


def run(arguments: argparse.Namespace) -> int:
    """Build, and say where positives came from."""
    from itertools import islice

    from dpr_haystack.core.negatives import Tally
    from dpr_haystack.formats.questions import read_questions
    from dpr_haystack.formats.training import write_training
    from dpr_haystack.training.building import BuildReport, build_examples
    from dpr_haystack.training.mining import mine_hard_negatives

    options, tally, report = options_of(arguments, "bm25"), Tally(), BuildReport()
    store = open_place(arguments)
    questions = islice(read_questions(arguments.questions), arguments.limit)
    with progress("questions", arguments.limit) as step:
        built = build_examples(
            questions,
            store,
            gold_passages=_gold_passages(arguments.questions),
            match=options.match,
            depth=arguments.depth,
            report=report,
            progress=step,
        )
        count = write_training(arguments.output, mine_hard_negatives(built, store, options=options, tally=tally))
    told = report.positives
    print(
        f"{count} examples of {report.questions} questions in {arguments.output}: positives are {told['gold']} gold "
        f"passages, {told['mapped']} pieces of gold passages, {told['found']} found by BM25; "
        f"{report.left_out} questions have none and are left out"
    )
    print("\n".join(summary(tally)))
    return 0


def _gold_passages(path: Path) -> Mapping[str, Passage]:
    """The passages that a file of questions brings along, by id: SQuAD's paragraphs."""
    from dpr_haystack.formats.open_text import parse_json, read_text, suffix_of
    from dpr_haystack.formats.squad import is_squad, squad_passages

    if suffix_of(path) != ".json":
        return {}
    content = parse_json(read_text(path), path)
    return {passage.id: passage for passage in squad_passages(content, path)} if is_squad(content) else {}
