# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Credentials from the environment, and invalid addresses, without a server."""

from __future__ import annotations

import traceback
from collections.abc import Callable

import pytest
from haystack.utils import Secret

from dpr_haystack import create_elasticsearch_index
from dpr_haystack.backends.elasticsearch.creation import credentials_from_environment
from dpr_haystack.errors import InputError
from support.workspace import Ran

NAMES = ("ELASTIC_API_KEY_ID", "ELASTIC_API_KEY", "ELASTIC_USER", "ELASTIC_PASSWORD")


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("told", "given"),
    [
        ({}, {}),
        ({"ELASTIC_API_KEY": "k"}, {"api_key": "k"}),
        ({"ELASTIC_API_KEY": "k", "ELASTIC_API_KEY_ID": "i"}, {"api_key": ("i", "k")}),
        ({"ELASTIC_API_KEY": "k", "ELASTIC_PASSWORD": "p"}, {"api_key": "k"}),
        ({"ELASTIC_PASSWORD": "p"}, {"basic_auth": ("elastic", "p")}),
        ({"ELASTIC_USER": "u", "ELASTIC_PASSWORD": "p"}, {"basic_auth": ("u", "p")}),
    ],
)
def test_what_the_environment_says(told: dict[str, str], given: object, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in told.items():
        monkeypatch.setenv(name, value)
    assert credentials_from_environment() == given


def test_a_user_without_a_password_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ELASTIC_USER", "u")
    with pytest.raises(InputError, match="ELASTIC_PASSWORD is not"):
        credentials_from_environment()


@pytest.mark.parametrize("address", ["localhost", "localhost:9200", "http://elastic:S3cret!@localhost", "", "http://"])
def test_an_address_that_cannot_be_is_refused_without_repeating_it(address: str, cli: Callable[..., Ran]) -> None:
    with pytest.raises(InputError, match="http://localhost:9200") as caught:
        create_elasticsearch_index(address, "i", api_key=Secret.from_token("S3cret!"))
    assert "S3cret!" not in "".join(traceback.format_exception(caught.value, limit=0))
    ran = cli("es-init", address)
    assert (ran.code, ran.out) == (2, "")
    assert "S3cret!" not in ran.err


def test_parameters_are_refused_before_a_server_is_asked(cli: Callable[..., Ran]) -> None:
    for option, value in (("--b", "2"), ("--index-options", "ivf"), ("--embedding-dim", "5000"), ("--replicas", "-1")):
        ran = cli("es-init", "http://127.0.0.1:1", option, value)
        assert (ran.code, ran.out) == (2, ""), ran
        assert value in ran.err
