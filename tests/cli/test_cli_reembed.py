# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""`dpr-haystack reembed` with real encoders: the result equals indexing with the new encoder."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from dpr_haystack import DPRTextEmbedder, FAISSDocumentStore
from support.indexing import counts_in
from support.interruption import happening
from support.workspace import Ran

pytestmark = pytest.mark.slow

Cli = Callable[..., Ran]


def vectors_in(store: str) -> dict[str, list[float]]:
    opened = FAISSDocumentStore.from_directory(store)
    found = {each.id: each.embedding or [] for each in opened.filter_documents()}
    opened.close()
    return found


def interrupt() -> None:
    raise KeyboardInterrupt


def test_as_if_indexed_with_the_new_model(
    cli: Cli, own_workspace: Path, tiny_models: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    before, model = vectors_in("store"), tiny_models[0]
    monkeypatch.setattr("dpr_haystack.cli.reembed.progress", happening({2: interrupt}))
    ran = cli("reembed", "--store", "store", "--model", model)
    assert ran.code == 130
    assert "interrupted: 64 of 185 passages have a new vector, the store still uses the old ones" in ran.err
    assert vectors_in("store") == before
    assert cli("search", "who wrote Dune?", "--store", "store").code == 0
    assert "re-embedding with" in cli("check", "store").out
    monkeypatch.undo()
    monkeypatch.chdir(own_workspace)

    other = cli("reembed", "--store", "store", "--model", tiny_models[1])
    assert other.code == 2
    assert "--restart" in other.err
    ran = cli("reembed", "--store", "store", "--model", model)
    assert (ran.code, ran.err) == (0, "")
    done = int(ran.out.split(" reused from an interrupted run")[0].split()[-1])
    assert ran.out.startswith(f"{185 - done} passages embedded in ")
    assert done >= 64
    assert f"store now uses the vectors of {model}\n" in ran.out

    assert cli("index", "corpus", "--store", "fresh", "--model", model).code == 0
    fresh, now = vectors_in("fresh"), vectors_in("store")
    assert fresh.keys() == now.keys()
    np.testing.assert_allclose([now[name] for name in fresh], list(fresh.values()), rtol=0.02, atol=0.02)
    for directory in ("fresh", "store"):
        facts = json.loads(cli("info", directory, "--json").out)
        assert (facts["dimension"], facts["encoder"], facts["vectors"]) == (32, str(model), 185)
    # Questions are asked of the new towers now, and passages indexed with them.
    assert cli("search", "who wrote Dune?", "--store", "store", "--mode", "dpr").code == 0
    assert cli("evaluate", "--store", "store", "--questions", "questions.jsonl").code == 0
    assert counts_in(cli("index", "corpus", "--store", "store").out)["unchanged"] == 185
    assert cli("check", "store").code == 0

    again = cli("reembed", "--store", "store", "--model", model)
    assert (again.code, again.out) == (0, f"nothing to do: the vectors in store were made by {model}\n")


def test_a_pair_with_shorter_vectors_is_another_encoder(cli: Cli, own_workspace: Path) -> None:
    whole = vectors_in("store")
    assert cli("convert", "model", "--dimension", 16, "--output", "short").code == 0
    mixed = cli("index", "corpus", "--store", "store", "--model", "short")
    assert mixed.code == 2
    assert "cannot be compared" in mixed.err

    assert cli("reembed", "--store", "store", "--model", "short").out.startswith("185 passages embedded in ")
    short = vectors_in("store")
    for name, vector in short.items():
        first = np.array(whole[name][:16])
        np.testing.assert_allclose(vector, first / np.linalg.norm(first), rtol=0.02, atol=0.02)
    assert cli("search", "who wrote Dune?", "--store", "store", "--mode", "dpr").code == 0
    assert counts_in(cli("index", "corpus", "--store", "store").out)["unchanged"] == 185


def test_a_tower_for_euclidean_distance_gets_a_store_that_compares_by_it(
    cli: Cli, own_workspace: Path, tiny_models: tuple[Path, Path]
) -> None:
    assert cli("convert", tiny_models[0], "--output", "l2").code == 0
    manifest = own_workspace / "l2" / "dpr.json"
    manifest.write_text(manifest.read_text().replace('"similarity": "dot"', '"similarity": "euclidean"'))
    for command in (("reembed", "--store", "store"), ("index", "corpus", "--store", "store")):
        refused = cli(*command, "--model", "l2")
        assert refused.code == 2
        assert (
            "compares vectors by dot_product, but l2 was trained for Euclidean distance (l2): `dpr-haystack index"
            in refused.err
        )
    assert cli("index", "corpus", "--store", "other", "--model", "l2").code == 0
    vectors = vectors_in("other")
    found = json.loads(cli("search", "who wrote Dune?", "--store", "other", "--mode", "dpr", "--json").out)
    asked = DPRTextEmbedder("l2", dtype="float32").run("who wrote Dune?")["embedding"]
    distances = {name: float(np.linalg.norm(np.array(vector) - asked)) for name, vector in vectors.items()}
    nearest = sorted(distances, key=lambda name: distances[name])
    assert [each["id"] for each in found][:3] == nearest[:3]
    assert json.loads(cli("info", "other", "--json").out)["similarity"] == "l2"


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--store", "nowhere", "--model", "model"], "there is no store"),
        (["--store", "store", "--model", "nowhere/at/all"], "There is no model"),
        (["--store", "store", "--model", "{question}"], "is a question encoder"),
        (
            ["--elasticsearch", "http://u:p@127.0.0.1:1", "--index", "x", "--model", "model"],
            "index the same files into a new one",
        ),
        (["--store", "store", "--index", "x", "--model", "model"], "only a store can be re-embedded"),
    ],
)
def test_refusals(cli: Cli, in_workspace: Path, tmp_path: Path, arguments: list[str], reason: str) -> None:
    from support.checkpoints import tiny_dpr

    question = tiny_dpr(tmp_path / "question", "question", seed=4)
    done = cli("reembed", *(each.replace("{question}", str(question)) for each in arguments))
    assert done.code == 2
    assert reason in done.err
    assert "u:p@" not in done.err
    assert not (in_workspace / "nowhere").exists()
    assert not (in_workspace / "store" / "staged.f32").exists()
