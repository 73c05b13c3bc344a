# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""The door through which Haystack's YAML finds the embedders."""

from dpr_haystack.components.document_embedder import DPRDocumentEmbedder
from dpr_haystack.components.text_embedder import DPRTextEmbedder

__all__ = ["DPRDocumentEmbedder", "DPRTextEmbedder"]
