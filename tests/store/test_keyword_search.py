# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Keyword search: the BM25 formula, any text as a query, filters, and an index that always catches up."""

import json
import random
import shutil
import unicodedata
from collections import Counter

import numpy as np
import pytest
from haystack.dataclasses import Document
from haystack.document_stores.types import DuplicatePolicy

from dpr_haystack import FAISSDocumentStore
from dpr_haystack.core.segmentation import ANALYZER_VERSION
from dpr_haystack.engines.keyword import KEYS_IN_QUERY, LANGUAGES, TITLE_WEIGHT, KeywordIndex
from dpr_haystack.store.check import check_store
from dpr_haystack.store.keyword import KeywordCache
from support.stores import compact_above, make_store, reopened

K1, B = 1.2, 0.75


def one_byte_length(length):
    """A text's length as Lucene keeps it in one byte: exact up to 40, then with four significant bits."""
    if length < 24:
        return length
    shift = max(0, (length - 24).bit_length() - 4)
    return 24 + ((length - 24) >> shift << shift)


def bm25(query, texts):
    """Lucene's BM25 of one field: the query's words against every text."""
    lengths = [len(text.split()) for text in texts]
    average = sum(lengths) / len(texts)
    scores = np.zeros(len(texts))
    for word, times in Counter(query.split()).items():
        frequencies = np.array([text.split().count(word) for text in texts], dtype=np.float64)
        having = np.count_nonzero(frequencies)
        idf = np.log(1 + (len(texts) - having + 0.5) / (having + 0.5))
        norms = K1 * (1 - B + B * np.array([one_byte_length(length) for length in lengths]) / (average or 1))
        scores += times * idf * frequencies * (K1 + 1) / (frequencies + norms)
    return scores


def texts_of_many_lengths(count, seed=0):
    chance = random.Random(seed)
    words = [f"w{number}" for number in range(40)]
    # Common and rare words; lengths from 0 to beyond what one byte represents exactly.
    return [
        " ".join(
            chance.choices(
                words, weights=[1 / (rank + 1) for rank in range(40)], k=chance.choice([0, 1, 7, 39, 60, 300])
            )
        )
        for _ in range(count)
    ]


@pytest.fixture
def store(tmp_path):
    store = FAISSDocumentStore(str(tmp_path / "store"), embedding_dim=2)
    store.write_documents([])
    store.close()
    yield store
    store.close()


@pytest.fixture
def plain(tmp_path):
    store = FAISSDocumentStore(str(tmp_path / "store"), embedding_dim=2, language=None)
    yield store
    store.close()


def found(store, query, top_k=1000, filters=None):
    """Ids of the hits; the same number is found if only so many are requested, as deleted documents displace none."""
    ids = [document.id for document in store.bm25_retrieval(query, top_k, filters)]
    assert len(store.bm25_retrieval(query, len(ids), filters)) == len(ids)
    return ids


def test_the_formula(plain):
    contents, titles = texts_of_many_lengths(60), texts_of_many_lengths(60, seed=1)
    plain.write_documents(
        [
            Document(id=str(number), content=content, meta={"title": title} if number % 3 else {})
            for number, (content, title) in enumerate(zip(contents, titles, strict=True))
        ]
    )
    titles = [title if number % 3 else "" for number, title in enumerate(titles)]
    for query in ("w0", "w1 w30 w2", "w5 w5 w5 w9", "w39 nothing", " ".join(f"w{number}" for number in range(40))):
        expected = bm25(query, contents) + TITLE_WEIGHT * bm25(query, titles)
        documents = plain.bm25_retrieval(query, 1000)
        assert {document.id for document in documents} == {str(number) for number in np.flatnonzero(expected)}
        np.testing.assert_allclose(
            [document.score for document in documents],
            [expected[int(document.id)] for document in documents],
            rtol=2e-5,
        )
        scores = [document.score for document in documents]
        assert scores == sorted(scores, reverse=True)
        best = plain.bm25_retrieval(query, 5)
        assert [document.score for document in best] == pytest.approx(scores[:5], rel=1e-6)


