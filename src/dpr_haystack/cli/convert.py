# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""`dpr-haystack convert`: a model directory from any checkpoint."""

from __future__ import annotations

import argparse

from dpr_haystack.cli.common import whole_number

SUMMARY = "make a model directory from checkpoints"
DESCRIPTION = """Writes a model directory with both towers from Hugging Face DPR checkpoints, any BERT-like encoder, a
sentence-transformers folder or a .cp file of the original repository. --reader puts a reader beside them: a DPR reader
or any model for extractive question answering; without MODEL, into a model directory that is there."""
EXAMPLE = "dpr-haystack convert my-encoder --output model"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of this command."""
    parser.add_argument(
        "question_model", nargs="?", metavar="MODEL", help="the question tower, or a checkpoint that is both"
    )
    parser.add_argument("--passage-model", metavar="MODEL", help="the passage tower, if it is a checkpoint of its own")
    parser.add_argument("--reader", metavar="MODEL", help="a reader")
    parser.add_argument("--output", required=True, metavar="DIR", help="the model directory to write")
    parser.add_argument(
        "--base-model",
        metavar="MODEL",
        help="for .cp files: where configuration and vocabulary are; for adapters: what they were trained from",
    )
    parser.add_argument(
        "--adapter-rank",
        type=whole_number,
        metavar="R",
        help="write small adapters of --base-model, of this rank, in place of whole towers",
    )
    parser.add_argument(
        "--base-name",
        metavar="NAME",
        help="what adapters call their base, e.g. its name on the hub (default: what --base-model says)",
    )
    parser.add_argument("--max-length", type=whole_number, metavar="N", help="longest input in tokens of the towers")
    parser.add_argument(
        "--dimension",
        type=whole_number,
        metavar="N",
        help="keep the first N numbers of every vector: for towers that were trained for it (matryoshka)",
    )
    parser.add_argument(
        "--dpr-classes",
        action="store_true",
        help="write the towers as transformers' DPRQuestionEncoder and DPRContextEncoder, for other programs",
    )
    parser.add_argument("--overwrite", action="store_true", help="replace what is there")


def run(arguments: argparse.Namespace) -> int:
    """Convert, and say where it is."""
    from dpr_haystack.engines.towers.conversion import convert
    from dpr_haystack.errors import InputError

    if arguments.question_model is None and arguments.reader is None:
        msg = "name MODEL, the question tower, or --reader, to put a reader into a model directory that is there"
        raise InputError(msg)
    if arguments.base_name is not None and arguments.adapter_rank is None:
        msg = "--base-name is what adapters call their base: it needs --adapter-rank beside it"
        raise InputError(msg)
    written: object = arguments.output
    if arguments.adapter_rank is not None:
        _write_adapters(arguments)
    elif arguments.question_model is not None:
        written = convert(
            arguments.question_model,
            arguments.passage_model,
            arguments.output,
            base_model=arguments.base_model,
            max_length=arguments.max_length,
            dimension=arguments.dimension,
            dpr_classes=arguments.dpr_classes,
            overwrite=arguments.overwrite,
        )
    if arguments.reader is not None:
        from dpr_haystack.engines.reader.model_directory import add_reader

        written = add_reader(arguments.reader, arguments.output, overwrite=arguments.overwrite)
    print(written)
    return 0


def _write_adapters(arguments: argparse.Namespace) -> None:
    from dpr_haystack.engines.towers.adapter_conversion import convert_to_adapters
    from dpr_haystack.errors import InputError

    if arguments.question_model is None or arguments.base_model is None:
        msg = "--adapter-rank needs MODEL, the trained pair, and --base-model, what it was trained from"
        raise InputError(msg)
    given = {"--passage-model": arguments.passage_model, "--max-length": arguments.max_length}
    given |= {"--dimension": arguments.dimension, "--dpr-classes": arguments.dpr_classes or None}
    for name, value in given.items():
        if value is not None:
            msg = f"--adapter-rank takes both towers of MODEL as they are: no {name} beside it"
            raise InputError(msg)
    shares = convert_to_adapters(
        arguments.question_model,
        arguments.base_model,
        arguments.output,
        rank=arguments.adapter_rank,
        base_name=arguments.base_name,
        overwrite=arguments.overwrite,
    )
    print(", ".join(f"{role}: {100 * share:.1f}% of what training changed" for role, share in shares.items()))
