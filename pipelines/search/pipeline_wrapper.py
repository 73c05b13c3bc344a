# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Hybrid search over HTTP and MCP: a question in, passages out. Uses `hybrid.yml` of the folder above."""

from dpr_haystack.serve.wrappers import SearchWrapper


class PipelineWrapper(SearchWrapper):
    """What Hayhooks looks for; override methods here to change what is served."""