def test_scores_of_given_documents_are_those_of_the_search(plain):
    plain.write_documents([Document(id=str(n), content=text) for n, text in enumerate(texts_of_many_lengths(80))])
    documents = plain.bm25_retrieval("w1 w7 w20", 1000)
    expected = {str(number): 0.0 for number in range(80)} | {document.id: document.score for document in documents}
    searching = plain.searching()
    assert searching.keyword_scores("w1 w7 w20", [*expected, "nobody"]) == pytest.approx(expected, rel=1e-6)
    assert searching.keyword_scores("w1", []) == {}
    assert searching.keyword_scores("", ["3"]) == {"3": 0.0}
    hits = searching.keyword_hits("w1 w7 w20", 10, None)
    assert (hits.ids, hits.scores) == ([d.id for d in documents[:10]], [d.score for d in documents[:10]])


@pytest.mark.parametrize(
    "query",
    [
        "",
        " \t\n",
        "the of and",  # stop words alone
        "AND OR NOT",
        '+-&|!(){}[]^"~*?:\\/',
        '"unclosed',
        "content:missing",
        "title:*",
        "\0",
        "\ud800",
        "🎉",
        "x" * 100_000,
    ],
)
def test_queries_without_a_word_of_any_document(store, query):
    assert found(store, query) == []
    store.write_documents([Document(id="1", content="The engine of the bridge, and a castle")])
    assert found(store, query) == []
    assert store.searching().keyword_scores(query, ["1"]) == {"1": 0.0}


def test_characters_have_no_special_meaning(store):
    store.write_documents(
        [
            Document(id="c++", content="Programs in C++ and C#: what's a std::vector<int>?"),
            Document(id="url", content="https://example.org/a_b?c=d&e=f"),
            Document(id="accent", content="El Niño über Façade"),
            Document(id="cjk", content="東京 タワー"),
            Document(id="nul", content="before\0after"),
        ]
    )
    assert found(store, "std::vector<int>") == ["c++"]
    assert found(store, 'content:"vector" AND -int*') == ["c++"]
    assert found(store, "EXAMPLE.ORG") == ["url"]
    assert found(store, "nino FACADE uber") == ["accent"]
    assert found(store, "niño") == ["accent"]
    assert found(store, "東京") == ["cjk"]
    assert found(store, "after") == ["nul"]
    assert found(store, "half \ud800 vector") == ["c++"]


@pytest.mark.parametrize(
    ("written", "asked"),
    [
        ("Beyoncé sang.", "Beyonce"),
        ("Send a résumé.", "resumes"),
        ("A cliche.", "clichés"),
        ("Her fiancés met.", "fiance"),
    ],
)
def test_english_words_with_and_without_accents_have_one_stem(store, written, asked):
    store.write_documents([Document(id="1", content=written)])
    assert found(store, asked) == ["1"]


def test_a_query_of_ten_thousand_words(store):
    store.write_documents([Document(id=str(n), content=f"word{n} common") for n in range(300)])
    query = " ".join(f"word{number}" for number in range(10_000))
    assert set(found(store, query)) == {str(number) for number in range(300)}
    assert len(found(store, query + " common", 7)) == 7


def test_the_number_of_results(store):
    store.write_documents([Document(id=str(n), content="same words") for n in range(20)])
    assert found(store, "same", 0) == []
    assert len(found(store, "same", 20)) == 20
    assert len(found(store, "same", 10**12)) == 20
    for top_k in (-1, 1.5, None):
        with pytest.raises(ValueError, match="top_k"):
            store.bm25_retrieval("same", top_k)
    for query in (None, 3, ["same"]):
        with pytest.raises(ValueError, match="query must be a string"):
            store.bm25_retrieval(query)


