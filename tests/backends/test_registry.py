# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
from pathlib import Path
from typing import Any

import pytest
from haystack.document_stores.in_memory import InMemoryDocumentStore
from haystack.utils import Secret
from haystack_integrations.document_stores.elasticsearch import ElasticsearchDocumentStore

from dpr_haystack import FAISSDocumentStore
from dpr_haystack.backends.elasticsearch.search import ElasticsearchSearch
from dpr_haystack.backends.elasticsearch.writer import ElasticsearchWriter
from dpr_haystack.backends.local import LocalSearch, LocalWriter
from dpr_haystack.backends.registry import check_serializable, search_over, writer_over
from dpr_haystack.errors import InputError


class Derived(ElasticsearchDocumentStore):
    """A store of a user's own."""


def elasticsearch(cls: type[ElasticsearchDocumentStore] = ElasticsearchDocumentStore, **settings: Any) -> Any:
    return cls(hosts="http://127.0.0.1:9", index="passages", **settings)


def test_each_store_has_its_search_and_its_writer(tmp_path: Path) -> None:
    local = FAISSDocumentStore(str(tmp_path / "store"))
    assert isinstance(search_over(local), LocalSearch)
    assert isinstance(writer_over(local), LocalWriter)
    for store in (elasticsearch(), elasticsearch(Derived)):
        assert isinstance(search_over(store), ElasticsearchSearch)
        assert isinstance(writer_over(store), ElasticsearchWriter)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("function", [search_over, writer_over, check_serializable])
@pytest.mark.parametrize("store", [InMemoryDocumentStore(), None, "store"])
def test_an_unknown_store_is_refused_with_the_known_ones(function: Any, store: Any) -> None:
    with pytest.raises(InputError) as error:
        function(store)
    message = str(error.value)
    assert "FAISSDocumentStore of dpr_haystack or ElasticsearchDocumentStore of elasticsearch-haystack" in message
    assert message.endswith(f"got {type(store).__module__}.{type(store).__name__}")


def test_secrets_in_plain_text_are_not_serialised(tmp_path: Path) -> None:
    check_serializable(FAISSDocumentStore(str(tmp_path / "store")))
    check_serializable(elasticsearch(api_key=Secret.from_env_var("KEY", strict=False)))
    with pytest.raises(InputError, match="basic_auth, which would be written in plain text"):
        check_serializable(elasticsearch(basic_auth=("elastic", "geheim")))
