# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""`dpr-haystack mine`: mines hard negatives for training examples."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import TYPE_CHECKING

from dpr_haystack.cli.bad_records import print_note, print_skipped
from dpr_haystack.cli.common import add_place, existing_file, location_of, progress, whole_number
from dpr_haystack.cli.table_options import add_table_options, table_options

if TYPE_CHECKING:
    from dpr_haystack.components.retrievers.common import AnyStore
    from dpr_haystack.core.negatives import Tally
    from dpr_haystack.formats.examples import ExampleFile
    from dpr_haystack.formats.training import TrainingExample
    from dpr_haystack.workflows.training.mining import MiningOptions

SUMMARY = "mine hard negatives for training"
DESCRIPTION = """Reads a training file and writes it with new hard negatives: passages retrieved by BM25, the question
tower or both, except those that contain an answer, are gold passages, or score almost as high as the positive. The
passages are not embedded again. For better results, mine again with the trained towers, then train from scratch."""
EXAMPLE = "dpr-haystack mine train.jsonl --store demo/store --source dpr --output mined.jsonl"

_REASONS = {
    "rank": "outside --first-rank to --last-rank",
    "gold": "gold passages",
    "answer": "with an answer",
    "margin": "with a score too close to that of the positive",
    "check": "relevant according to the cross-encoder",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    parser.add_argument(
        "examples",
        type=existing_file,
        metavar="FILE",
        help="training file: DPR's JSON or JSON lines, or questions, positives and negatives in CSV, TSV, Parquet or "
        "JSON (sentence-transformers, BGE, Tevatron)",
    )
    add_place(parser)
    parser.add_argument(
        "--output",
        required=True,
        metavar="FILE",
        help="training file to write: .jsonl or .json, also .gz",
    )
    parser.add_argument(
        "--source",
        choices=["bm25", "dpr", "hybrid"],
        default="bm25",
        help="search that finds candidates (default: %(default)s)",
    )
    parser.add_argument(
        "--question-model",
        metavar="M",
        help="question tower (default: the one that belongs to the store)",
    )
    add_rules(parser)
    _add_other_rules(parser)
    parser.add_argument("--skip-bad", action="store_true", help="skip bad records and list them")
    add_table_options(parser, "question,positive,negative", "the names in the first line")


def _add_other_rules(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--keep", action="store_true", help="keep the existing hard negatives after the new ones")
    parser.add_argument(
        "--random", type=whole_number, metavar="N", help="also add N negatives per question, drawn from all passages"
    )
    parser.add_argument(
        "--gold-of-others",
        type=whole_number,
        metavar="N",
        help="also add N negatives per question, drawn from the positives of other questions",
    )
    parser.add_argument(
        "--cross-encoder", metavar="M", help="exclude passages that this cross-encoder (name or path) finds relevant"
    )
    parser.add_argument(
        "--relevant-from",
        type=float,
        default=0.5,
        metavar="P",
        help="lowest probability at which the cross-encoder finds a passage relevant (default: %(default)s)",
    )


def add_rules(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that select hard negatives.

    :param parser: The parser.
    """
    parser.add_argument(
        "--count", type=whole_number, default=1, metavar="N", help="hard negatives per question (default: 1)"
    )
    parser.add_argument(
        "--first-rank",
        type=whole_number,
        default=1,
        metavar="N",
        help="best rank of a negative (default: %(default)s)",
    )
    parser.add_argument(
        "--last-rank",
        type=whole_number,
        default=100,
        metavar="N",
        help="worst rank of a negative (default: %(default)s)",
    )
    parser.add_argument(
        "--margin",
        type=float,
        default=0.95,
        metavar="SHARE",
        help="exclude passages that score higher than this share of the positive's score, which is all of them if the "
        "positive was not retrieved (default: %(default)s; 0 for no margin)",
    )
    parser.add_argument(
        "--sampling",
        choices=["top", "random"],
        default="top",
        help="take the top candidates or random ones (default: %(default)s)",
    )
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="random seed (default: 0)")
    parser.add_argument(
        "--no-answer-filter",
        action="store_true",
        help="do not exclude passages that contain an answer",
    )
    parser.add_argument("--regex", action="store_true", help="answers are regular expressions (CuratedTREC)")


def options_of(arguments: argparse.Namespace, source: str) -> MiningOptions:
    """The mining settings of the arguments.

    :param arguments: The parsed arguments, with those of :func:`add_rules`.
    :param source: The search that finds candidates.
    :raises InputError: If a setting is invalid.
    """
    from dpr_haystack.core.negatives import NegativeRules
    from dpr_haystack.workflows.training.mining import MiningOptions

    rules = NegativeRules(
        count=arguments.count,
        first_rank=arguments.first_rank,
        last_rank=arguments.last_rank,
        margin=arguments.margin or None,
        sampling=arguments.sampling,
        seed=arguments.seed,
    )
    return MiningOptions(
        source=source,  # type: ignore[arg-type]
        rules=rules,
        match="regex" if arguments.regex else "string",
        filter_answers=not arguments.no_answer_filter,
        keep=getattr(arguments, "keep", False),
    )


def run(arguments: argparse.Namespace) -> int:
    """Mine hard negatives and print how many candidates each rule removed."""
    from dpr_haystack.backends.registry import search_over
    from dpr_haystack.core.negatives import Tally
    from dpr_haystack.formats.examples import ExampleFile
    from dpr_haystack.formats.training import write_training
    from dpr_haystack.workflows.opening import open_place
    from dpr_haystack.workflows.recorded_models import question_model_of
    from dpr_haystack.workflows.training.cross_encoder_check import cross_encoder_check
    from dpr_haystack.workflows.training.mining import mine_hard_negatives

    options, tally = options_of(arguments, arguments.source), Tally()
    store = open_place(location_of(arguments))
    model = None
    if arguments.source != "bm25":
        model = arguments.question_model or question_model_of(search_over(store))
    check = None
    if arguments.cross_encoder is not None:
        check = cross_encoder_check(arguments.cross_encoder, arguments.relevant_from)
    examples = ExampleFile(arguments.examples, skip_bad=arguments.skip_bad, tables=table_options(arguments))
    with progress("questions") as step:
        mined = mine_hard_negatives(examples, store, model, options=options, check=check, tally=tally, progress=step)
        count = write_training(arguments.output, _with_others(mined, examples, store, arguments))
    for note in examples.notes:
        print_note(note)
    print_skipped(examples.bad)
    print("\n".join([f"{count} examples in {arguments.output}", *summary(tally)]))
    return 0


def _with_others(
    mined: Iterator[TrainingExample], examples: ExampleFile, store: AnyStore, arguments: argparse.Namespace
) -> Iterator[TrainingExample]:
    """Add negatives from all passages and from other questions' positives, if requested."""
    from dpr_haystack.workflows.opening import all_passages
    from dpr_haystack.workflows.training.mining import known_positives
    from dpr_haystack.workflows.training.other_negatives import add_random_negatives

    settings = {
        "match": "regex" if arguments.regex else "string",
        "filter_answers": not arguments.no_answer_filter,
        "seed": arguments.seed,
    }
    if arguments.random is None and arguments.gold_of_others is None:
        return mined
    settings["known"] = known_positives(examples)
    if arguments.random is not None:
        mined = add_random_negatives(mined, all_passages(store), arguments.random, **settings)
    if arguments.gold_of_others is not None:
        golds = {passage.id: passage for example in examples for passage in example.positives[:1]}
        mined = add_random_negatives(mined, list(golds.values()), arguments.gold_of_others, source="gold", **settings)
    return mined


def summary(tally: Tally) -> Iterator[str]:
    """Format the counts of candidates as text.

    :param tally: The counts.
    """
    yield f"{tally.candidates} candidates for {tally.questions} questions, {tally.kept} selected as hard negatives"
    for reason, removed in tally.removed.items():
        if removed:
            yield f"  excluded: {removed} {_REASONS[reason]}"
    if tally.without:
        yield f"  {tally.without} questions without a hard negative"
