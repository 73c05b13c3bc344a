# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""One heavy library a file: numpy in, numpy out, no Haystack."""
