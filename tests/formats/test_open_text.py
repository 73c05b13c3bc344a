# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
import codecs
import gzip

import pytest

from dpr_haystack.errors import DataError
from dpr_haystack.formats.open_text import numbered_lines, parse_json, read_text, stem_of, suffix_of
from dpr_haystack.formats.records import read_records
from dpr_haystack.formats.tables import read_rows

BOM = b"\xef\xbb\xbf"


@pytest.mark.parametrize(
    ("name", "suffix", "stem"),
    [("a/b.Train.JSON.gz", ".json", "b.Train"), ("x.tsv", ".tsv", "x"), ("x.GZ", "", "x"), ("plain", "", "plain")],
)
def test_names(name, suffix, stem):
    assert suffix_of(name) == suffix
    assert stem_of(name) == stem


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize("mark", [b"", BOM])
def test_lines_and_text(tmp_path, zipped, mark):
    path = tmp_path / ("a.txt.gz" if zipped else "a.txt")
    data = mark + "é one\r\n\ntwo\u2028still\nthree".encode()
    path.write_bytes(gzip.compress(data) if zipped else data)
    assert list(numbered_lines(path)) == [(1, "é one"), (2, ""), (3, "two\u2028still"), (4, "three")]
    assert read_text(path) == "é one\n\ntwo\u2028still\nthree"


