"""The changes of the index: storing an instance and deleting instances, as pure functions of the rows they read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Final

from dicom_core.dicom.document import assemble, fragments
from dicom_core.index.events import Action, Event
from dicom_core.index.journal import Journal
from dicom_core.index.keys import instance_key, series_key, study_key
from dicom_core.index.lane import Change
from dicom_core.index.rows import InstanceRow, SeriesRow, StudyRow
from dicom_core.index.search_rows import MAX_EXTERNAL_ROWS, external_values
from dicom_core.index.summary import Summary, inherit, merge, modality_of
from dicom_core.index.view import View
from dicom_core.storage.ports import Row, StorageError

__all__ = ["PLAIN_TERMS", "NotDue", "Outdated", "Stored", "Successor", "Terms", "delete_instances", "store_instance"]


class Stored(Enum):
    """What became of an instance that was to be stored."""

    CREATED = "created"  # or replaced
    EXISTED = "existed"  # the file that was uploaded is thrown away


class Outdated(Exception):
    """The rows are no longer those that the change was planned on; plan again."""


class NotDue(Exception):
    """The study is not to be deleted at this time; a store has put it off."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What a store request lays down besides its files.

    `replaces`: instances with the same identifiers give way. `lifetime` are the microseconds after which their studies are
    to be deleted, 0 for never. `external` are attributes of their studies, as fragments of a document.
    """

    replaces: bool = False
    lifetime: int = 0
    external: Mapping[str, bytes] = field(default_factory=dict)


PLAIN_TERMS: Final = Terms()

_LATEST: Final = (1 << 63) - 1  # time that a row can hold


@dataclass(frozen=True, slots=True)
class Successor:
    """Who becomes a study's or series' newest instance when the present one is deleted."""

    series: str
    instance: str
    version: int
    summary: Summary


def store_instance(
    partition: str, row: InstanceRow, summary: Summary, journal: Journal, upload: int, *, terms: Terms = PLAIN_TERMS
) -> Change[Stored]:
    """Store an instance whose file is uploaded, unless one with its identifiers is stored and not to be replaced.

    Its version becomes the highest that its study ever had, so that commit order is the order of versions. The terms
    take effect with it.

    Raises (from the commit):
        StorageError: the study would have more external attributes than can be indexed.
    """
    study_row, series_row = study_key(row.study), series_key(row.study, row.series)
    instance_row = instance_key(row.study, row.series, row.instance)

    def apply(view: View) -> Stored:
        existing = view.row(instance_row)
        if existing is not None and existing.properties["blob"] == row.blob:
            return Stored.CREATED  # an attempt before this one was committed, though its answer was lost
        journal.done(view, upload)
        if existing is not None and not terms.replaces:
            view.unlink(row.blobs)
            return Stored.EXISTED
        if existing is not None:
            view.unlink(InstanceRow.of(existing).blobs)
        study = view.row(study_row)
        old_study = StudyRow.of(study) if study is not None else None
        series = view.row(series_row)
        old_series = SeriesRow.of(series) if series is not None else None
        version = max(row.version, old_study.last + 1 if old_study else 0)
        more = 0 if existing is not None else 1
        new_series = _grown_series(old_series, row, version, summary, more)
        new_study = _grown_study(old_study, row, version, summary, more)
        new_study = _recount(_under_terms(new_study, terms), old_series, new_series)
        view.put(instance_row, replace(row, version=version).properties())
        view.put(series_row, new_series.properties())
        view.put(study_row, new_study.properties())
        view.event(Event(Action.CREATE, partition, row.study, row.series, row.instance, version))
        return Stored.CREATED

    parents = (study_row, series_row, journal.key)
    if terms.replaces:
        return Change(apply, reads=(*parents, instance_row))
    return Change(apply, reads=parents, expected_absent=(instance_row,))


def delete_instances(
    partition: str,
    rows: Sequence[Row],
    *,
    known: Mapping[str, Row],
    of_study: Successor | None = None,
    of_series: Successor | None = None,
    due: int | None = None,
) -> Change[int]:
    """Delete instances of one study, given as instance rows, and return how many were still there.

    `known` holds study and series rows that were read anyway. The successors take over from deleted newest instances.
    With `due`, in microseconds since 1970, they are deleted only if their study expires by then.

    Raises (from the commit):
        Outdated: an instance has been replaced, or a successor is needed and not given, or is itself gone.
        NotDue: the study does not expire by then.
    """
    found = [InstanceRow.of(row) for row in rows]
    study = found[0].study
    keys = {row.row_key: row for row in rows}
    series_keys = {series_key(study, row.series) for row in found}
    heirs = {instance_key(study, heir.series, heir.instance) for heir in (of_study, of_series) if heir is not None}

    def apply(view: View) -> int:
        if due is not None:
            _check_due(view.row(study_key(study)), due)
        count = 0
        for key, planned in keys.items():
            row = view.row(key)
            if row is None:
                continue
            if row.properties["version"] != planned.properties["version"]:
                raise Outdated  # the successors are those of the version before
            count += 1
            deleted = InstanceRow.of(row)
            view.remove(key)
            view.unlink(deleted.blobs)
            view.event(Event(Action.DELETE, partition, study, deleted.series, deleted.instance, deleted.version))
            _shrink(view, deleted, of_study, of_series)
        return count

    return Change(apply, reads=(study_key(study), *series_keys, *keys, *heirs), known={**known, **keys})


def _grown_series(old: SeriesRow | None, row: InstanceRow, version: int, summary: Summary, more: int) -> SeriesRow:
    document = merge(old.document if old else b"", summary.series)
    modality = modality_of(summary.series) or (old.modality if old else "")
    if old is None:
        return SeriesRow(row.study, row.series, version, version, 1, row.instance, modality, document, summary.series_latest)
    return replace(
        old,
        top=version,
        instances=old.instances + more,
        newest=row.instance,
        modality=modality,
        document=document,
        latest=summary.series_latest,
    )


def _grown_study(old: StudyRow | None, row: InstanceRow, version: int, summary: Summary, more: int) -> StudyRow:
    document = merge(old.document if old else b"", summary.study)
    newest = (row.series, row.instance)
    if old is None:
        return StudyRow(row.study, version, version, version, 1, 0, newest, {}, document, summary.study_latest)
    instances, latest = old.instances + more, summary.study_latest
    return replace(old, top=version, last=version, instances=instances, newest=newest, document=document, latest=latest)


def _under_terms(study: StudyRow, terms: Terms) -> StudyRow:
    """The study as the terms of its latest store leave it."""
    external = study.external
    if terms.external:
        external = assemble({**fragments(external), **terms.external})
        if len(external_values(external)) > MAX_EXTERNAL_ROWS:
            raise StorageError("too many external attributes in one study")
    expires = min(study.top + terms.lifetime, _LATEST) if terms.lifetime else 0  # a version is a time
    return replace(study, expires=expires, external=external)


def _check_due(row: Row | None, due: int) -> None:
    if row is None or not 0 < StudyRow.of(row).expires <= due:
        raise NotDue


def _recount(study: StudyRow, old: SeriesRow | None, new: SeriesRow | None) -> StudyRow:
    """The study with its number of series and its modalities after a series came, changed or went."""
    series = study.series + (new is not None) - (old is not None)
    before, after = old.modality if old else "", new.modality if new else ""
    modalities = study.modalities
    if before != after:
        modalities = dict(modalities)
        if after:
            modalities[after] = modalities.get(after, 0) + 1
        if before:
            modalities[before] -= 1
            if not modalities[before]:
                del modalities[before]
    return replace(study, series=series, modalities=modalities)


def _shrink(view: View, deleted: InstanceRow, of_study: Successor | None, of_series: Successor | None) -> None:
    """Take an instance out of its series and study rows, and these away with their last instance."""
    series_row, study_row = view.row(series_key(deleted.study, deleted.series)), view.row(study_key(deleted.study))
    if series_row is None or study_row is None:
        raise Outdated
    old = SeriesRow.of(series_row)
    series: SeriesRow | None = None
    if old.instances > 1:
        series = replace(old, instances=old.instances - 1)
        if old.newest == deleted.instance:
            heir = _heir(view, deleted, of_series)
            document, latest = inherit(old.document, heir.summary.series), heir.summary.series_latest
            series = replace(series, newest=heir.instance, top=heir.version, document=document, latest=latest)
    study = StudyRow.of(study_row)
    if study.instances > 1:
        if study.newest == (deleted.series, deleted.instance):
            heir = _heir(view, deleted, of_study)
            document, latest = inherit(study.document, heir.summary.study), heir.summary.study_latest
            study = replace(study, newest=(heir.series, heir.instance), top=heir.version, document=document, latest=latest)
        study = _recount(replace(study, instances=study.instances - 1), old, series)
        view.put(study_row.row_key, study.properties())
    else:
        view.remove(study_row.row_key)
    if series is not None:
        view.put(series_row.row_key, series.properties())
    else:
        view.remove(series_row.row_key)


def _heir(view: View, deleted: InstanceRow, successor: Successor | None) -> Successor:
    if successor is None or view.row(instance_key(deleted.study, successor.series, successor.instance)) is None:
        raise Outdated
    return successor
