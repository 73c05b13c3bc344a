# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""`dpr-haystack quickstart`: a workspace for trying things out."""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from dpr_haystack.cli.common import progress
from dpr_haystack.errors import install_command

if TYPE_CHECKING:
    from dpr_haystack.workflows.workspace import Workspace

SUMMARY = "create a workspace with a model, a corpus and a store, and search it"
DESCRIPTION = """Creates DIR/model, DIR/corpus, DIR/questions.jsonl, DIR/pipelines and DIR/store, and compares the
results of BM25, DPR and hybrid search. Needs neither the Hugging Face Hub nor a server. A second run reuses existing
files."""
EXAMPLE = "dpr-haystack quickstart demo"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    parser.add_argument(
        "directory",
        nargs="?",
        default="demo",
        metavar="DIR",
        help="directory of the workspace (default: %(default)s)",
    )


def run(arguments: argparse.Namespace) -> int:
    """Create the workspace and compare the results of its questions."""
    from dpr_haystack.core.hybrid_settings import fitted_for
    from dpr_haystack.workflows.workspace import make_workspace
    from dpr_haystack.workflows.workspace_questions import ask_all, report_lines, why_hybrid_is_below

    root = Path(arguments.directory)
    with progress("passages") as step:
        workspace = make_workspace(root, progress=step)
    print(workspace.summary, file=sys.stderr)
    results = ask_all(workspace)
    for line in report_lines(results):
        print(line)
    command = "dpr-haystack" if shutil.which("dpr-haystack") else sys.argv[0]
    if (reason := why_hybrid_is_below(results, fitted_for(str(workspace.model)))) is not None:
        print(f"\n{reason}\nFit them to your own: {command} fit-hybrid --store {root}/store --questions YOURS.jsonl")
    print(f"""
Search:            {command} search "who wrote Dune?" --store {root}/store
Evaluate:          {command} evaluate --store {root}/store --questions {root}/questions.jsonl
Serve:             cd {root} && hayhooks run    ({install_command("serve")})
{_next_steps_for_answers(workspace, command)}""")
    return 0


def _next_steps_for_answers(workspace: Workspace, command: str) -> str:
    if workspace.has_reader:
        return f'Get answers:       {command} ask "who wrote Dune?" --store {workspace.store}'
    return (
        "Get answers:       needs a reader, which is not part of this package. From the Hugging Face Hub:\n"
        "                   hf download deepset/minilm-uncased-squad2 --local-dir my-reader\n"
        f"                   {command} convert --reader my-reader --output {workspace.model}\n"
        f'                   {command} ask "who wrote Dune?" --store {workspace.store}'
    )
