"""Deleting studies, series and instances."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, cast

from dicom_core.dicom.document import fragments
from dicom_core.errors import BackendError, NotFoundError
from dicom_core.identifiers import Identifiers, Partition
from dicom_core.index.changes import Deleted, NotDue, Outdated, Successor, Whole, delete_instances
from dicom_core.index.index import Index
from dicom_core.index.keys import INDEX_TABLE, instance_key, instances_of, series_key, series_of, study_key
from dicom_core.index.metadata import read_metadata
from dicom_core.index.rows import INSTANCE_SUMMARY, InstanceRow, SeriesRow, StudyRow
from dicom_core.index.summary import Summary
from dicom_core.storage.ports import BlobNotFound, Row

__all__ = ["DeleteService"]

_PORTION: Final = 36  # rows of instances and series in one change, so that the study's fit too, or several changes fill a batch
_INSTANCE_ROWS: Final = 3  # of an instance and its search rows
_SERIES_ROWS: Final = 6
_ATTEMPTS: Final = 10
_TOO_FAST: Final = "The resource is changing too fast to be deleted; please try again."
_COLUMNS: Final = (*INSTANCE_SUMMARY, "meta_blob", "original_meta_blob")


@dataclass(frozen=True, slots=True)
class _Plan:
    """Everything that a delete was planned on: the instance rows to go, oldest first, and other rows that it has read."""

    rows: list[Row]
    known: dict[str, Row]
    whole: Whole | None = None
    of_study: Successor | None = None
    of_series: Successor | None = None


class DeleteService:
    """Deletes what a URL names; the files themselves go after the answer."""

    def __init__(self, index: Index) -> None:
        self._index = index

    async def delete(self, partition: Partition, ids: Identifiers) -> None:
        """Delete a study, a series or an instance, with one change feed event per instance.

        Raises:
            NotFoundError: nothing is stored under the identifiers.
        """
        if not await self._delete(partition, ids):
            raise NotFoundError(f"The specified {_level(ids)} was not found.")

    async def expire(self, partition: Partition, study: str, now: int) -> int:
        """Delete a study that expires by `now`, in microseconds since 1970, and return the number of its instances.

        A store before the first commit may put that off. After it, what the study had until then goes, and what comes stays.
        """
        try:
            return await self._delete(partition, Identifiers(study), now)
        except NotDue:
            return 0

    async def _delete(self, partition: Partition, ids: Identifiers, due: int | None = None) -> int:
        key = self._index.partition_key(partition, ids.study)
        deleted = 0
        doomed: int | None = None  # version up to which everything goes, once that is settled
        for _ in range(_ATTEMPTS):
            plan = await self._plan(key, ids, doomed, due)
            if plan is None:
                return deleted
            outcomes, is_all = await self._carry_out(partition, key, plan)
            gone = sum(outcome.count for outcome in outcomes)
            deleted += gone
            doomed = max((outcome.doomed for outcome in outcomes if outcome.doomed is not None), default=doomed)
            if is_all and gone and (plan.whole is None or doomed is None or doomed <= plan.whole.top):
                return deleted  # where others have deleted all that was planned, something else may be there by now
        raise BackendError(_TOO_FAST)

    async def _carry_out(self, partition: Partition, key: str, plan: _Plan) -> tuple[list[Deleted], bool]:
        """Delete what is planned, and tell whether nothing came in between."""
        lane = self._index.lane(key)
        changes = [
            delete_instances(partition.name, rows, known=plan.known, whole=plan.whole, of_study=plan.of_study, of_series=plan.of_series)
            for rows in _portions(plan.rows)
        ]
        outcomes = await asyncio.gather(*map(lane.commit, changes), return_exceptions=True)
        failures = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
        for failure in failures:
            if not isinstance(failure, Outdated):
                raise failure
        return [outcome for outcome in outcomes if isinstance(outcome, Deleted)], not failures

    async def _plan(self, key: str, ids: Identifiers, doomed: int | None, due: int | None) -> _Plan | None:
        """Read what a delete needs to know; None when there is nothing to delete."""
        if ids.instance is not None and ids.series is not None:
            return await self._plan_instance(key, ids.study, ids.series, ids.instance)
        rows = await self._rows(key, *instances_of(ids.study, ids.series))
        rows = [row for row in rows if doomed is None or _version(row) <= doomed]
        if not rows:
            return None
        rows.sort(key=_version)  # the newest go last, so that nobody has to take their place on the way
        whole = Whole(ids.series, _version(rows[-1]), due)
        if ids.series is None:
            return _Plan(rows, {}, whole)
        known = await self._index.tables.get_many(INDEX_TABLE, key, [study_key(ids.study), series_key(ids.study, ids.series)])
        return _Plan(rows, known, whole, await self._heir_of_study(key, ids.study, known, ids.series))

    async def _plan_instance(self, key: str, study: str, series: str, instance: str) -> _Plan | None:
        tables = self._index.tables
        row = await tables.get(INDEX_TABLE, key, instance_key(study, series, instance))
        if row is None:
            return None
        known = await tables.get_many(INDEX_TABLE, key, [study_key(study), series_key(study, series)])
        series_row, study_row = known.get(series_key(study, series)), known.get(study_key(study))
        if series_row is None or study_row is None:
            return _Plan([row], known)  # deleted or changed meanwhile: the commit will tell
        of_series = of_study = None
        parent = SeriesRow.of(series_row)
        if parent.newest == instance and parent.instances > 1:
            rows = await self._rows(key, *instances_of(study, series))
            others = [other for other in rows if other.row_key != row.row_key]
            if others:
                of_series = await self._successor(key, max(others, key=_version).row_key)
        if StudyRow.of(study_row).newest == (series, instance):
            others_heir = await self._heir_of_study(key, study, known, series)
            heirs = [heir for heir in (of_series, others_heir) if heir is not None]
            of_study = max(heirs, key=lambda heir: heir.version, default=None)
        return _Plan([row], known, None, of_study, of_series)

    async def _heir_of_study(self, key: str, study: str, known: dict[str, Row], leaving: str) -> Successor | None:
        """The newest instance outside the series `leaving`, if that series has the study's newest one."""
        study_row = known.get(study_key(study))
        if study_row is None or StudyRow.of(study_row).newest[0] != leaving or StudyRow.of(study_row).series == 1:
            return None
        series = map(SeriesRow.of, await self._rows(key, *series_of(study), columns=None))
        others = [row for row in series if row.series != leaving]
        if not others:
            return None
        heir = max(others, key=lambda row: row.top)
        return await self._successor(key, instance_key(study, heir.series, heir.newest))

    async def _successor(self, key: str, row_key: str) -> Successor | None:
        row = await self._index.tables.get(INDEX_TABLE, key, row_key)
        if row is None:
            return None
        heir = InstanceRow.of(row)
        try:
            metadata = await read_metadata(self._index.blobs, heir)
        except BlobNotFound:
            return None
        return Successor(heir.series, heir.instance, heir.version, Summary.of(fragments(metadata)))

    async def _rows(self, key: str, start: str, end: str, *, columns: Iterable[str] | None = _COLUMNS) -> list[Row]:
        select = None if columns is None else list(columns)
        return [row async for page in self._index.tables.scan(INDEX_TABLE, key, start, end, select=select) for row in page]


def _portions(rows: list[Row]) -> list[list[Row]]:
    """Instance rows in their order, in portions that fit in one batch with the rows of their series and study."""
    portions: list[list[Row]] = []
    series: set[str] = set()
    for row in rows:
        series.add(row.row_key.rpartition("|")[0])
        if not portions or _INSTANCE_ROWS * (len(portions[-1]) + 1) + _SERIES_ROWS * len(series) > _PORTION:
            portions.append([])
            series = {row.row_key.rpartition("|")[0]}
        portions[-1].append(row)
    if portions and len(portions[-1]) > 1:  # the last instance takes the study along, whose rows may fill a batch
        portions.append([portions[-1].pop()])
    return portions


def _version(row: Row) -> int:
    return cast(int, row.properties["version"])


def _level(ids: Identifiers) -> str:
    return "study" if ids.series is None else "series" if ids.instance is None else "instance"
