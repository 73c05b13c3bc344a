# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Searching passages, wherever they are: what can be asked, and each place that answers."""
