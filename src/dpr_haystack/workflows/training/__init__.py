# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Training a retriever of one's own: its data, hard negatives, the trainer and what came of it."""
