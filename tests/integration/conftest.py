# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""A real Elasticsearch: the one that is named in the environment, or one that is started for the session.

DPR_HAYSTACK_ELASTICSEARCH_URL         a server without security
DPR_HAYSTACK_SECURE_ELASTICSEARCH_URL  one with security, e.g. http://elastic:password@localhost:9200
DPR_HAYSTACK_ELASTICSEARCH_VERSION     the version to start; a server that is named must have it
DPR_HAYSTACK_REQUIRE_ELASTICSEARCH=1   a server that cannot be had is a failure, not a reason to skip
"""

from __future__ import annotations

import os
import secrets
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from elasticsearch import Elasticsearch
from haystack_integrations.document_stores.elasticsearch import ElasticsearchDocumentStore

from support.indexing import Cli, Indexing

SERVER = Path(__file__).parents[2] / "tools" / "elasticsearch" / "server.py"
NO_MEANS = 3


# What of it a test asks for, and where such a server may be named.
NAMED = {
    "elasticsearch_url": "DPR_HAYSTACK_ELASTICSEARCH_URL",
    "secured": "DPR_HAYSTACK_SECURE_ELASTICSEARCH_URL",
    "own_server": "",  # it is stopped: nobody else's
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Without a server and without means to start one, what needs it is skipped: one line a file says why."""
    waiting = [
        (item, name)
        for item in items
        for fixture, name in NAMED.items()
        if fixture in getattr(item, "fixturenames", ()) and not (name and os.environ.get(name))
    ]
    if not waiting or os.environ.get("DPR_HAYSTACK_REQUIRE_ELASTICSEARCH") == "1":
        return
    done = subprocess.run([sys.executable, SERVER, "means"], capture_output=True, text=True, check=False)
    if done.returncode == NO_MEANS:
        for item, name in waiting:
            advice = f", or name a server in {name}" if name else ""
            item.add_marker(pytest.mark.skip(reason=f"{done.stderr.strip()}{advice}"))


class Secured(NamedTuple):
    """A server with security on."""

    url: str
    user: str
    password: str


@contextmanager
def started(password: str | None = None) -> Iterator[str]:
    """A server of our own on a free port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {name: value for name, value in os.environ.items() if name != "ELASTIC_PASSWORD"}
    if password is not None:
        environment["ELASTIC_PASSWORD"] = password
    command = [sys.executable, str(SERVER), "{}", "--port", str(port)]
    line = [*command[:2], "start", *command[3:]]
    try:
        done = subprocess.run(line, env=environment, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            pytest.fail(f"Elasticsearch did not start:\n{done.stderr}", pytrace=False)
        yield done.stdout.strip()
    finally:
        stop = [*command[:2], "stop", *command[3:], "--remove"]
        subprocess.run(stop, env=environment, capture_output=True, check=False)


@pytest.fixture(scope="session")
def elasticsearch_url() -> Iterator[str]:
    """A server without security."""
    told = os.environ.get("DPR_HAYSTACK_ELASTICSEARCH_URL")
    with nullcontext(told) if told else started() as url:
        check_version(url)
        yield url


def check_version(url: str) -> None:
    """Tests that are meant for a version may not pass on another."""
    wanted = os.environ.get("DPR_HAYSTACK_ELASTICSEARCH_VERSION")
    with Elasticsearch(url) as client:
        found = client.info()["version"]["number"]
    if wanted not in (None, found):
        pytest.fail(f"Elasticsearch {found} answers at {url}, not {wanted}", pytrace=False)


@pytest.fixture(scope="session")
def secured() -> Iterator[Secured]:
    """A server with security on."""
    told = urlsplit(os.environ.get("DPR_HAYSTACK_SECURE_ELASTICSEARCH_URL", ""))
    if told.hostname:
        yield Secured(f"{told.scheme}://{told.hostname}:{told.port}", told.username or "elastic", told.password or "")
        return
    password = secrets.token_urlsafe(12)
    with started(password) as url:
        yield Secured(url, "elastic", password)


class OwnServer(NamedTuple):
    """A server that may be stopped, and keeps its data."""

    url: str

    def act(self, action: str) -> None:
        """`stop` or `start` it."""
        line = [sys.executable, str(SERVER), action, "--port", str(urlsplit(self.url).port)]
        subprocess.run(line, capture_output=True, check=True)


@pytest.fixture
def own_server() -> Iterator[OwnServer]:
    """A server without security for one test alone."""
    with started() as url:
        yield OwnServer(url)


@pytest.fixture
def client(elasticsearch_url: str) -> Iterator[Elasticsearch]:
    with Elasticsearch(elasticsearch_url) as client:
        yield client


@pytest.fixture
def index(client: Elasticsearch) -> Iterator[str]:
    """A name that nobody else uses; the index is dropped afterwards."""
    name = f"test-{uuid4().hex}"
    yield name
    client.options(ignore_status=404).indices.delete(index=name)


@pytest.fixture
def store_of(elasticsearch_url: str) -> Iterator[Callable[..., ElasticsearchDocumentStore]]:
    """The official store over an index, closed afterwards."""
    made: list[ElasticsearchDocumentStore] = []

    def make(index: str, **settings: Any) -> ElasticsearchDocumentStore:
        made.append(ElasticsearchDocumentStore(hosts=elasticsearch_url, index=index, **settings))
        return made[-1]

    yield make
    for each in made:
        each.close()


@pytest.fixture
def indexing(cli: Cli, elasticsearch_url: str, index: str, tiny_models: tuple[Path, Path]) -> Indexing:
    """`dpr-haystack index` with a tiny model into the index."""
    return Indexing(cli, elasticsearch_url, index, tiny_models[0])
