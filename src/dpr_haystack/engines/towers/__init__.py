# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Question and passage towers, by torch and transformers: what a checkpoint is, loading it, encoding with it."""
