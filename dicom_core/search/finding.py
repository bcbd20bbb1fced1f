"""Finding the studies, series or instances that a plan describes, newest first.

Standard: none; the order and the paging are those of the Microsoft service
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from math import isqrt
from typing import Final, cast

from dicom_core.index.attributes import Level
from dicom_core.index.keys import KeyRange, instances_of, newest, series_of
from dicom_core.search.effort import Effort
from dicom_core.search.filtering import Filter
from dicom_core.search.hits import Hit, Needs, Rows, together
from dicom_core.search.plan import Plan, Source
from dicom_core.search.walking import Merge, Stream, Work

__all__ = ["Finder", "Found"]


# The properties of the rows above that their search rows carry too.
_COVERED: Final = {Level.STUDY: frozenset(("doc", "modalities")), Level.SERIES: frozenset(("doc",)), Level.INSTANCE: frozenset[str]()}
_CREATED: Final = {Level.STUDY: "created", Level.SERIES: "created", Level.INSTANCE: "version"}
_METADATA: Final = "meta_blob"


@dataclass(frozen=True, slots=True)
class Found:
    """A page of hits, and how many `more` follow it: exactly, or `at_least` so many."""

    hits: list[Hit]
    more: int = 0
    at_least: bool = False


class Finder:
    """One search. `needs` are the rows' properties that answering takes, apart from testing; `work` limits the rows looked at."""

    def __init__(self, rows: Rows, plan: Plan, level: Level, needs: Needs, effort: Effort, work: Work) -> None:
        self._rows = rows
        self._plan = plan
        self._level = level
        self._needs = needs
        self._effort = effort
        self._work = work

    async def find(self, offset: int, limit: int) -> Found:
        """One page of the hits, newest first."""
        wanted = offset + limit
        lead = await self._lead()
        if lead is None:
            found, _ = await self._walk(offset, limit, self._work)
            return found
        parents, level = lead
        if level is self._level:
            hits, is_all = parents, True
        else:
            if self._plan.studies is None and len(parents) > self._effort.many:
                found, certain = await self._walk(offset, limit, Work(self._effort.trial * wanted))
                if certain and len(found.hits) == limit:
                    return found
            hits, is_all = await self._descend(parents, level, wanted)
        hits.sort(key=lambda hit: hit.order)
        return Found(hits[offset:wanted], max(len(hits) - wanted, 0), at_least=not is_all)

    async def count(self) -> int:
        """The number of all hits."""
        lead = await self._lead()
        if lead is not None:
            parents, level = lead
            hits, _ = (parents, True) if level is self._level else await self._descend(parents, level, None)
            return len(hits)
        keep = self._filter(self._plan.walk)
        merge = Merge(self._streams(self._plan.walk, keep, frozenset(), self._effort.page, self._work), keep)
        count = 0
        while hits := await merge.take(self._effort.page):
            count += len(hits)
        return count

    async def _lead(self) -> tuple[list[Hit], Level] | None:
        """The hits, or what they lie under, and its level, if UIDs or a narrow condition lead there."""
        if self._plan.studies is not None:
            return await self._known(self._plan.studies, self._plan.series)
        if self._plan.narrow is None:
            return None
        collected = await self._collect(self._plan.narrow)
        return None if collected is None else (collected, self._plan.narrow.level)

    async def _walk(self, offset: int, limit: int, work: Work) -> tuple[Found, bool]:
        """One page met while walking newest first, and whether it surely is the newest."""
        source = self._plan.walk
        keep = self._filter(source)
        needs = self._needs[self._level]
        covered = needs <= _COVERED[self._level] and offset < self._effort.deep
        size = self._page_size(offset + limit + 1, len(self._rows.shards) * len(source.ranges))
        merge = Merge(self._streams(source, keep, needs if covered else frozenset(), size, work), keep)
        while offset and (skipped := await merge.take(min(offset, self._effort.deep))):
            offset -= len(skipped)
        hits = await merge.take(limit + 1)
        if len(hits) <= limit:
            return Found(hits), merge.certain
        more, is_all = merge.rest()
        return Found(hits[:limit], more + 1, at_least=not is_all), merge.certain

    def _streams(self, source: Source, keep: Filter, needs: frozenset[str], size: int, work: Work) -> list[Stream]:
        level = source.level
        select = sorted((keep.needs[level] | needs) & _COVERED[level])
        return [
            Stream(self._rows, shard, level, key_range, select=select, size=size, max_size=self._effort.page, work=work)
            for shard in self._rows.shards
            for key_range in source.ranges
        ]

    def _page_size(self, wanted: int, streams: int) -> int:
        """How many rows to read of each stream at first, so that all together hold those wanted, most of the time."""
        share = -(-wanted // max(streams, 1))
        return min(share + (4 * isqrt(share) if streams > 1 else 0) + self._effort.spare, self._effort.page)

    def _filter(self, source: Source | None = None, levels: Sequence[Level] = tuple(Level)) -> Filter:
        answered = None if source is None else source.answers
        return Filter(each for each in self._plan.conditions if each is not answered and each.attribute.level in levels)

    async def _known(self, studies: Sequence[str], series: Sequence[str] | None) -> tuple[list[Hit], Level]:
        """The studies or series of these UIDs that pass the conditions on them."""
        if series is None:
            hits, level = [Hit((study,)) for study in studies], Level.STUDY
        else:
            hits, level = [Hit((study, each)) for study in studies for each in series], Level.SERIES
        keep = self._filter(levels=_down_to(level))
        is_result = level is self._level
        needs = {at: self._needs[at] | keep.needs[at] for at in _down_to(level)}
        if is_result:
            needs[level] |= {_CREATED[level]}
        hits = await keep.passing(await self._rows.load(hits, needs), self._rows)
        if is_result:
            for hit in hits:
                hit.sort_by(cast(int, hit.row(level).properties[_CREATED[level]]))
        return hits, level

    async def _collect(self, source: Source) -> list[Hit] | None:
        """What a condition's search rows lead to and the other conditions on it let through; None when that is much."""
        found: dict[str, Hit] = {}

        async def drain(stream: Stream, keep: Filter) -> None:
            while not stream.ended and len(found) <= self._effort.few:
                await stream.fill(keep)
                found.update((hit.order, hit) for hit in stream.hits)
                stream.hits.clear()

        parts = [(part, self._filter(part, _down_to(part.level))) for part in (source, source.besides) if part is not None]
        streams = [(each, keep) for part, keep in parts for each in self._streams(part, keep, frozenset(), self._effort.page, self._work)]
        await together(drain(*each) for each in streams)
        return None if len(found) > self._effort.few else list(found.values())

    async def _descend(self, parents: list[Hit], level: Level, wanted: int | None) -> tuple[list[Hit], bool]:
        """What lies under studies or series, as long as it can be among the newest; and whether it is all."""
        below = [at for at in _down_to(self._level) if at > level]
        keep = self._filter(levels=below)
        if len(parents) > 1:
            parents = await self._rows.load(parents, {level: frozenset(("top",))})
            parents.sort(key=lambda hit: _top(hit, level), reverse=True)
        found: list[Hit] = []
        for start in range(0, len(parents), self._effort.at_once):
            if wanted is not None and len(found) > wanted:
                horizon = newest(_top(parents[start], level))  # everything under the rest is older
                if sum(hit.order < horizon for hit in found) > wanted:
                    return found, False
            chunk = parents[start : start + self._effort.at_once]
            for children in await together(self._children(parent, level, keep) for parent in chunk):
                found += await keep.passing(children, self._rows)
        return found, True

    async def _children(self, parent: Hit, level: Level, keep: Filter) -> list[Hit]:
        """The series or instances under a study or series, with the rows read on the way."""
        needs = {at: (self._needs[at] | keep.needs[at]) - {_METADATA} for at in Level}
        if self._level is Level.SERIES:
            return await self._scan(parent, Level.SERIES, series_of(parent.uids[0]), needs)
        instances = self._scan(parent, Level.INSTANCE, instances_of(*parent.uids), needs)
        if level is Level.SERIES or not needs[Level.SERIES]:
            return await instances
        series = self._scan(parent, Level.SERIES, series_of(parent.uids[0]), needs)
        hits, of_series = await asyncio.gather(instances, series)
        rows = {each.uids[1]: each.row(Level.SERIES) for each in of_series}
        for hit in hits:
            hit.rows[Level.SERIES - 1] = rows.get(hit.uids[1])
        return hits

    async def _scan(self, parent: Hit, level: Level, key_range: KeyRange, needs: Needs) -> list[Hit]:
        created = _CREATED[level]
        select = sorted(needs[level] | {created})
        hits = []
        async for page in self._rows.scan(self._rows.shard(parent.uids[0]), key_range, select=select):
            for row in page:
                hit = Hit(tuple(row.row_key.split("|")[1:]), rows=list(parent.rows))
                hit.rows[level - 1] = row
                hit.sort_by(cast(int, row.properties[created]))
                hits.append(hit)
        return hits


def _down_to(level: Level) -> tuple[Level, ...]:
    """The levels from the study down to this one."""
    return tuple(at for at in Level if at <= level)


def _top(hit: Hit, level: Level) -> int:
    return cast(int, hit.row(level).properties["top"])
