#!/usr/bin/env bash
# sentence-transformers 6.2.0: a model with the prompts "query" and "passage", as E5 and others use them.
#
# Expected by many: encode_document() adds the passage prompt. Its documentation says that it takes the first prompt
# of "document", "passage" and "corpus".
# Seen: it adds nothing. Every model gets a prompt "document" that is empty, and an empty prompt counts as the first
# one, so "passage" and "corpus" are never reached. encode_query() adds its prompt, so questions and passages are
# encoded in two ways, without a warning.
# So: name the prompt of passages "document", or pass prompt_name="passage".
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q "sentence-transformers==6.2.0" "transformers==5.23.0" "tokenizers"
"$folder/venv/bin/python" - <<'PYTHON'
from importlib.metadata import version

import numpy as np
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import StaticEmbedding
from tokenizers import Tokenizer, models, pre_tokenizers

words = {word: number for number, word in enumerate(["[UNK]", "passage", "query", ":", "dune", "herbert"])}
tokenizer = Tokenizer(models.WordLevel(words, unk_token="[UNK]"))
tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
model = SentenceTransformer(
    modules=[StaticEmbedding(tokenizer, embedding_dim=8)],
    prompts={"query": "query : ", "passage": "passage : "},
    device="cpu",
)


def same(one: np.ndarray, other: np.ndarray) -> bool:
    return bool(np.allclose(one, other))


text = "dune herbert"
bare, prompted = model.encode(text), model.encode("passage : " + text)
as_query = same(model.encode_query(text), model.encode("query : " + text))
as_passage, as_bare = same(model.encode_document(text), prompted), same(model.encode_document(text), bare)
print("sentence-transformers", version("sentence-transformers"))
print("expected by many: encode_document adds the passage prompt")
print(f"seen: query prompt added {as_query}; passage prompt added {as_passage}; nothing added {as_bare}")
assert not same(bare, prompted)
assert (as_query, as_passage, as_bare) == (True, False, True), "this has changed"
assert same(model.encode_document(text, prompt_name="passage"), prompted)
PYTHON
