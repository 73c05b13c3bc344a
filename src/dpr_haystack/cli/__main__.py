# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Runs `python -m dpr_haystack.cli`."""

import sys

from dpr_haystack.cli import main

sys.exit(main())
