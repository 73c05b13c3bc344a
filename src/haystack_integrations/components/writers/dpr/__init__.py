# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""The name by which pipelines in YAML know the passage writer of dpr-haystack."""

from dpr_haystack.components.passage_writer import DPRPassageWriter

__all__ = ["DPRPassageWriter"]
