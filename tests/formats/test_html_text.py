# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: RUF001
import pytest

from dpr_haystack.formats.html_text import decoded_html, html_title


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"plain", "plain"),
        ("é".encode(), "é"),
        (b"\xef\xbb\xbf" + "é".encode(), "é"),
        ("é".encode("utf-16"), "é"),
        ("<meta charset=shift_jis>é".encode(), "<meta charset=shift_jis>é"),  # saved anew by an editor
        (
            "<?xml version='1.0' encoding='windows-1251'?>ёж".encode("cp1251"),
            "<?xml version='1.0' encoding='windows-1251'?>ёж",
        ),
        (b"<meta charset=iso-8859-1>\x93a\x94", "<meta charset=iso-8859-1>\u201ca\u201d"),  # as browsers read it
        (b"<meta charset=utf-16>ascii", "<meta charset=utf-16>ascii"),
        (b"<meta charset=nonsense>ascii", "<meta charset=nonsense>ascii"),
        (b"<meta charset=utf-8>\xff", "<meta charset=utf-8>\ufffd"),
        ("Пчёлы собирают нектар и приносят его в улей".encode("cp1251"), "Пчёлы собирают нектар и приносят его в улей"),
        (b"", ""),
    ],
)
def test_characters(data, text):
    assert decoded_html(data) == text


def test_titles():
    assert html_title("<html><head><title> A \n &amp; B</title></head><svg><title>no</title></svg>") == "A & B"
    assert html_title("no title") == ""