@pytest.mark.parametrize("mark", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
def test_lines_with_a_byte_order_mark(tmp_path, mark):
    text = ["日本\tépée 😀", "", *("x" * 7 + str(number) for number in range(30_000))]
    data = ("\ufeff" + "\r\n".join(text)).encode(mark)
    for path, content in ((tmp_path / "a.tsv", data), (tmp_path / "a.tsv.gz", gzip.compress(data))):
        path.write_bytes(content)
        assert list(numbered_lines(path)) == list(enumerate(text, 1))
    path.with_suffix("").write_bytes(data[:-1])
    with pytest.raises(DataError, match=rf"a.tsv: is not {mark}, as its byte order mark says: .*truncated|end of data"):
        list(numbered_lines(path.with_suffix("")))


@pytest.mark.parametrize("text", ['\n [{"text": "é"}, 2]', '\n{"text": "é"}\n2\n'])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_json_with_a_byte_order_mark(tmp_path, text, encoding):
    (tmp_path / "a.json").write_text(text, encoding=encoding)
    assert [record.value for record in read_records(tmp_path / "a.json")] == [{"text": "é"}, 2]


@pytest.mark.parametrize("name", ["a.tsv", "a.csv"])
def test_lines_of_another_encoding_are_refused(tmp_path, name):
    path = tmp_path / name
    path.write_bytes('1\ta\n"2"\tb'.encode("utf-16-le"))
    for quoting in ("csv", "none"):
        with pytest.raises(DataError, match=r", line 1: is not UTF-8 text \(it contains NUL; is it UTF-16"):
            list(read_rows(path, quoting=quoting))
    path.write_bytes(b"1\tcaf\xe9\n")
    with pytest.raises(DataError, match=r"is not UTF-8 .*; save it as UTF-8, e\.g\. with iconv -f cp1252 -t utf-8"):
        list(read_rows(path))


def test_lines_come_one_by_one(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(b"good\nb\xffd\n")
    lines = numbered_lines(path)
    assert next(lines) == (1, "good")
    with pytest.raises(DataError, match=r"a.txt, line 2: is not UTF-8") as error:
        next(lines)
    assert error.value.line == 2


@pytest.mark.parametrize("read", [read_text, lambda path: list(numbered_lines(path))])
def test_files_that_cannot_be_read(tmp_path, read):
    with pytest.raises(DataError, match="cannot be read: No such file"):
        read(tmp_path / "none.txt")
    with pytest.raises(DataError, match="cannot be read"):
        read(tmp_path)
    whole = gzip.compress(bytes(range(97, 123)) * 900)
    damaged = [b"plain text", whole[:-20], whole[:15] + b"\xff\xff\xff\xff" + whole[19:]]
    for number, data in enumerate(damaged):
        path = tmp_path / f"{number}.gz"
        path.write_bytes(data)
        with pytest.raises(DataError, match="is not a complete gzip file"):
            read(path)


def test_text_that_is_not_utf8_names_its_line(tmp_path):
    path = tmp_path / "latin.txt"
    path.write_bytes(b"one\ntwo\ncaf\xe9\n")
    with pytest.raises(DataError) as error:
        read_text(path)
    assert error.value.line == 3


@pytest.mark.parametrize(
    ("data", "encoding", "text"),
    [
        ("日本\r\né".encode("utf-16"), None, "日本\né"),
        ("日本\né".encode("utf-16"), "cp1252", "日本\né"),
        (codecs.BOM_UTF16_BE + "é".encode("utf-16-be"), None, "é"),
        (codecs.BOM_UTF32_LE + "é".encode("utf-32-le"), None, "é"),
        ("é".encode("utf-16-le") + b"a\0", "utf-16-le", "éa"),
        (b"caf\xe9", "cp1252", "café"),
        ("日本".encode("iso2022_jp"), "iso2022_jp", "日本"),
        ("日本".encode(), "cp1252", "日本"),
    ],
)
def test_a_byte_order_mark_or_a_named_encoding_decides(tmp_path, data, encoding, text):
    (tmp_path / "a.txt").write_bytes(data)
    assert read_text(tmp_path / "a.txt", encoding) == text


@pytest.mark.parametrize(
    ("data", "encoding", "line"),
    [
        (b"one\n\x81", "cp1252", 2),
        ("one\ntwo".encode("utf-16-le"), None, 1),
        (codecs.BOM_UTF16_LE + "\u0a0a\n\n".encode("utf-16-le") + b"\0\xdc", None, 3),
    ],
)
def test_text_in_another_encoding_is_refused_with_its_line(tmp_path, data, encoding, line):
    (tmp_path / "a.txt").write_bytes(data)
    with pytest.raises(DataError) as error:
        read_text(tmp_path / "a.txt", encoding)
    assert error.value.line == line


def test_parse_json():
    assert parse_json('{"a": "\\ud83d\\ude00"}', "f") == {"a": "😀"}
    with pytest.raises(DataError, match=r"f, line 2: is not JSON: .* at column 3"):
        parse_json("{\n  oops}", "f")
    with pytest.raises(DataError, match="f, line 7: is not JSON"):
        parse_json("oops", "f", 7)
    with pytest.raises(DataError, match="f, line 7: contains a lone surrogate"):
        parse_json('["\\ud83d"]', "f", 7)
    with pytest.raises(DataError, match="too deeply"):
        parse_json("[" * 200_000, "f")


def rows(tmp_path, text, quoting=None):
    path = tmp_path / "t.tsv"
    path.write_text(text, encoding="utf-8", newline="")
    return list(read_rows(path, quoting=quoting))


def test_rows(tmp_path):
    text = 'a\tb c\r\n\n"x\ty"\t"say ""hi"""\nmid "quote" stays\t\'k\'\n"Two\nlines"\t1\nlast\t2'
    assert rows(tmp_path, text) == [
        (1, ["a", "b c"]),
        (3, ["x\ty", 'say "hi"']),
        (4, ['mid "quote" stays', "'k'"]),
        (5, ["Two\nlines", "1"]),
        (7, ["last", "2"]),
    ]


def test_text_behind_a_closing_quote_belongs_to_the_field(tmp_path):
    assert rows(tmp_path, '1\t"Foo" means bar\tT\n2\tb\tc\n', "csv") == [
        (1, ["1", "Foo means bar", "T"]),
        (2, ["2", "b", "c"]),
    ]


@pytest.mark.parametrize("tail", ["", "\nb\tc\n", "\n" + "more\n" * 50_000])
def test_an_unclosed_quote_is_an_error_where_it_opens(tmp_path, tail):
    with pytest.raises(DataError, match=r"t.tsv, line 2: .*Is a quote not closed"):
        rows(tmp_path, f'a\tb\nx\t"never closed{tail}', "csv")
