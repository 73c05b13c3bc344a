# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""What the commands do, callable from Python: indexing, evaluation, a workspace to try things out."""
