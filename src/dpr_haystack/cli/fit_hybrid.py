# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""`dpr-haystack fit-hybrid`: fits the weights of BM25 and DPR on development questions."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from dpr_haystack.cli.bad_records import add_questions, check_keeps_questions, questions_of
from dpr_haystack.cli.common import (
    add_compute,
    add_place,
    compute_of,
    location_of,
    progress,
    whole_number,
)
from dpr_haystack.cli.hybrid_options import add_exact_scores
from dpr_haystack.core.fusion import NORMALIZATIONS
from dpr_haystack.errors import InputError

if TYPE_CHECKING:
    from dpr_haystack.core.hybrid_settings import HybridSettings
    from dpr_haystack.workflows.hybrid_fit_report import FitReport
    from dpr_haystack.workflows.hybrid_fitting import FitOptions

SUMMARY = "fit the weights of BM25 and DPR in hybrid search"
DESCRIPTION = """Searches for every question once by BM25 and once by DPR and fuses the results with every weight.
Prints the best weight for these questions, its 95% interval, and the gain on questions not used for fitting,
estimated by cross-validation. Writes hybrid.json into the model directory of the question tower, where search, ask
and evaluate find it. Use a few hundred development questions, never those that results are reported on."""
EXAMPLE = "dpr-haystack fit-hybrid --store demo/store --questions dev.jsonl"

