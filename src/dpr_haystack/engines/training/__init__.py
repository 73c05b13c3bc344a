# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Training with torch, sentence-transformers and peft: callbacks, teacher and checkpoints shared by all trainers."""
