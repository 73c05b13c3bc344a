# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""`dpr-haystack convert`: a model directory from checkpoints."""

from __future__ import annotations

import argparse
import sys

from dpr_haystack.cli.common import whole_number

SUMMARY = "make a model directory from checkpoints; convert old pipelines"
DESCRIPTION = """Writes a model directory with both towers from Hugging Face DPR checkpoints, any BERT-like encoder, a
sentence-transformers folder or a .cp file of the original repository. --reader adds a reader: a DPR reader or any model
for extractive question answering; without MODEL, it is added to an existing model directory. --adapter-rank writes
small adapters of the model that was trained. --pipeline converts YAML
for faiss-haystack and for Haystack's extractive reader."""
EXAMPLE = "dpr-haystack convert my-encoder --output model"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    parser.add_argument(
        "question_model", nargs="?", metavar="MODEL", help="question tower, or a checkpoint with both towers"
    )
    parser.add_argument("--passage-model", metavar="MODEL", help="passage tower, if it is a separate checkpoint")
    parser.add_argument("--reader", metavar="MODEL", help="reader to add")
    parser.add_argument(
        "--pipeline", metavar="FILE", help="convert this YAML pipeline instead of a model; --output is a file then"
    )
    parser.add_argument("--output", required=True, metavar="DIR", help="model directory to write")
    parser.add_argument(
        "--base-model",
        metavar="MODEL",
        help="for .cp files: source of configuration and vocabulary; for adapters: the model they were trained from",
    )
    parser.add_argument(
        "--adapter-rank",
        type=whole_number,
        metavar="R",
        help="write adapters of this rank to --base-model instead of whole towers and readers",
    )
    parser.add_argument(
        "--base-name",
        metavar="NAME",
        help="name of the base model that adapters refer to, e.g. on the Hugging Face Hub (default: --base-model)",
    )
    parser.add_argument(
        "--max-length", type=whole_number, metavar="N", help="maximum input length of the towers in tokens"
    )
    parser.add_argument(
        "--dimension",
        type=whole_number,
        metavar="N",
        help="keep only the first N dimensions of every vector, for towers trained for that (Matryoshka)",
    )
    parser.add_argument(
        "--dpr-classes",
        action="store_true",
        help="write the towers as DPRQuestionEncoder and DPRContextEncoder of transformers, for other programs",
    )
    parser.add_argument("--overwrite", action="store_true", help="replace an existing model directory or file")


def run(arguments: argparse.Namespace) -> int:
    """Convert and print the path of the model directory."""
    from dpr_haystack.engines.reader.model_directory import add_reader
    from dpr_haystack.engines.towers.conversion import ConversionOptions
    from dpr_haystack.errors import InputError
    from dpr_haystack.workflows.conversion import convert_model

    if arguments.pipeline is not None:
        return _convert_pipeline(arguments)
    if arguments.question_model is None and arguments.reader is None:
        msg = "give MODEL, the question tower, or --reader to add a reader to an existing model directory"
        raise InputError(msg)
    if arguments.adapter_rank is not None:
        _write_adapters(arguments)
        print(arguments.output)
        return 0
    if arguments.base_name is not None and arguments.adapter_rank is None:
        msg = "--base-name is for adapters: it needs --adapter-rank"
        raise InputError(msg)
    options = ConversionOptions(arguments.base_model, arguments.max_length, arguments.dimension, arguments.dpr_classes)
    question, reader, overwrite = arguments.question_model, arguments.reader, arguments.overwrite
    if question is None:
        written = add_reader(reader, arguments.output, base_model=arguments.base_model, overwrite=overwrite)
    else:
        places = (question, arguments.passage_model, arguments.output)
        written = convert_model(*places, options, reader=reader, overwrite=overwrite)
    print(written)
    return 0


def _convert_pipeline(arguments: argparse.Namespace) -> int:
    from dpr_haystack.errors import InputError
    from dpr_haystack.workflows.pipeline_migration import convert_pipeline

    if arguments.question_model is not None or arguments.reader is not None:
        msg = "--pipeline converts a pipeline and cannot be combined with MODEL or --reader"
        raise InputError(msg)
    changes = convert_pipeline(arguments.pipeline, arguments.output, overwrite=arguments.overwrite)
    print("\n".join([*changes, arguments.output]))
    return 0


def _write_adapters(arguments: argparse.Namespace) -> None:
    from dpr_haystack.errors import InputError
    from dpr_haystack.workflows.conversion import reader_beside

    if arguments.base_model is None:
        msg = (
            "--adapter-rank needs MODEL, the trained pair, or --reader, the trained reader, "
            "and --base-model, the model it was trained from"
        )
        raise InputError(msg)
    options = {"--passage-model": arguments.passage_model, "--max-length": arguments.max_length}
    options |= {"--dimension": arguments.dimension, "--dpr-classes": arguments.dpr_classes or None}
    for name, value in options.items():
        if value is not None:
            msg = f"--adapter-rank converts MODEL and --reader unchanged: it cannot be combined with {name}"
            raise InputError(msg)
    form = {"rank": arguments.adapter_rank, "base_name": arguments.base_name, "overwrite": arguments.overwrite}
    shares: dict[str, float] = {}
    if arguments.question_model is not None:
        from dpr_haystack.engines.towers.adapter_conversion import convert_to_adapters

        shares.update(convert_to_adapters(arguments.question_model, arguments.base_model, arguments.output, **form))
        if arguments.reader is None and reader_beside(arguments.question_model) is not None:
            model = arguments.question_model
            print(f"the reader of {model} is left out: --reader {model} writes it as an adapter too", file=sys.stderr)
    if arguments.reader is not None:
        from dpr_haystack.engines.reader.model_directory import add_reader_as_adapter

        shares["reader"] = add_reader_as_adapter(arguments.reader, arguments.base_model, arguments.output, **form)
    print(", ".join(f"{role}: {100 * share:.1f}% of the trained changes kept" for role, share in shares.items()))
