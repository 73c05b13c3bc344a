# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""The work behind the commands: indexing, asking, evaluation, training. Not a public API."""