def test_filters_of_every_size(plain):
    """Few keys become part of the query; with many, the ranking is filtered. The result is the same."""
    count = KEYS_IN_QUERY + 2000
    chance = random.Random(3)
    plain.write_documents(
        [
            Document(id=str(n), content=" ".join(chance.choices(["a", "b", "c", f"rare{n % 500}"], k=6)), meta={"n": n})
            for n in range(count)
        ]
    )
    ranking = plain.bm25_retrieval("a b rare7", count)
    assert len(ranking) > KEYS_IN_QUERY
    for least in (count - 1, count - 300, count - KEYS_IN_QUERY + 10, count - KEYS_IN_QUERY - 500, 100):
        filters = {"field": "meta.n", "operator": ">=", "value": least}
        matching = [document.score for document in ranking if document.meta["n"] >= least]
        for top_k in (3, 200):
            documents = plain.bm25_retrieval("a b rare7", top_k, filters)
            assert all(document.meta["n"] >= least for document in documents)
            assert [document.score for document in documents] == pytest.approx(matching[:top_k], rel=1e-6)
    few = {"field": "meta.n", "operator": "in", "value": ["7"]}
    assert found(plain, "a", 10, few) == []
    # Almost everything matches the filter, and few documents the words.
    assert set(found(plain, "rare7", 1000, {"field": "meta.n", "operator": ">=", "value": 0})) == set(
        found(plain, "rare7", 1000)
    )


def test_many_keys_far_down_the_ranking(plain):
    better = [Document(id=f"better{n}", content="gold gold gold", meta={"n": n}) for n in range(2000)]
    worse = [
        Document(id=f"worse{n}", content="gold and stone", meta={"n": 2000 + n}) for n in range(KEYS_IN_QUERY + 100)
    ]
    plain.write_documents(better + worse)
    filters = {"field": "meta.n", "operator": ">=", "value": 2000}
    assert len(found(plain, "gold", 30, filters)) == 30
    assert set(found(plain, "gold", 10_000, filters)) == {document.id for document in worse}


@pytest.mark.parametrize("count", [0, 50, 300])
def test_few_new_documents_are_searched_as_if_they_were_in_the_index(tmp_path, count):
    """They are scored in memory; an index that is built with all documents finds the same."""
    chance, texts = random.Random(count), texts_of_many_lengths(count + 40, seed=count)
    titles = texts_of_many_lengths(count + 40, seed=1)
    store = FAISSDocumentStore(str(tmp_path / "store"), embedding_dim=2, language=None)

    def documents(first, last):
        return [
            Document(id=str(number), content=texts[number], meta={"title": titles[number], "n": number})
            for number in range(first, last)
        ]

    store.write_documents(documents(0, count))
    found(store, "w1")
    folders = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "store" / "indexes").rglob("*.term")}
    for number in range(count, count + 10):
        store.write_documents(documents(number, number + 1))
        assert (
            str(number) in found(store, texts[number] or titles[number] or "w0") or not texts[number] + titles[number]
        )
    removed = [str(number) for number in chance.sample(range(count), min(count, 5))]
    store.delete_documents(removed)
    if count:
        after = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "store" / "indexes").rglob("*.term")}
        assert after == folders, "nothing is written for a few documents"
    contents, heads = texts[: count + 10], titles[: count + 10]
    for query in ("w0", "w1 w30 w2", "w5 w5 w9", "nothing", " ".join(f"w{number}" for number in range(40))):
        expected = bm25(query, contents) + TITLE_WEIGHT * bm25(query, heads)
        hits = store.bm25_retrieval(query, 1000)
        assert {each.id for each in hits} == {str(number) for number in np.flatnonzero(expected)} - set(removed)
        # removed documents still count; lengths are compared with the average before the last ones
        wanted = [expected[int(each.id)] for each in hits]
        scores = [each.score or 0.0 for each in hits]
        np.testing.assert_allclose(scores, wanted, rtol=0.05 if count < 100 else 0.02)
        assert scores == sorted(scores, reverse=True)
        limit = {"field": "meta.n", "operator": ">=", "value": count + 3}
        some = {each.id: each.score for each in hits if each.meta["n"] >= count + 3}
        assert {each.id: each.score for each in store.bm25_retrieval(query, 1000, limit)} == pytest.approx(some)
        given = store.searching().keyword_scores(query, [each.id for each in hits])
        assert given == pytest.approx({each.id: each.score for each in hits})
        assert found(store, query, 3) == [each.id for each in hits[:3]]
    assert {each.id for each in reopened(store).bm25_retrieval("w0", 1000)} == set(found(store, "w0"))
    store.close()


