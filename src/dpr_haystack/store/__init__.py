# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""The embedded store: a SQLite database, a file of raw vectors, and indexes derived from both."""
