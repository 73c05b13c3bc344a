# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""The name by which pipelines in YAML know the evaluators of dpr-haystack."""

from dpr_haystack.components.answer_evaluator import AnswerMatchEvaluator
from dpr_haystack.components.top_k_evaluator import TopKAccuracyEvaluator

__all__ = ["AnswerMatchEvaluator", "TopKAccuracyEvaluator"]