def test_scores_of_new_documents_are_exact(plain):
    """Without removed documents, and with new ones of average length, the scores are those of one index."""
    texts = [f"w{number % 7} w{number % 3} w{number} x" for number in range(120)]
    plain.write_documents([Document(id=str(n), content=text) for n, text in enumerate(texts[:100])])
    found(plain, "x")
    plain.write_documents([Document(id=str(n), content=texts[n]) for n in range(100, 120)])
    for query in ("x", "w1", "w2 w110 w5"):
        expected = bm25(query, texts)
        hits = plain.bm25_retrieval(query, 1000)
        assert {int(each.id) for each in hits} == set(np.flatnonzero(expected))
        assert [each.score for each in hits] == pytest.approx([expected[int(each.id)] for each in hits], rel=2e-5)
    before = {each.id: each.score for each in plain.bm25_retrieval("w2 w110 w5", 1000)}
    plain.catch_up()
    assert {each.id: each.score for each in plain.bm25_retrieval("w2 w110 w5", 1000)} == pytest.approx(before, rel=1e-5)


@pytest.mark.parametrize("titled", [range(100), range(60, 70), range(0)])
def test_new_documents_without_a_word_that_others_have(plain, titled):
    """The average length is that of all documents even if no word of the query or of the new ones tells it."""
    texts = [f"common filler words w{n}" for n in range(100)] + ["xk445"]
    titles = [f"alpha t{n}" if n in titled else "" for n in range(100)] + ["beta"]

    def document(number):
        return Document(id=str(number), content=texts[number], meta={"title": titles[number]})

    plain.write_documents([document(n) for n in range(100)])
    plain.delete_documents(["0"])
    plain.write_documents([document(0)])
    found(plain, "common")
    plain.write_documents([document(100)])
    for query in ("xk445", "beta", "xk445 beta", "common beta"):
        expected = bm25(query, texts) + TITLE_WEIGHT * bm25(query, titles)
        hits = plain.bm25_retrieval(query, 1000)
        scores = {each.id: each.score for each in hits}
        assert scores["100"] == pytest.approx(expected[100], rel=1e-5)
        assert hits[0].id == "100"


def test_many_new_documents_are_added_to_the_index(store):
    write_and_close(store)
    position = store.directory / "indexes" / "keyword.json"
    seen = []
    for number in range(30, 70):
        store.write_documents([Document(id=str(number), content=f"common n{number}")])
        assert found(store, f"n{number}") == [str(number)]
        seen.append(json.loads(position.read_text())["last_key"])
    assert len(set(seen)) == 3, "after every 16 or so"
    store.catch_up()
    assert json.loads(position.read_text())["last_key"] == 70


def test_the_index_catches_up_with_every_write(store):
    def texts(*ids):
        return [Document(id=name, content=f"{name} common word") for name in ids]

    store.write_documents(texts("a", "b", "c"))
    assert set(found(store, "common")) == {"a", "b", "c"}
    store.write_documents(texts("d"))
    assert set(found(store, "common")) == {"a", "b", "c", "d"}
    store.delete_documents(["b"])
    assert set(found(store, "common")) == {"a", "c", "d"}
    assert found(store, "b") == []
    store.write_documents([Document(id="c", content="now different")], DuplicatePolicy.OVERWRITE)
    assert (found(store, "c"), found(store, "different")) == ([], ["c"])
    store.update_by_filter({"field": "id", "operator": "==", "value": "d"}, {"title": "Headline"})
    assert found(store, "headline") == ["d"]
    store.write_documents(texts("e"))
    store.delete_documents(["e"])
    store = reopened(store)
    assert set(found(store, "common")) == {"a", "d"}
    store.delete_all_documents()
    assert found(store, "common different") == []
    store.write_documents(texts("f"))
    assert found(store, "common") == ["f"]
    store.close()


def test_deletions_before_a_compaction(store):
    compact_above(store, 5)
    store.write_documents([Document(id=str(n), content="common word", embedding=[n, 1.0]) for n in range(30)])
    assert len(found(store, "common")) == 30
    store.delete_documents([str(n) for n in range(20)])
    assert [path.name for path in store.directory.glob("vectors-*")] == ["vectors-1.f32"]
    assert set(found(store, "common")) == {str(n) for n in range(20, 30)}


