# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
import hashlib
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dpr_haystack.core.passages import Passage, clean_title, make_passage, passage_id, split_passages, split_words
from dpr_haystack.errors import InputError


def test_passage_id_is_fixed_for_good():
    """Stores hold these ids: another hash would make every passage a new one."""
    assert passage_id("Apollo program", "Eagle landed.") == "db8760933f78158d897c54533523ba03"
    assert passage_id("", "é") == hashlib.sha256(b"0:\xc3\xa9").hexdigest()[:32]


def test_passage_id_keeps_title_and_text_apart():
    pairs = [("a b", "c"), ("a", " bc"), ("a", "b c"), ("", "a bc"), ("a bc", ""), ("1:a", "b"), ("", "1:ab")]
    assert len({passage_id(*pair) for pair in pairs}) == len(pairs)


def test_clean_title():
    assert clean_title("1973_oil_crisis ") == "1973 oil crisis"
    assert clean_title(" A__cappella\tx") == "A cappella x"
    assert clean_title("") == ""


def test_make_passage():
    meta = {"file": "f"}
    passage = make_passage("Black_Death", "It came.", meta)
    assert passage == Passage(passage_id("Black Death", "It came."), "Black Death", "It came.", {"file": "f"})
    assert passage.meta is not meta
    assert make_passage("t", "x", {}, "own").id == "own"


def test_split_by_hand():
    text = "  one two\nthree\tfour  five "
    assert [text[start:end] for start, end in split_words(text, 2)] == ["one two", "three\tfour", "five"]
    overlapping = [text[start:end] for start, end in split_words(text, 3, 1)]
    assert overlapping == ["one two\nthree", "three\tfour  five"]
    assert split_words(" \n", 2) == []
    assert split_words(text) == [(2, 26)]


WITH_SPACES = st.characters(max_codepoint=0xDFF) | st.sampled_from("한국어 \u2003😀ꙮ")


@given(text=st.text(WITH_SPACES), words=st.integers(1, 7))
def test_blocks_are_all_words_in_order(text, words):
    blocks = [text[start:end] for start, end in split_words(text, words)]
    assert [word for block in blocks for word in block.split()] == text.split()
    assert all(block == block.strip() for block in blocks)
    assert all(len(block.split()) == words for block in blocks[:-1])


@given(text=st.text() | st.text(st.sampled_from("東京、กำ a\x1f1\u3000")), words=st.integers(1, 7))
def test_blocks_are_all_of_a_text_in_order(text, words):
    blocks = [text[start:end] for start, end in split_words(text, words)]
    assert "".join("".join(blocks).split()) == "".join(text.split())
    assert all(block == block.strip() != "" for block in blocks)


@pytest.mark.parametrize(
    ("text", "blocks"),
    [
        ("北京是首都。也是 Tower 3米。", ["北京是首", "都。也是", "Tower 3", "米。"]),
        ("日本語のテキスト「はい」", ["日本語の", "テキスト「", "はい」"]),
        ("กรุงเทพมหานคร ไทย", ["กรุงเทพมห", "านคร ไทย"]),
        ("한국어 단어는 띄어쓰기", ["한국어 단어는", "띄어쓰기"]),
    ],
)
def test_text_without_spaces_is_split_too(text, blocks):
    assert [text[start:end] for start, end in split_words(text, 2)] == blocks


@given(text=st.text(st.sampled_from("ab \n\u00a0\u2003\x1f")), words=st.integers(2, 6), data=st.data())
def test_blocks_overlap_by_so_many_words(text, words, data):
    overlap = data.draw(st.integers(0, words - 1))
    blocks = [text[start:end].split() for start, end in split_words(text, words, overlap)]
    expected = text.split()
    joined = [*blocks[0], *(word for block in blocks[1:] for word in block[overlap:])] if blocks else []
    assert joined == expected
    assert all(len(block) > overlap for block in blocks[1:])
    assert all(left[words - overlap :] == right[:overlap] for left, right in pairwise(blocks))


@pytest.mark.parametrize(
    ("words", "overlap", "named"), [(0, 0, "got 0"), (3, 3, "words - 1 = 2: got 3"), (3, -1, "got -1")]
)
def test_split_refuses(words, overlap, named):
    with pytest.raises(InputError, match=named):
        split_words("a b c", words, overlap)


def test_passages_of_say_where_they_are_from():
    source = "Heading\n\none two three four five"
    found = list(split_passages("Some_title", source[7:], {"file": "f.txt", "page": 3}, words=2, offset=7))
    assert [passage.text for passage in found] == ["one two", "three four", "five"]
    assert {passage.title for passage in found} == {"Some title"}
    for passage in found:
        assert source[passage.meta["offset"] :].startswith(passage.text)
        assert passage.meta == {"file": "f.txt", "page": 3, "offset": source.index(passage.text)}
        assert passage.id == passage_id("Some title", passage.text)