_ROWS = range(0, 101, 10)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    add_place(parser)
    add_questions(parser, "file of development questions")
    parser.add_argument(
        "--question-model",
        metavar="M",
        help="question tower (default: the one that belongs to the store)",
    )
    _add_fit(parser)
    parser.add_argument("--output", metavar="FILE", help="file to write (default: hybrid.json in the model directory)")
    parser.add_argument("--plot", metavar="FILE", help="plot the curve to FILE (.png, .svg or .pdf)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    add_compute(parser)


def _add_fit(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--normalization",
        choices=NORMALIZATIONS,
        nargs="+",
        default=NORMALIZATIONS,
        help="score normalisations to choose from (default: all); with none, DPR's scores are scaled to BM25's range",
    )
    parser.add_argument(
        "--metric",
        default="mrr",
        metavar="M",
        help="metric to maximise: mrr (mean reciprocal rank of the first right passage; the default, as it is smoother "
        "than an accuracy) or top-K",
    )
    parser.add_argument(
        "--folds",
        type=whole_number,
        default=5,
        metavar="N",
        help="cross-validation folds (default: %(default)s)",
    )
    parser.add_argument(
        "--depth",
        type=whole_number,
        default=100,
        metavar="N",
        help="passages retrieved by each search (default: %(default)s)",
    )
    add_exact_scores(parser)
    _add_report(parser)


def _add_report(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--top-k",
        "--k",
        type=whole_number,
        nargs="+",
        default=[1, 20],
        metavar="K",
        help="k of the reported accuracies (default: 1 20)",
    )
    parser.add_argument("--regex", action="store_true", help="answers are regular expressions (CuratedTREC)")
    parser.add_argument(
        "--seed",
        type=int,
        default=0,
        metavar="N",
        help="random seed of folds and samples (default: 0)",
    )


def run(arguments: argparse.Namespace) -> int:
    """Fit, print the report, and write the settings."""
    from dpr_haystack.core.hybrid_settings import write_hybrid
    from dpr_haystack.workflows.drawing import check_picture
    from dpr_haystack.workflows.hybrid_curves import draw_weights

    for flag, output in (("--output", arguments.output), ("--plot", arguments.plot)):
        if output is not None:
            check_keeps_questions(arguments, f"{flag} {output}", Path(output))
    if arguments.plot is not None:
        _check_folder("--plot", Path(arguments.plot))
        check_picture("--plot", arguments.plot)
    model, target, report = _fitted(arguments)
    if target is not None:
        write_hybrid(target, report.settings)
    if arguments.plot is not None:
        draw_weights(Path(arguments.plot), report)
    if arguments.json:
        written = None if target is None else str(target)
        print(json.dumps({**report.to_json(), "written": written}, ensure_ascii=False, indent=2))
        return 0
    print("\n".join([*as_lines(report), "", *as_yaml(report.settings, model), ""]))
    if target is None:
        print(f"nothing was written: {model} is not a local model directory. --output FILE writes a file that search,")
        print("ask and evaluate read with --hybrid FILE")
    else:
        print(f"written to {target}")
    return 0


def _fitted(arguments: argparse.Namespace) -> tuple[str, Path | None, FitReport]:
    """The question tower, the file to write, and the report."""
    from dpr_haystack.core.hybrid_settings import HybridSettings
    from dpr_haystack.workflows.hybrid_fitting import check_fit, fit_hybrid
    from dpr_haystack.workflows.opening import opened_place
    from dpr_haystack.workflows.recorded_models import question_model_of

    questions, options = questions_of(arguments), _options(arguments)
    with opened_place(location_of(arguments)) as place:
        check_fit(place.search, questions, options, arguments.depth)
        model = arguments.question_model or question_model_of(place.search)
        target = _target(arguments.output, model)
        settings = HybridSettings(candidates=arguments.depth, exact_scores=bool(arguments.exact_scores))
        hybrid = place.hybrid(model, settings, compute_of(arguments))
        hybrid.tower.warm_up()
        steps = len(questions) * (1 + len(options.normalizations))
        with progress("steps", steps) as step:
            return model, target, fit_hybrid(place.search, hybrid, questions, options, step)


def _options(arguments: argparse.Namespace) -> FitOptions:
    from dpr_haystack.workflows.hybrid_fitting import FitOptions

    return FitOptions(
        normalizations=tuple(dict.fromkeys(arguments.normalization)),
        metric=arguments.metric,
        folds=arguments.folds,
        ks=tuple(sorted(set(arguments.top_k))),
        match="regex" if arguments.regex else "string",
        seed=arguments.seed,
    )


def _target(output: str | None, model: str) -> Path | None:
    """The file to write; None if there is neither `--output` nor a model directory.

    :raises InputError: If it cannot be written.
    """
    from dpr_haystack.core.hybrid_settings import hybrid_file_of

    target = hybrid_file_of(model) if output is None else Path(output)
    if target is not None:
        _check_folder("--output", target)
    return target


def _check_folder(option: str, path: Path) -> None:
    if path.is_dir() or not path.parent.is_dir() or not os.access(path.parent, os.W_OK):
        problem = "is a folder" if path.is_dir() else f"cannot be written: {path.parent} is not a writable folder"
        msg = f"{path} {problem}; use another file ({option} FILE)"
        raise InputError(msg)


def as_lines(report: FitReport) -> Iterator[str]:
    """Format a report as text: the curve, the choice, and its gain.

    :param report: The result of fitting.
    """
    curves = report.curves
    yield f"{report.metric} of {report.questions} questions by the share of DPR in the weight"
    yield "share   " + "".join(f"{name:>10}" for name in curves)
    chosen = round(100 * report.share)
    for row in sorted({*_ROWS, chosen}):
        mark = "  <- chosen" if row == chosen else ""
        yield f"{row / 100:<8.2f}" + "".join(f"{values[row]:>10.4f}" for values in curves.values()) + mark
    low, high = report.interval
    folds = ", ".join(f"{name} {share:.2f}" for name, share in report.folds)
    yield f"chosen: {report.settings.normalization}, share {report.share:.2f} (95% interval {low:.2f}-{high:.2f})"
    yield f"chosen without each of {len(report.folds)} folds: {folds}"
    yield ""
    ks = next(iter(report.systems.values())).top_k
    yield f"{'':<24}{'mrr':>8}" + "".join(f"{f'top-{k}':>9}" for k in ks)
    for name, figures in report.systems.items():
        label = name if name in ("bm25", "dpr") else f"hybrid, {name}"
        yield f"{label:<24}{figures.mrr:>8.4f}" + "".join(f"{value:>9.1f}" for value in figures.top_k.values())
    yield ""
    yield f"{f'gain in {report.metric} over':<24}{'fitted':>8}   cross-validated (95% interval)"
    for name, gain in report.gains.items():
        low, high = gain.interval
        yield f"{name:<24}{gain.fitted:>+8.4f}   {gain.cross_validated:+.4f} ({low:+.4f} to {high:+.4f})"


def as_yaml(settings: HybridSettings, model: str) -> Iterator[str]:
    """YAML of the fitted settings, to paste into pipelines.

    :param settings: The settings.
    :param model: The question tower.
    """
    weights = ", ".join(f"{name}: {value!r}" for name, value in settings.weights.items())
    fusion = [f"      weights: {{{weights}}}", f"      normalization: {settings.normalization}"]
    yield "  hybrid:"
    yield "    type: haystack_integrations.components.retrievers.dpr.DPRHybridRetriever"
    yield "    init_parameters:"
    yield f"      model: {json.dumps(model, ensure_ascii=False)}"
    yield from fusion
    yield f"      exact_scores: {str(settings.exact_scores).lower()}"
    yield f"      candidates: {settings.candidates}"
    if settings.exact_scores:
        yield "  # HybridJoiner cannot compute exact scores: fit without --exact-scores to use it"
        return
    yield f"  joiner:  # after retrievers with top_k: {settings.candidates}"
    yield "    type: haystack_integrations.components.joiners.dpr.HybridJoiner"
    yield "    init_parameters:"
    yield from fusion
