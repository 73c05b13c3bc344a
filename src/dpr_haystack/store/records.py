# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Haystack documents to database rows and back, without losing anything.

Metadata is stored as JSON, so that SQLite can filter by it. Values that JSON lacks (tuples, dates, bytes, integers
beyond 64 bits, NaN) are stored as tagged objects and restored on reading.
"""

from __future__ import annotations

import json
import math
from base64 import b64decode, b64encode
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import numpy as np
from haystack.dataclasses import ByteStream, Document
from haystack.dataclasses.sparse_embedding import SparseEmbedding

from dpr_haystack.core.encoder_mark import EncoderMark, without_mark
from dpr_haystack.core.exact import Floats
from dpr_haystack.errors import InputError
from dpr_haystack.store.errors import BadDocument
from dpr_haystack.store.sql_values import is_storable

TAG = "$dpr"
_INT64 = 1 << 63

#: The columns of a document that :func:`document_of` reads, in its order.
COLUMNS = "key, id, content, meta, score, blob, blob_info, sparse, row"


@dataclass(frozen=True)
class Record:
    """The columns of a document in the database, except for its vector.

    :param id: Its id.
    :param content: Its text.
    :param meta: Its metadata, from :func:`dump_meta`.
    :param score: Its score.
    :param blob: Data of its blob.
    :param blob_info: MIME type and metadata of its blob, from :func:`dump_meta`.
    :param sparse: Its sparse embedding as JSON.
    """

    id: str
    content: str | None
    meta: str
    score: float | None
    blob: bytes | None
    blob_info: str | None
    sparse: str | None

    @property
    def values(self) -> tuple[object, ...]:
        """The columns from id to sparse."""
        return (self.id, self.content, self.meta, self.score, self.blob, self.blob_info, self.sparse)


def record_of(document: Document) -> tuple[Record, EncoderMark | None]:
    """Convert a document to its database record.

    :param document: The document.
    :returns: The record, and the mark of its encoder, which is no part of the record's metadata.
    :raises BadDocument: If it cannot be stored, e.g. because of a metadata value of an unsupported type.
    """
    name = document.id
    if not is_storable(name):
        msg = f"document {name!r}: an id must not contain NUL characters or lone surrogates"
        raise BadDocument(msg)
    if not isinstance(document.meta, dict):
        msg = f"document {name!r}: meta must be a dict: got {type(document.meta).__name__}"
        raise BadDocument(msg)
    try:
        meta, mark = without_mark(document.meta)
    except InputError as error:
        msg = f"document {name!r}: {error}"
        raise BadDocument(msg) from error
    blob, blob_info = _blob(document)
    try:
        score = float(document.score) if document.score is not None else None
        sparse = _sparse(document.sparse_embedding) if document.sparse_embedding is not None else None
        (document.content or "").encode()
    except UnicodeEncodeError as error:
        msg = f"document {name!r}: content contains lone surrogates ({error}); remove them"
        raise BadDocument(msg) from error
    except (TypeError, ValueError) as error:
        msg = f"document {name!r}: score and sparse_embedding must be numbers ({error})"
        raise BadDocument(msg) from error
    return Record(name, document.content, dump_meta(meta, name), score, blob, blob_info, sparse), mark


def _blob(document: Document) -> tuple[bytes | None, str | None]:
    blob = document.blob
    if blob is None:
        return None, None
    if not isinstance(blob.data, (bytes, bytearray)):
        msg = f"document {document.id!r}: the data of its blob must be bytes: got {type(blob.data).__name__}"
        raise BadDocument(msg)
    return bytes(blob.data), dump_meta({"mime_type": blob.mime_type, "meta": blob.meta}, document.id)


def _sparse(embedding: SparseEmbedding) -> str:
    indices = [int(index) for index in embedding.indices]
    return json.dumps({"indices": indices, "values": [float(value) for value in embedding.values]})


def document_of(row: tuple[Any, ...], vector: Floats | None, score: float | None = None) -> Document:
    """The document of a database row.

    :param row: The columns :data:`COLUMNS`.
    :param vector: Its embedding, shape (dim,); None to leave it out.
    :param score: Its score; None for the one it was written with.
    """
    _, identifier, content, meta, written_score, blob, blob_info, sparse, _ = row
    stream = None
    if blob_info is not None:
        info = load_meta(blob_info)
        stream = ByteStream(data=blob or b"", mime_type=info["mime_type"], meta=info["meta"])
    return Document(
        id=identifier,
        content=content,
        blob=stream,
        meta=load_meta(meta),
        score=written_score if score is None else score,
        embedding=vector.tolist() if vector is not None else None,
        sparse_embedding=SparseEmbedding.from_dict(json.loads(sparse)) if sparse is not None else None,
    )


def dump_meta(meta: dict[str, Any], identifier: str) -> str:
    """Metadata as JSON.

    :param meta: The metadata.
    :param identifier: Id of its document, for error messages.
    :raises BadDocument: If a value or key has an unsupported type.
    """
    try:
        packed = _pack(meta, identifier, "meta")
        text = json.dumps(packed, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        text.encode()
    except UnicodeEncodeError as error:
        msg = f"document {identifier!r}: meta contains lone surrogates ({error}); remove them"
        raise BadDocument(msg) from error
    except RecursionError as error:
        msg = f"document {identifier!r}: meta is nested too deeply, or contains itself"
        raise BadDocument(msg) from error
    return text


def load_meta(text: str) -> Any:
    """Restore metadata from :func:`dump_meta`.

    :param text: The JSON.
    """
    return json.loads(text, object_hook=_unpack) if f'"{TAG}"' in text else json.loads(text)


def _pack(value: Any, identifier: str, path: str) -> Any:
    if isinstance(value, str):
        return {TAG: ["str", value]} if "\0" in value else value  # SQLite's JSON functions truncate text at NUL
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, np.generic):
        return _pack(value.item(), identifier, path)
    if isinstance(value, (int, float)):
        return _pack_number(value)
    if isinstance(value, dict):
        return _pack_dict(value, identifier, path)
    if isinstance(value, (list, tuple)):
        items = [_pack(item, identifier, f"{path}[{number}]") for number, item in enumerate(value)]
        return items if isinstance(value, list) else {TAG: ["tuple", items]}
    if isinstance(value, date):
        return _pack_date(value, identifier, path)
    if isinstance(value, bytes):
        return {TAG: ["bytes", b64encode(value).decode()]}
    msg = (
        f"document {identifier!r}: {path} has the unsupported type {type(value).__name__}; supported: None, bool, "
        "int, float, str, bytes, list, tuple, dict, date and datetime. Convert it before writing."
    )
    raise BadDocument(msg)


def _pack_date(value: date, identifier: str, path: str) -> Any:
    kind, text = ("datetime" if isinstance(value, datetime) else "date"), value.isoformat()
    try:
        _UNPACK[kind](text)
    except ValueError as error:  # pandas' NaT is a datetime
        msg = f"document {identifier!r}: {path} is {value!r}, which is not a date. Use None for a missing date."
        raise BadDocument(msg) from error
    return {TAG: [kind, text]}


def _pack_number(value: int | float) -> Any:
    if isinstance(value, int):
        return int(value) if -_INT64 <= value < _INT64 else {TAG: ["int", str(value)]}
    return float(value) if math.isfinite(value) else {TAG: ["float", repr(float(value))]}


def _pack_dict(value: dict[Any, Any], identifier: str, path: str) -> Any:
    for key in value:
        if not isinstance(key, str):
            msg = f"document {identifier!r}: {path} must have keys of type str: got {key!r}"
            raise BadDocument(msg)
    packed = {key: _pack(item, identifier, f"{path}[{key!r}]") for key, item in value.items()}
    return {TAG: ["dict", list(packed.items())]} if TAG in value else packed


_UNPACK: dict[str, Callable[[Any], Any]] = {
    "dict": dict,
    "str": str,
    "int": int,
    "float": float,
    "tuple": tuple,
    "datetime": datetime.fromisoformat,
    "date": date.fromisoformat,
    "bytes": b64decode,
}


def _unpack(value: dict[str, Any]) -> Any:
    if TAG not in value or len(value) != 1 or not isinstance(value[TAG], list):
        return value
    kind, content = value[TAG]
    return _UNPACK[kind](content)
