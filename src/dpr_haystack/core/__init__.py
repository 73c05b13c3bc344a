# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""What can be said with numpy alone: fusion, metrics, answer matching, passages, exact search."""
