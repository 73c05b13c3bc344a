# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Reading of text files: plain or gzipped; UTF-8, or what a byte order mark says."""

from __future__ import annotations

import codecs
import gzip
import io
import json
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, cast

from dpr_haystack.errors import DataError, InputError

OnBad = Callable[[DataError], None]
"""Called with the error of a bad line or record, which is then skipped."""

_NOT_UTF8 = "is not UTF-8 text"
_CONVERT = "; save it as UTF-8, e.g. with iconv -f cp1252 -t utf-8 if that is its encoding"
_NUL = "it contains NUL; is it UTF-16 without a byte order mark?"
_NAME_IT = "; for text and Markdown, --encoding names the encoding"
# UTF-32 first: its mark begins with that of UTF-16
_MARKS = {
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF32_LE: "utf-32-le",
    codecs.BOM_UTF32_BE: "utf-32-be",
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
}


def suffix_of(path: str | Path) -> str:
    """The suffix of a file in lower case, ignoring a final ``.gz``: ``".json"`` for ``Train.JSON.gz``.

    :param path: The file.
    """
    return Path(_without_gz(path)).suffix.lower()


def stem_of(path: str | Path) -> str:
    """The name of a file without its suffix and a final ``.gz``.

    :param path: The file.
    """
    return Path(_without_gz(path)).stem


def numbered_lines(path: str | Path, on_bad: OnBad | None = None) -> Iterator[tuple[int, str]]:
    """The lines of a file one by one, with their numbers from 1 and without line ends.

    :param path: The file; gzipped if its name ends in ``.gz``.
    :param on_bad: Called with the error of each line that is not UTF-8, which is skipped; None to raise the first.
    :raises DataError: If the file cannot be read or a line is not UTF-8.
    """
    for number, line in raw_lines(path):
        try:
            text = decode_line(line, path, number)
        except DataError as error:
            if on_bad is None:
                raise
            on_bad(error)
        else:
            yield number, text


def counted_lines(path: str | Path, on_bad: OnBad | None = None) -> Iterator[tuple[int, int, str]]:
    """The non-blank lines of a file: the number among non-blank lines, the line number (both from 1), and the text.

    :param path: The file; gzipped if its name ends in ``.gz``.
    :param on_bad: As for :func:`numbered_lines`; skipped lines are counted.
    """
    blank = 0
    for number, line in numbered_lines(path, on_bad):
        if line.strip():
            yield number - blank, number, line
        else:
            blank += 1


def raw_lines(path: str | Path) -> Iterator[tuple[int, bytes]]:
    """The lines of a file one by one as bytes, with their numbers from 1 and without line ends.

    :param path: The file; gzipped if its name ends in ``.gz``.
    :raises DataError: If the file cannot be read.
    """
    with open_utf8(path) as file:
        for number, line in enumerate(file, 1):
            yield number, line.rstrip(b"\r\n")


def decode_line(line: bytes, path: str | Path, number: int) -> str:
    """Decode a line.

    :param line: The line.
    :param path: Its file, for messages.
    :param number: Its number, for messages.
    :raises DataError: If it is not UTF-8, or contains NUL.
    """
    try:
        text = line.decode()
    except UnicodeDecodeError as error:
        raise DataError(path, f"{_NOT_UTF8} ({error.reason}){_CONVERT}", number) from error
    if "\0" in text:
        raise DataError(path, f"{_NOT_UTF8} ({_NUL})", number)
    return text


def read_text(path: str | Path, encoding: str | None = None) -> str:
    """The whole text of a file, with line ends normalised to newlines.

    A byte order mark decides (UTF-8, UTF-16 or UTF-32). A file without one is UTF-8, or else in the given encoding.

    :param path: The file; gzipped if its name ends in ``.gz``.
    :param encoding: The encoding of a file that is not UTF-8; None to refuse it.
    :raises DataError: If the file cannot be read or decoded.
    """
    with open_bytes(path) as file:
        data = file.read()
    return _decoded(data, path, encoding).replace("\r\n", "\n").replace("\r", "\n")


def check_encoding(encoding: str | None) -> None:
    """Refuse the name of an unknown encoding.

    :param encoding: The name, or None.
    :raises InputError: If it is unknown, or is not one of text.
    """
    try:
        if encoding is not None:
            "".encode(encoding)
    except LookupError as error:
        msg = f"unknown encoding {encoding!r}; known are e.g. cp1252, utf-16-le, shift_jis and gb18030"
        raise InputError(msg) from error


