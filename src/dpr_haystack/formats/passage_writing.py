# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Write passages to files that read back as the same passages: JSON lines, parquet, or a folder in BEIR's format."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable
from pathlib import Path

from dpr_haystack._optional import require
from dpr_haystack.core.batching import batched
from dpr_haystack.core.passages import Passage
from dpr_haystack.errors import DataError, InputError
from dpr_haystack.formats.beir import write_beir
from dpr_haystack.formats.open_text import suffix_of
from dpr_haystack.formats.writing import write_json_lines

_ROWS = 10_000


def passage_format(path: str | Path) -> str:
    """The format of a file or folder that is to be written: ``"jsonl"``, ``"parquet"`` or ``"beir"``.

    :param path: A file ending in ``.jsonl``, ``.jsonl.gz`` or ``.parquet``, or a folder for BEIR's format.
    :raises InputError: If it has another suffix, or exists and is not what is meant.
    """
    suffix = suffix_of(path)
    names = {".jsonl": "jsonl", ".parquet": "parquet", "": "beir"}
    is_parquet_packed = suffix == ".parquet" and str(path).lower().endswith(".gz")
    if suffix not in names or is_parquet_packed:
        msg = f"{path}: passages are written to .jsonl, .jsonl.gz or .parquet, or to a folder in BEIR's format"
        raise InputError(msg)
    folder = Path(path)
    if names[suffix] == "beir" and folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        msg = f"{path} exists: name a new folder for BEIR's format, or a file that ends in .jsonl or .parquet"
        raise InputError(msg)
    if suffix and folder.is_dir():
        msg = f"{path} is a folder: name a file"
        raise InputError(msg)
    return names[suffix]


def write_passages(path: str | Path, passages: Iterable[Passage]) -> int:
    """Write passages with their ids and metadata; the path determines the format, see :func:`passage_format`.

    :param path: The file, replaced in one step; or a new folder.
    :param passages: The passages; their metadata holds what JSON can express.
    :returns: The number of passages.
    :raises InputError: If the path fits no format.
    :raises DataError: If a file cannot be written.
    :raises MissingExtra: If pyarrow is not installed, for parquet.
    """
    return _WRITERS[passage_format(path)](Path(path), passages)


def _write_jsonl(path: Path, passages: Iterable[Passage]) -> int:
    return write_json_lines(path, ({"id": p.id, "title": p.title, "text": p.text, "meta": p.meta} for p in passages))


def _write_beir(path: Path, passages: Iterable[Passage]) -> int:
    count = 0

    def counted() -> Iterable[Passage]:
        nonlocal count
        for passage in passages:
            count += 1
            yield passage

    write_beir(path, counted(), [])
    return count


def _write_parquet(path: Path, passages: Iterable[Passage]) -> int:
    """Columns id, title and text, and meta as JSON: the passages may have different metadata."""
    pyarrow, parquet = (require(name, "files", "Writing parquet") for name in ("pyarrow", "pyarrow.parquet"))
    schema = pyarrow.schema([(name, pyarrow.string()) for name in ("id", "title", "text", "meta")])
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    count = 0
    try:
        with parquet.ParquetWriter(temporary, schema) as writer:
            for batch in batched(passages, _ROWS):
                columns = [[getattr(passage, name) for passage in batch] for name in ("id", "title", "text")]
                metas = [json.dumps(passage.meta, ensure_ascii=False) for passage in batch]
                writer.write_table(pyarrow.table([*columns, metas], schema=schema))
                count += len(batch)
        temporary.replace(path)
    except OSError as error:
        raise DataError(path, f"cannot be written: {error.strerror or error}") from error
    finally:
        temporary.unlink(missing_ok=True)
    return count


_WRITERS: dict[str, Callable[[Path, Iterable[Passage]], int]] = {
    "jsonl": _write_jsonl,
    "parquet": _write_parquet,
    "beir": _write_beir,
}
