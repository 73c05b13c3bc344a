# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Files to passages as a Haystack component."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import ExitStack
from functools import cache
from mimetypes import guess_extension
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from haystack import Document, component, default_to_dict, logging
from haystack.dataclasses import ByteStream

from dpr_haystack.backends.origins import PassagesRead, Reading, combine
from dpr_haystack.components._basics import ComponentBasics
from dpr_haystack.components.file_reading import Sources, as_document
from dpr_haystack.core.checks import check_integer
from dpr_haystack.core.origins import origins_of
from dpr_haystack.errors import InputError
from dpr_haystack.formats import TableOptions
from dpr_haystack.formats.kinds import SUFFIXES
from dpr_haystack.formats.open_text import check_encoding, suffix_of
from dpr_haystack.formats.passage_tables import check_columns
from dpr_haystack.formats.quoting import check_quoting

logger = logging.getLogger(__name__)


@component
class DPRFileConverter(ComponentBasics):
    """Reads files as passages, as the command "index" does: the same ids, titles and metadata.

    Text is split into passages of ``words`` words; files of passages are read as they are. Each passage has its title
    and ``file`` in ``meta``, its ``offset`` in characters, and for PDF its ``page_number``. A text that several files
    contain is one document, whose ``also_in`` lists the other files.

    Connect ``documents`` to a :class:`DPRDocumentEmbedder` and ``files`` to a :class:`DPRPassageWriter`, so that an
    edited file replaces the passages that it had.

    :param words: Words per passage, for files without passages of their own.
    :param base: ``file`` is relative to this folder for files below it, absolute for others; None: always absolute.
        ``dpr-haystack index`` takes the folder that contains the store, and none for Elasticsearch.
    :param encoding: The encoding of text that is not UTF-8 and has no byte order mark; None to refuse it.
    :param id_prefix: Put before the ids that files give their passages.
    :param columns: The columns of TSV and CSV files, in their order, e.g. ``["id", "title", "text"]``; None for the
        names in the first line or, without them, those of DPR's and MS MARCO's files.
    :param quoting: Whether quotes in TSV and CSV files quote fields, ``"csv"``, or are part of the text, ``"none"``;
        None to decide by the content.
    :param skip_bad: Skip bad lines, records and files with a warning, instead of raising.
    :raises InputError: If an argument is invalid.
    """

    __module__ = "haystack_integrations.components.converters.dpr"

    def __init__(
        self,
        *,
        words: int = 100,
        base: str | None = None,
        encoding: str | None = None,
        id_prefix: str = "",
        columns: list[str] | None = None,
        quoting: str | None = None,
        skip_bad: bool = False,
    ) -> None:
        check_integer("words", words)
        check_encoding(encoding)
        self.words = words
        self.base = base
        self.encoding = encoding
        self.id_prefix = id_prefix
        self.columns = columns
        self.quoting = quoting
        self.skip_bad = skip_bad
        self.table_options()  # checks them

    def to_dict(self) -> dict[str, Any]:
        """Serialise the settings."""
        return default_to_dict(
            self,
            words=self.words,
            base=self.base,
            encoding=self.encoding,
            id_prefix=self.id_prefix,
            columns=self.columns,
            quoting=self.quoting,
            skip_bad=self.skip_bad,
        )

    @component.output_types(documents=list[Document], files=list[str])
    def run(self, sources: list[str | Path | ByteStream]) -> dict[str, Any]:
        """Read files.

        :param sources: Paths of files, or their contents with ``file_path`` or ``file_name`` in their metadata. Their
            kind is known by the ending of the name, or else by ``mime_type``.
        :returns: ``documents``: the passages, with distinct ids, in the order of reading; ``files``: what their
            metadata calls the files that were read completely. A stream without a name, called ``stream`` in
            metadata, is not among them: the next one of this name has other contents.
        :raises DataError: If a file cannot be read, and ``skip_bad`` is False.
        """
        with ExitStack() as stack:
            paths = dict(_path_and_name(source, stack) for source in sources)
            base = None if self.base is None else Path(self.base)
            read = _NamedSources(paths, base, self)
            documents = self._distinct(read, base)
        for problem in [*read.bad, *read.bad_records]:
            logger.warning("skipped: {problem}", problem=str(problem))
        for empty in read.empty:
            logger.warning("no text in {file}", file=str(empty))
        return {"documents": documents, "files": read.complete}

    @component.output_types(documents=list[Document], files=list[str])
    async def run_async(self, sources: list[str | Path | ByteStream]) -> dict[str, Any]:
        """See :meth:`run`; works in a thread."""
        return await asyncio.to_thread(self.run, sources)

    def table_options(self) -> TableOptions:
        """How TSV and CSV files are read.

        :raises InputError: If ``columns`` or ``quoting`` cannot be used.
        """
        if isinstance(self.columns, str):
            msg = f"columns must be a list of names: got {self.columns!r}"
            raise InputError(msg)
        if self.columns is not None:
            check_columns(self.columns)
        check_quoting(self.quoting)
        return TableOptions(
            None if self.columns is None else tuple(self.columns),
            self.quoting,
            lambda decision: logger.info("{decision}", decision=decision),
            given_by="columns and quoting",
        )

    def _distinct(self, read: Sources, base: Path | None) -> list[Document]:
        exists = cache(lambda file: ((base or Path()) / file).exists())
        known, found = PassagesRead(), dict[str, Document]()
        for passage in read:
            document = as_document(passage)
            reading = known.add(document)
            if reading is Reading.FIRST:
                found[document.id] = document
            elif reading is Reading.ELSEWHERE:
                found[document.id] = combine(document, origins_of(found[document.id].meta), exists)
            elif reading is Reading.CONFLICT:
                logger.warning("skipped a passage whose id {id} had occurred with another text", id=document.id)
        return list(found.values())


def _path_and_name(source: str | Path | ByteStream, stack: ExitStack) -> tuple[Path, str | None]:
    """The path to read from, and the name of the source: None for that of the path, empty if it has none."""
    if not isinstance(source, ByteStream):
        return Path(source), None
    name = str(source.meta.get("file_path") or source.meta.get("file_name") or "")
    suffix = guess_extension(source.mime_type or "") or ""
    if not name and not suffix:
        msg = "a ByteStream must have file_path or file_name in its meta, or a mime_type, to tell what it contains"
        raise InputError(msg)
    file = Path(name or "stream").name
    if suffix_of(file) not in SUFFIXES:
        file += suffix
    path = Path(stack.enter_context(TemporaryDirectory())) / file
    path.write_bytes(source.data)
    return path, name


class _NamedSources(Sources):
    """Sources, some of which are called otherwise than their paths.

    :param names: The files, with their names: None for that of the path, empty for a stream without a name.
    :param base: As for :class:`Sources`.
    :param settings: How to read them.
    """

    def __init__(self, names: dict[Path, str | None], base: Path | None, settings: DPRFileConverter) -> None:
        files: Sequence[Path] = list(names)
        super().__init__(
            files,
            base,
            words=settings.words,
            skip_bad=settings.skip_bad,
            id_prefix=settings.id_prefix,
            encoding=settings.encoding,
            tables=settings.table_options(),
        )
        self._names = names

    def has_name(self, file: Path) -> bool:
        """See :meth:`Sources.has_name`."""
        return self._names[file] != ""

    def name_of(self, file: Path) -> str:
        """See :meth:`Sources.name_of`."""
        name = self._names[file]
        return super().name_of(file if name is None else Path(name or file.name))
