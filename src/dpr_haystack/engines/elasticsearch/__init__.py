# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Elasticsearch without Haystack: the layout of an index for DPR, the requests to it, and how they are sent."""
