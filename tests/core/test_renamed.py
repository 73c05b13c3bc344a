# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Names of Haystack 1 lead to those of this package, which exist."""

from __future__ import annotations

import re
from importlib import import_module

import pytest

import dpr_haystack
from dpr_haystack.core.renamed import _RENAMED


@pytest.mark.parametrize("name", sorted(_RENAMED))
def test_an_old_name_is_refused_with_the_new_one(name: str) -> None:
    with pytest.raises(ImportError, match=rf"no {name}: use .*docs/migration.md") as refused:
        getattr(dpr_haystack, name)
    named = re.findall(r"\b(?:[A-Z]\w+(?:Retriever|Embedder|Reader|Joiner|Evaluator))\b", str(refused.value))
    new = [word for word in named if word != name]
    assert set(new) <= set(dpr_haystack.__all__)
    assert new or "load_pipeline" in str(refused.value)


def test_the_import_statement_shows_it() -> None:
    with pytest.raises(ImportError, match="use DPRRetriever to search"):
        exec("from dpr_haystack import DensePassageRetriever")
    with pytest.raises(ImportError, match="cannot import name 'Nonsense'"):
        exec("from dpr_haystack import Nonsense")
    assert not hasattr(import_module("dpr_haystack"), "nonsense")