def test_languages(tmp_path):
    german = FAISSDocumentStore(str(tmp_path / "german"), embedding_dim=2, language="german")
    german.write_documents(
        [Document(id="1", content="Die Häuser der Stadt"), Document(id="2", content="Ein Bär schläft")]
    )
    assert found(german, "Haus") == ["1"]
    assert found(german, "BÄREN schlafen") == ["2"]
    assert found(german, "der die ein") == []
    german.close()
    english = FAISSDocumentStore(str(tmp_path / "english"), embedding_dim=2)
    english.write_documents(
        [Document(id="1", content="The running foxes"), Document(id="2", content="House of the fox")]
    )
    assert set(found(english, "fox")) == {"1", "2"}
    assert found(english, "runs") == ["1"]
    assert found(english, "the of") == []
    english.close()
    plain = FAISSDocumentStore(str(tmp_path / "plain"), embedding_dim=2, language=None)
    plain.write_documents([Document(id="1", content="The running foxes"), Document(id="2", content="House of the fox")])
    assert found(plain, "fox") == ["2"]
    assert found(plain, "FOXES") == ["1"]
    assert set(found(plain, "the")) == {"1", "2"}
    plain.close()


@pytest.mark.parametrize("language", [*LANGUAGES, None])
def test_every_language_finds_its_own_words(tmp_path, language):
    index = KeywordIndex(tmp_path / "index", language)
    text = {"arabic": "مدينة", "greek": "πόλη", "russian": "город", "tamil": "நகரம்"}.get(language, "metropolis")
    index.update([(1, text, ""), (2, "", text), (3, "other", "")], [], beyond=0)
    keys, scores = index.search(text, 10)
    assert keys.tolist() == [1, 2]
    assert scores[1] < scores[0]
    assert index.keys() == {1, 2, 3}


TEXTS = {  # a text in each language, and a question that shares words with it alone
    "vietnamese": (unicodedata.normalize("NFD", "Hà Nội là thủ đô của Việt Nam"), "thủ đô Việt Nam"),
    "korean": ("서울은 대한민국의 수도이다", unicodedata.normalize("NFD", "대한민국 수도")),
    "turkish": ("İstanbul Boğazı iki kıtayı ayırır", "istanbul boğazı"),  # noqa: RUF001
    "hindi": ("नई दिल्ली भारत की राजधानी है", "राजधानी दिल्ली"),
    "tamil": ("சென்னை தமிழ்நாட்டின் தலைநகரம்", "சென்னை தலைநகரம்"),
    "chinese": ("北京是中华人民共和国的首都", "中国首都北京"),
    "japanese": ("東京タワーは日本の電波塔である", "東京タワーの電波"),
    "thai": ("กรุงเทพมหานครเป็นเมืองหลวงของประเทศไทย", "เมืองหลวงของไทย"),
}


def test_other_scripts(store):
    store.write_documents([Document(id=name, content=text) for name, (text, _) in TEXTS.items()])
    for name, (_, question) in TEXTS.items():
        assert found(store, question)[0] == name, name
    assert found(store, "दिल्") == []  # a virama does not cut a word
    assert found(store, "大阪の城") == []


def test_an_index_of_an_earlier_analyzer_is_rebuilt(store):
    """Indexes of earlier versions do not say which analyzer made them."""
    folder = write_and_close(store)
    position = store.directory / "indexes" / "keyword.json"
    recorded = json.loads(position.read_text())
    assert recorded.pop("analyzer") == ANALYZER_VERSION
    for old in (recorded, {**recorded, "analyzer": ANALYZER_VERSION - 1}, {**recorded, "analyzer": None}):
        position.write_text(json.dumps(old))
        assert len(found(store, "common")) == 30
        store.close()
        assert not folder.exists()
        assert json.loads(position.read_text())["analyzer"] == ANALYZER_VERSION
        (folder,) = (path for path in (store.directory / "indexes").iterdir() if path.is_dir())
    assert len(found(store, "common")) == 30
    assert folder.exists()


def write_and_close(store, count=30):
    store.write_documents([Document(id=str(n), content=f"common n{n}", embedding=[n, 1.0]) for n in range(count)])
    assert len(found(store, "common")) == count
    store.close()
    (folder,) = (path for path in (store.directory / "indexes").iterdir() if path.is_dir())
    return folder


