# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Every module has a test file of its name, or is listed here with the file that tests it instead."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

TESTS = Path(__file__).parent
PACKAGE = TESTS.parent / "src" / "dpr_haystack"

# Modules that are tested through their callers.
TESTED_BY = {
    "engines/towers/tower": "test_model_settings",
    "_optional": "test_import_laziness",
    "backends/elasticsearch/connection": "test_elasticsearch_errors",
    "backends/elasticsearch/creation": "test_elasticsearch_index",
    "backends/elasticsearch/writer": "test_elasticsearch_indexing",
    "backends/local": "test_opening",
    "backends/passage_search": "test_opening",
    "backends/passage_writer": "test_cli_index",
    "cli/bad_records": "test_cli_index",
    "cli/build_training_data": "test_cli_training_data",
    "cli/check": "test_cli_store",
    "cli/common": "test_cli_errors",
    "cli/convert": "test_cli_reembed",
    "cli/delete": "test_deleting",
    "cli/es_init": "test_elasticsearch_index",
    "cli/evaluation_files": "test_cli_evaluate_files",
    "cli/evaluation_table": "test_cli_evaluate",
    "cli/export": "test_exporting",
    "cli/hybrid_options": "test_cli_fit_hybrid",
    "cli/info": "test_cli_store",
    "cli/mine": "test_cli_training_data",
    "cli/question": "test_cli_search",
    "cli/table_options": "test_cli_training_data",
    "components/_copies": "test_joiner",
    "components/_documents": "test_joiner",
    "components/_fusion_options": "test_joiner_lists",
    "components/_reading": "test_reader",
    "components/_recent_vectors": "test_encoder_pairs",
    "components/passage_writer": "test_file_converter",
    "components/_towers": "test_text_embedder",
    "components/document_methods": "test_document_store",
    "components/retrievers/bm25": "test_retrievers",
    "components/retrievers/common": "test_retrievers",
    "components/retrievers/dpr": "test_retrievers",
    "components/retrievers/embedding": "test_retrievers",
    "components/retrievers/question_tower": "test_retrievers",
    "core/batching": "test_text",
    "core/false_negatives": "test_losses",
    "core/lazy": "test_import_laziness",
    "core/metadata": "test_filters",
    "core/progress": "test_reembedding",
    "core/reader_rows": "test_reader_loading",
    "core/reader_set_facts": "test_reader_loading",
    "core/training_config": "test_config",
    "engines/ann/hnsw": "test_index_kinds",
    "engines/checkpoints/dpr_configuration": "test_conversion",
    "engines/checkpoints/fingerprints": "test_encoder",
    "engines/checkpoints/folders": "test_conversion",
    "engines/checkpoints/kinds": "test_conversion",
    "engines/checkpoints/pretrained": "test_encoder",
    "engines/checkpoints/runtime": "test_encoder",
    "engines/checkpoints/source": "test_hub",
    "engines/elasticsearch/both": "test_elasticsearch_hybrid",
    "engines/elasticsearch/creation": "test_elasticsearch_index",
    "engines/elasticsearch/documents": "test_elasticsearch_dpr",
    "engines/elasticsearch/index_facts": "test_elasticsearch_index",
    "engines/elasticsearch/origin": "test_elasticsearch_dpr",
    "engines/elasticsearch/searching": "test_elasticsearch_bodies",
    "engines/elasticsearch/sending": "test_elasticsearch_bulk_writer",
    "engines/keyword": "test_keyword_search",
    "engines/recent_words": "test_keyword_search",
    "engines/reader/heads": "test_reader_saving",
    "engines/reader/inputs": "test_reader_reading",
    "engines/reader/inspection": "test_reader_checkpoints",
    "engines/reader/network": "test_reader_reading",
    "engines/towers/adapter_conversion": "test_adapters",
    "engines/towers/dpr_export": "test_conversion",
    "engines/towers/heads": "test_encoder",
    "engines/towers/inspection": "test_encoder",
    "engines/towers/loading": "test_encoder",
    "engines/towers/network": "test_encoder",
    "engines/training/callbacks": "test_train",
    "engines/training/checkpoints": "test_train",
    "engines/training/teacher": "test_train",
    "engines/training/towers/saving": "test_trainable",
    "engines/training/towers/session": "test_train",
    "engines/training/towers/trainer": "test_train",
    "errors": "test_cli_errors",
    "formats/beir": "test_passage_files",
    "formats/columns": "test_passage_files",
    "formats/csv_rows": "test_open_text",
    "formats/contexts": "test_question_forms",
    "formats/dpr_tsv": "test_passage_files",
    "formats/example_columns": "test_training_files",
    "formats/examples": "test_training_files",
    "formats/json_passages": "test_passage_records",
    "formats/jsonl": "test_passage_files",
    "formats/labelled": "test_training_files",
    "formats/marked_answers": "test_squad_answers",
    "formats/parquet": "test_passage_records",
    "formats/passage_fields": "test_passage_tables",
    "formats/kinds": "test_finding",
    "formats/passage_writing": "test_exporting",
    "formats/question": "test_questions",
    "formats/quoting": "test_passage_tables",
    "formats/record_kinds": "test_passage_records",
    "formats/qrels": "test_relevance_files",
    "formats/question_lines": "test_question_forms",
    "formats/question_records": "test_question_forms",
    "formats/records": "test_passage_files",
    "formats/results": "test_training_files",
    "formats/squad": "test_passage_files",
    "formats/text_files": "test_passage_files",
    "formats/topics": "test_question_forms",
    "formats/training": "test_training_files",
    "formats/trec": "test_relevance_files",
    "formats/writing": "test_training_files",
    "resources": "test_import_laziness",
    "store/batch": "test_validation",
    "store/check": "test_validation",
    "store/column_search": "test_filter_index",
    "store/columns": "test_filter_index",
    "store/compaction": "test_durability",
    "store/copies": "test_search",
    "store/database": "test_side_by_side",
    "store/dense": "test_search",
    "store/engine": "test_any_order",
    "store/errors": "test_validation",
    "store/filter_documents": "test_filter_index",
    "store/filter_evaluation": "test_filter_index",
    "store/filter_files": "test_filter_index",
    "store/handle": "test_document_store",
    "store/keyword": "test_keyword_search",
    "store/layout": "test_manifests",
    "store/locks": "test_durability",
    "store/records": "test_any_order",
    "store/recovery": "test_durability",
    "store/reembedding_state": "test_store_reembedding",
    "store/seal": "test_document_store",
    "store/sql_values": "test_validation",
    "store/statements": "test_any_order",
    "store/temporary": "test_store_settings",
    "store/vectors": "test_durability",
    "store/view": "test_side_by_side",
    "store/writing": "test_any_order",
    "workflows/evaluation/coverage": "test_evaluate",
    "workflows/asking": "test_cli_ask",
    "workflows/drawing": "test_cli_fit_hybrid",
    "workflows/hybrid_curves": "test_cli_fit_hybrid",
    "workflows/hybrid_fit_report": "test_cli_fit_hybrid",
    "workflows/index_report": "test_indexing",
    "workflows/info": "test_cli_store",
    "workflows/pruning": "test_cli_index",
    "workflows/recorded_models": "test_opening",
    "workflows/training/curves": "test_learning_curve",
    "workflows/training/encoder_pair": "test_learning_curve",
    "workflows/training/loading": "test_train",
    "workflows/training/run_directory": "test_train",
    "workflows/workspace": "test_cli_quickstart",
    "workflows/workspace_questions": "test_cli_quickstart",
}


def modules() -> set[str]:
    paths = (path.relative_to(PACKAGE).with_suffix("") for path in PACKAGE.rglob("*.py"))
    return {path.as_posix() for path in paths if not path.name.startswith("__")}


def names_of_tests(module: str) -> set[str]:
    """What its test file may be called: after the module, or after folder and module where that name is taken."""
    path = PurePosixPath(module)
    name = path.name.lstrip("_")
    return {f"test_{name}", f"test_{path.parent.name}_{name}"}


def test_every_module_has_a_test_file() -> None:
    tests = {path.stem for path in TESTS.rglob("test_*.py")}
    untested = {module for module in modules() if not names_of_tests(module) & tests}
    missing, stale = sorted(untested - set(TESTED_BY)), sorted(set(TESTED_BY) - untested)
    unknown = sorted(set(TESTED_BY.values()) - tests)
    assert not missing, f"modules without a test file: {', '.join(missing)}"
    assert not stale, f"listed, but gone or with test files of their own: {', '.join(stale)}"
    assert not unknown, f"listed test files that do not exist: {', '.join(unknown)}"
