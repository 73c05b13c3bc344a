# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Pure functions and data types on top of numpy: fusion, metrics, answer matching, passages, exact search."""
