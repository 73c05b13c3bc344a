# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""The name by which pipelines in YAML know the file converter of dpr-haystack."""

from dpr_haystack.components.file_converter import DPRFileConverter

__all__ = ["DPRFileConverter"]
