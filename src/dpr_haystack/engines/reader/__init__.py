# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Readers with torch and transformers: inspecting and loading checkpoints, reading passages."""
