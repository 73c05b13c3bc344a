# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""The characters and the title of an HTML page."""

from __future__ import annotations

import codecs
import re
from html.parser import HTMLParser

_BOMS = {codecs.BOM_UTF8: "utf-8", codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}
# <meta charset="...">, <meta http-equiv="Content-Type" content="...; charset=...">, <?xml ... encoding="..."?>
_DECLARED = re.compile(
    rb"""<(?:meta\b[^>]*?\bcharset|\?xml\b[^>]*?\bencoding)\s*=\s*["']?\s*([\w.:-]+)""", re.IGNORECASE
)
_SEARCHED = 4096
# What browsers take these names for: in each case a larger character set with the same first characters.
_READ_AS = {
    "ascii": "cp1252", "us-ascii": "cp1252", "iso-8859-1": "cp1252", "latin1": "cp1252", "latin-1": "cp1252",
    "iso-8859-9": "cp1254", "iso-8859-11": "cp874", "tis-620": "cp874",
    "shift_jis": "cp932", "shift-jis": "cp932", "sjis": "cp932", "x-sjis": "cp932", "windows-31j": "cp932",
    "gb2312": "gb18030", "gbk": "gb18030", "x-gbk": "gb18030", "big5": "big5hkscs",
    "euc-kr": "cp949", "ks_c_5601-1987": "cp949",
}  # fmt: skip


def decoded_html(data: bytes) -> str:
    """The characters of a page: by its byte order mark, as UTF-8 if it is, as it declares, or as it looks.

    :param data: The content of the file.
    :returns: The text; bytes that do not fit are replaced.
    """
    for mark, encoding in _BOMS.items():
        if data.startswith(mark):
            return data[len(mark) :].decode(encoding, errors="replace")
    if not data.isascii():
        try:
            return data.decode()  # text in another encoding is not UTF-8 by chance
        except UnicodeDecodeError:
            pass
    declared = _declared_encoding(data)
    if declared is not None:
        return data.decode(declared, errors="replace")
    return data.decode(_guessed_encoding(data), errors="replace")


def _guessed_encoding(data: bytes) -> str:
    from charset_normalizer import from_bytes  # comes with trafilatura, which reads the page

    guess = None if data.isascii() else from_bytes(data).best()
    return "cp1252" if guess is None else guess.encoding  # the fallback of browsers


def _declared_encoding(data: bytes) -> str | None:
    match = _DECLARED.search(data, 0, _SEARCHED)
    if match is None:
        return None
    name = match[1].decode("ascii", errors="replace").lower()
    try:
        encoding = codecs.lookup(_READ_AS.get(name, name)).name
    except LookupError:
        return None
    # A declaration that can be read byte by byte is not in UTF-16.
    return "utf-8" if encoding.startswith("utf-") else encoding


def html_title(text: str) -> str:
    """The text of the title element, or ``""``.

    :param text: The page.
    """
    parser = _TitleParser()
    parser.feed(text)
    return " ".join(parser.title.split())


class _TitleParser(HTMLParser):
    """Collects the text of the title element."""

    def __init__(self) -> None:
        super().__init__()
        self.title = ""
        self._inside = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002
        self._inside = tag == "title" and not self.title

    def handle_endtag(self, tag: str) -> None:
        self._inside = self._inside and tag != "title"

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.title += data
