# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Elasticsearch: what an index for DPR looks like, what is asked of it, and how that is sent. No Haystack in here."""
