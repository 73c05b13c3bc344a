# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""The embedded store: SQLite holds the truth, raw vectors beside it, indexes that catch up with both."""