def test_a_deleted_index_is_rebuilt(store):
    folder = write_and_close(store)
    for gone in (folder, store.directory / "indexes" / "keyword.json", store.directory / "indexes"):
        shutil.rmtree(gone) if gone.is_dir() else gone.unlink()
        assert found(store, "n7") == ["7"]
        assert len(found(store, "common")) == 30
        store.close()
    assert len([path for path in (store.directory / "indexes").iterdir() if path.is_dir()]) == 1


def damage(path, how):
    data = bytearray(path.read_bytes())
    if how == "cut":
        data = data[: len(data) // 2]
    elif how == "emptied":
        data = bytearray()
    elif how == "overwritten":
        data = bytearray(random.Random(1).randbytes(len(data) or 1))
    elif how == "flipped":
        # Only in the first half: tantivy itself detects damage at the end.
        for position in random.Random(2).sample(range(len(data) // 2 + 1), k=len(data) // 40 + 1) if data else ():
            data[position] ^= 0x55
    path.write_bytes(data)
    if how == "deleted":
        path.unlink()


@pytest.mark.slow
@pytest.mark.parametrize("how", ["cut", "emptied", "overwritten", "flipped", "deleted"])
def test_an_index_with_damaged_files_is_rebuilt(store, how, tmp_path):
    folder = write_and_close(store)
    names = [path.name for path in folder.iterdir()] + ["../keyword.json"]
    assert len(names) > 8
    for name in names:
        copy = FAISSDocumentStore(str(tmp_path / "copy"), embedding_dim=2)
        shutil.copytree(store.directory, tmp_path / "copy")
        damage(tmp_path / "copy" / "indexes" / folder.name / name, how)
        copy.write_documents([Document(id="new", content="common new")])
        assert len(found(copy, "common")) == 31, name
        assert found(copy, "n7 new") in (["7", "new"], ["new", "7"]), name
        copy.close()
        shutil.rmtree(tmp_path / "copy")


def test_a_copied_index_is_used(store, tmp_path, caplog):
    folder = write_and_close(store)
    shutil.copytree(store.directory, tmp_path / "copy", copy_function=shutil.copyfile)
    copy = FAISSDocumentStore(str(tmp_path / "copy"), embedding_dim=2)
    assert found(copy, "n7") == ["7"]
    assert copy.directory is not None
    assert (copy.directory / "indexes" / folder.name).is_dir()
    assert "damaged" not in caplog.text
    copy.close()


def test_an_invalid_position(store):
    folder = write_and_close(store)
    position = store.directory / "indexes" / "keyword.json"
    good = json.loads(position.read_text())
    for bad in (
        "[]",
        "null",
        "{}",
        json.dumps({**good, "last_key": "many"}),
        json.dumps({**good, "last_key": 10**6}),
        json.dumps({**good, "last_tombstone": 10**6}),
        json.dumps({**good, "files": {"a": 1}}),
        json.dumps({**good, "folder": "keyword-gone"}),
        json.dumps({"folder": folder.name}),
    ):
        position.write_text(bad)
        assert found(store, "n7") == ["7"], bad
        assert len(found(store, "common")) == 30, bad
        store.close()


@pytest.mark.parametrize("index", ["Flat", "HNSW8"])
def test_a_database_restored_from_an_older_copy(tmp_path, index):
    """The indexes are newer than the database, and more is written before they are searched again."""
    path = tmp_path / "store"
    store = FAISSDocumentStore(str(path), index, 2, index_options=None if index == "Flat" else {"efSearch": 500})
    store.write_documents([Document(id=f"a{n}", content=f"common n{n}", embedding=[n, 1.0]) for n in range(30)])
    store.close()
    shutil.copytree(path, tmp_path / "backup")
    store.write_documents([Document(id=f"b{n}", content="common lost", embedding=[-n, 9.0]) for n in range(30)])
    assert len(found(store, "lost")) == 30
    store.catch_up()
    store.close()
    for name in ("documents.sqlite", "vectors-0.f32", "store.json"):
        shutil.copy(tmp_path / "backup" / name, path / name)
    store.write_documents([Document(id=f"c{n}", content="common later", embedding=[n, -5.0]) for n in range(40)])
    assert found(store, "lost") == []
    assert len(found(store, "later")) == 40
    assert len(found(store, "common")) == 70
    assert found(store, "n7") == ["a7"]
    best = store.search([1.0, -1.0], 5)
    assert [(document.id, document.score) for document in best] == [(f"c{n}", n + 5.0) for n in range(39, 34, -1)]
    assert store.search([-1.0, 1.0], 1)[0].id == "a0"
    store.close()


def test_a_moment_does_not_see_what_is_written_or_deleted_later(tmp_path):
    store = make_store(tmp_path / "store", embedding_dim=2)
    texts = {"a": "apple", "b": "apple pie", "c": "apple pie and cream", "d": "no fruit"}
    store.write_documents([Document(id=name, content=text, embedding=[1.0, 0.0]) for name, text in texts.items()])
    with store.searching().at_one_moment() as moment:
        later = [Document(id=f"later{n}", content="apple", embedding=[2.0, 0.0]) for n in range(20)]
        store.write_documents(later)
        assert set(store.searching().keyword_hits("apple", 3, None).ids) <= {"a", *(each.id for each in later)}
        assert moment.keyword_hits("apple", 3, None).ids == ["a", "b", "c"]
        assert moment.keyword_hits("apple", 30, None).ids == ["a", "b", "c"]
        assert set(moment.dense_hits([[1.0, 0.0]], 30, None)[0].ids) == set(texts)
        assert [each.id for each in moment.keyword_documents("apple", 2, None)] == ["a", "b"]
        scores = moment.keyword_scores("apple", ["a", "b"])
        store.delete_documents(["a"])
        store.update_by_filter({"field": "id", "operator": "==", "value": "b"}, {"title": "pear"})
        assert store.searching().keyword_hits("pear", 1, None).ids == ["b"]
        assert moment.keyword_hits("pear", 1, None).ids == []
        assert moment.keyword_hits("apple", 2, None).ids == ["a", "b"]
        assert moment.keyword_scores("apple", ["a", "b"]) == scores
        assert set(moment.documents(["a", "later1"])) == {"a"}
        assert moment.count() == 4
    assert store.searching().count() == 23


def pies(tmp_path):
    store = make_store(tmp_path / "store", embedding_dim=2)
    texts = {"a": "apple pie", "b": "apple pie", "c": "apple pie and cream"}
    store.write_documents([Document(id=name, content=text, embedding=[1.0, 0.0]) for name, text in texts.items()])
    return store


def test_a_moment_that_begins_while_the_index_is_updated(tmp_path, monkeypatch):
    """The first attempt finds an index that has seen a later deletion; the next one begins after it."""
    store = pies(tmp_path)
    store.bm25_retrieval("apple")
    at = KeywordCache.at

    def late(self, connection, state):
        store.delete_documents(["a"])
        self.current(complete=True)
        return at(self, connection, state)

    monkeypatch.setattr(KeywordCache, "at", late)
    with store.searching().at_one_moment() as moment:
        assert set(moment.keyword_hits("apple", 9, None).ids) == set(moment.documents(["a", "b", "c"])) == {"b", "c"}
    store.close()


def test_a_moment_while_others_write_all_the_time(tmp_path, monkeypatch):
    """Every attempt finds an index that is ahead; what the moment does not have is left out of the hits."""
    store = pies(tmp_path)
    at, current, numbers = KeywordCache.at, KeywordCache.current, iter(range(999))

    def writing(self, **options):
        store.write_documents([Document(id=f"later{next(numbers)}", content="apple") for _ in range(4)])
        return current(self, complete=True)

    def late(self, connection, state):
        self.current()
        return at(self, connection, state)

    monkeypatch.setattr(KeywordCache, "at", late)
    monkeypatch.setattr(KeywordCache, "current", writing)
    with store.searching().at_one_moment() as moment:
        count = moment.count()
        assert len(moment.keyword_hits("apple", count, None).ids) == count
        assert len(moment.keyword_hits("apple", 3, None).ids) == 3
    store.close()


def test_a_check_compares_the_documents_of_the_index(tmp_path, monkeypatch):
    store = pies(tmp_path)
    store.bm25_retrieval("apple")
    assert check_store(store.directory).is_sound
    keys = KeywordIndex.keys
    monkeypatch.setattr(KeywordIndex, "keys", lambda self: keys(self) - {1} | {99})
    assert check_store(store.directory).repairable == ["the keyword index lacks 1 documents and has 1 deleted ones"]
    store.close()
