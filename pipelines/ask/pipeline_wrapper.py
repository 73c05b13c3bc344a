# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Question answering over HTTP, MCP and chat: a question in, answers out. Uses `hybrid_qa.yml` of the folder above."""

from dpr_haystack.serve.wrappers import AskWrapper


class PipelineWrapper(AskWrapper):
    """What Hayhooks looks for; override methods here to change what is served."""
