"""Searching the index: QIDO-RS for all resources.

Standard: PS3.18 10.6
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from dicom_core.identifiers import Partition
from dicom_core.index.attributes import Attribute, Level
from dicom_core.index.index import Index
from dicom_core.search.answer import Answer
from dicom_core.search.effort import DEFAULT_EFFORT, Effort
from dicom_core.search.finding import Finder
from dicom_core.search.hits import Needs, Rows
from dicom_core.search.plan import plan_search
from dicom_core.search.query import Query
from dicom_core.search.walking import Work

__all__ = ["Count", "SearchResult", "SearchService"]

_GAVE_UP: Final = "The search examined as many items as it may and stopped; there may be more results"
_NOTHING: Final[Needs] = dict.fromkeys(Level, frozenset())


@dataclass(frozen=True, slots=True)
class SearchResult:
    """A page of results, as DICOM JSON objects, newest first.

    `more` results follow (exactly, or `at_least` so many). `complete` is False when the search gave up: there may be
    results that it did not come to. `literal` are the attributes that could not be matched fuzzily.
    """

    documents: list[bytes]
    more: int = 0
    at_least: bool = False
    complete: bool = True
    literal: tuple[str, ...] = ()

    @property
    def warnings(self) -> list[str]:
        """What the client should be told, each a text for a `Warning: 299` header. Standard: PS3.18 8.3.4.4, 8.3.4.2"""
        found = []
        if self.more or self.at_least:
            number = f"at least {self.more or 1}" if self.at_least else str(self.more)
            found.append(f"There are {number} additional results that can be requested")
        return found + _caveats(self.literal, complete=self.complete)


@dataclass(frozen=True, slots=True)
class Count:
    """How many results a search has; `complete` and `literal` as of a `SearchResult`."""

    count: int
    complete: bool = True
    literal: tuple[str, ...] = ()

    @property
    def warnings(self) -> list[str]:
        """What the client should be told, each a text for a `Warning: 299` header."""
        return _caveats(self.literal, complete=self.complete)


def _caveats(literal: tuple[str, ...], *, complete: bool) -> list[str]:
    found = []
    if literal:
        found.append(f"Fuzzy matching is not available for values with wildcards; literal matching was used for {', '.join(literal)}")
    if not complete:
        found.append(_GAVE_UP)
    return found


class SearchService:
    """Answers searches from the index."""

    def __init__(self, index: Index, effort: Effort = DEFAULT_EFFORT) -> None:
        self._index = index
        self._effort = effort

    async def search(self, partition: Partition, query: Query, *, retrieve_url: str = "") -> SearchResult:
        """Answer a search; `retrieve_url` is what precedes ``/studies`` in the URLs of results."""
        answer = Answer(query, retrieve_url)
        finder, rows, work = self._finder(partition, query, answer)
        found = await finder.find(query.offset, query.limit)
        documents = await answer.documents(found.hits, rows, self._index.blobs)
        return SearchResult(documents, found.more, found.at_least, not work.gave_up, query.literal)

    async def external_attributes(self) -> dict[str, Attribute]:
        """The external attributes that stores have used, by tag, for queries that may ask for them."""
        return await self._index.external_tags.attributes()

    async def count(self, partition: Partition, query: Query) -> Count:
        """Count all results of a search, whatever its page."""
        finder, _, work = self._finder(partition, query, None)
        count = await finder.count()
        return Count(count, not work.gave_up, query.literal)

    def _finder(self, partition: Partition, query: Query, answer: Answer | None) -> tuple[Finder, Rows, Work]:
        plan = plan_search(query)
        rows = Rows(self._index, partition)
        work = Work(self._effort.rows_examined if plan.bounded else None)
        return Finder(rows, plan, query.resource.level, answer.needs if answer else _NOTHING, self._effort, work), rows, work
