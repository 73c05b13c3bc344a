# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Where passages are indexed to: what is needed of such a place, and each of them."""
