# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Readers, by torch and transformers: what a checkpoint is, loading it, reading passages with it."""