def _decoded(data: bytes, path: str | Path, encoding: str | None) -> str:
    for mark, marked in _MARKS.items():
        if data.startswith(mark):
            return _decode(data[len(mark) :], path, marked)
    # UTF-16 and the Japanese 7-bit encodings are valid UTF-8, but are full of these bytes
    if encoding is not None and not _is_utf8(data):
        return _decode(data, path, encoding)
    if b"\0" in data:
        line = data.count(b"\n", 0, data.index(b"\0")) + 1
        raise DataError(path, f"{_NOT_UTF8} ({_NUL}){_NAME_IT}", line)
    return _decode(data, path, "utf-8")


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return b"\0" not in data and b"\x1b" not in data


def _decode(data: bytes, path: str | Path, encoding: str) -> str:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data[: error.start].decode(encoding, errors="replace").count("\n") + 1
        problem = (
            f"{_NOT_UTF8} ({error.reason}){_NAME_IT}" if encoding == "utf-8" else f"is not {encoding}: {error.reason}"
        )
        raise DataError(path, problem, line) from error


def parse_json(text: str, path: str | Path, line: int | None = None) -> Any:
    """Parse a JSON text.

    :param text: The content of a whole file, or one line of it.
    :param path: The file, for messages.
    :param line: The number of the line, if it is one.
    :raises DataError: If it is not JSON, or contains a lone surrogate, which cannot be written to another file.
    """
    try:
        value = json.loads(text)
        if "\\u" in text:
            json.dumps(value, ensure_ascii=False).encode()
    except json.JSONDecodeError as error:
        reason = f"is not JSON: {error.msg} at column {error.colno}"
        raise DataError(path, reason, error.lineno if line is None else line) from error
    except UnicodeEncodeError as error:
        raise DataError(path, "contains a lone surrogate (an escape from \\ud800 to \\udfff)", line) from error
    except RecursionError as error:
        raise DataError(path, "is nested too deeply", line) from error
    return value


def _without_gz(path: str | Path) -> str:
    name = str(path)
    return name[:-3] if name.lower().endswith(".gz") else name


@contextmanager
def open_bytes(path: str | Path) -> Iterator[IO[bytes]]:
    """Open a file for reading bytes, decompressed if its name ends in ``.gz``.

    :param path: The file.
    :raises DataError: If it cannot be opened, or cannot be read while it is open.
    """
    gzipped = str(path).lower().endswith(".gz")
    try:
        with gzip.open(path, "rb") if gzipped else open(path, "rb") as file:
            yield cast("IO[bytes]", file)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise DataError(path, f"is not a complete gzip file ({error})") from error
    except OSError as error:
        raise DataError(path, f"cannot be read: {error.strerror or error}") from error


@contextmanager
def open_utf8(path: str | Path) -> Iterator[IO[bytes]]:
    """Open a file for reading UTF-8 without its byte order mark; UTF-16 and UTF-32 with one are converted.

    :param path: The file; gzipped if its name ends in ``.gz``.
    :raises DataError: If it cannot be opened or read, or is not what its byte order mark says.
    """
    with open_bytes(path) as file:
        start = cast("io.BufferedReader", file).peek(4)
        mark = next((mark for mark in _MARKS if start.startswith(mark)), b"")
        file.read(len(mark))
        if mark in (b"", codecs.BOM_UTF8):
            yield file
            return
        try:
            yield cast("IO[bytes]", io.BufferedReader(_Recoded(file, _MARKS[mark])))
        except UnicodeDecodeError as error:
            raise DataError(path, f"is not {error.encoding}, as its byte order mark says: {error.reason}") from error


class _Recoded(io.RawIOBase):
    """The UTF-8 of a file with another encoding.

    :param file: The file, behind its byte order mark.
    :param encoding: Its encoding.
    """

    def __init__(self, file: IO[bytes], encoding: str) -> None:
        self._file = file
        self._decoder = codecs.getincrementaldecoder(encoding)()
        self._ready = b""

    def readable(self) -> bool:
        """Whether it can be read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer.

        :param buffer: The buffer.
        :returns: The number of bytes; 0 at the end.
        """
        while not self._ready:
            data = self._file.read(1 << 16)
            self._ready = self._decoder.decode(data, final=not data).encode()
            if not data:
                break
        part, self._ready = self._ready[: len(buffer)], self._ready[len(buffer) :]
        buffer[: len(part)] = part
        return len(part)
