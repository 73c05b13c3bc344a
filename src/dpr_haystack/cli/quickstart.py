# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""`dpr-haystack quickstart`: a workspace to try everything out."""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from dpr_haystack.cli.common import progress

if TYPE_CHECKING:
    from dpr_haystack.workflows.workspace import Workspace

SUMMARY = "make a workspace with a model, a corpus and an index, and ask it questions"
DESCRIPTION = """Makes DIR/model, DIR/corpus, DIR/questions.jsonl, DIR/pipelines and DIR/store, and shows what BM25,
DPR and both together find. Needs no model hub and no server. A second run reuses what is there."""
EXAMPLE = "dpr-haystack quickstart demo"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of this command."""
    parser.add_argument("directory", nargs="?", default="demo", metavar="DIR", help="default: %(default)s")


def run(arguments: argparse.Namespace) -> int:
    """Make the workspace and show what it finds."""
    from dpr_haystack.workflows.workspace import make_workspace
    from dpr_haystack.workflows.workspace_questions import ask_all, report_lines

    root = Path(arguments.directory)
    with progress("passages") as step:
        workspace = make_workspace(root, progress=step)
    print(workspace.summary, file=sys.stderr)
    for line in report_lines(ask_all(workspace)):
        print(line)
    command = "dpr-haystack" if shutil.which("dpr-haystack") else sys.argv[0]
    print(f"""
Ask it something:  {command} search "who wrote Dune?" --store {root}/store
Measure it:        {command} evaluate --store {root}/store --questions {root}/questions.jsonl
Serve it:          cd {root} && hayhooks run    (pip install 'dpr-haystack[serve]')
{_about_answers(workspace, command)}""")
    return 0


def _about_answers(workspace: Workspace, command: str) -> str:
    if workspace.has_reader:
        return f'Let it answer:     {command} ask "who wrote Dune?" --store {workspace.store}'
    return (
        "Let it answer:     needs a reader, which does not come with this package. With access to the hub:\n"
        "                   hf download deepset/minilm-uncased-squad2 --local-dir my-reader\n"
        f"                   {command} convert --reader my-reader --output {workspace.model}\n"
        f'                   {command} ask "who wrote Dune?" --store {workspace.store}'
    )
