# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""`python -m dpr_haystack.cli`."""

import sys

from dpr_haystack.cli import main

sys.exit(main())
