# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""The name under which Haystack's YAML knows the reader of dpr-haystack."""

from dpr_haystack.components.reader import DPRReader

__all__ = ["DPRReader"]
