# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Question and passage towers with torch and transformers: inspecting, loading and converting checkpoints, encoding."""
