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
from dicom_core.index.rows import NO_ATTRIBUTES, InstanceRow, SeriesRow, StudyRow
from dicom_core.index.search_rows import MAX_EXTERNAL_ROWS, external_values
from dicom_core.index.summary import Summary, inherit, merge, modality_of
from dicom_core.index.view import View
from dicom_core.storage.ports import Row, StorageError

__all__ = ["PLAIN_TERMS", "Deleted", "NotDue", "Outdated", "Stored", "Successor", "Terms", "Whole", "delete_instances", "store_instance"]


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


@dataclass(frozen=True, slots=True)
class Whole:
    """A delete of a whole study, or of a series of it, that may take several changes; `top` is the highest version found.

    The first of them to be committed dooms what there is at that moment. So the delete has come before every later store:
    that finds the study or series as if the doomed instances had gone already. With `due`, in microseconds since 1970,
    the study is doomed only if it expires by then.
    """

    series: str | None
    top: int
    due: int | None = None


@dataclass(frozen=True, slots=True)
class Deleted:
    """How many instances a change has deleted, and up to which version all of the study or series are doomed."""

    count: int
    doomed: int | None = None


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
        found = view.row(instance_row)
        if found is not None and found.properties["blob"] == row.blob:
            return Stored.CREATED  # an attempt before this one was committed, though its answer was lost
        journal.done(view, upload)
        study = view.row(study_row)
        old_study = StudyRow.of(study) if study is not None else None
        series = view.row(series_row)
        old_series = SeriesRow.of(series) if series is not None else None
        doomed = max(old_study.doomed if old_study else 0, old_series.doomed if old_series else 0)
        existing = InstanceRow.of(found) if found is not None else None
        if existing is not None and existing.version > doomed and not terms.replaces:
            view.unlink(row.blobs)
            return Stored.EXISTED
        if existing is not None:
            view.unlink(existing.blobs)
            if existing.version <= doomed:
                view.event(Event(Action.DELETE, partition, row.study, row.series, row.instance, existing.version))
        version = max(row.version, old_study.last + 1 if old_study else 0)
        more = 0 if existing is not None else 1
        new_series = _grown_series(old_series, doomed, row, version, summary, more)
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
    whole: Whole | None = None,
    of_study: Successor | None = None,
    of_series: Successor | None = None,
) -> Change[Deleted]:
    """Delete instances of one study, given as instance rows, alone or as part of a delete of the `whole` study or series.

    `known` holds study and series rows that were read anyway. The successors take over from deleted newest instances.

    Raises (from the commit):
        Outdated: an instance has been replaced, or a successor is needed and not given, or is itself gone.
        NotDue: the study does not expire by then.
    """
    planned = [InstanceRow.of(row) for row in rows]
    study = planned[0].study
    keys = {row.row_key: row for row in rows}
    series_keys = {series_key(study, row.series) for row in planned}
    heirs = {instance_key(study, heir.series, heir.instance) for heir in (of_study, of_series) if heir is not None}

    def apply(view: View) -> Deleted:
        found = [row for row in map(view.row, keys) if row is not None]
        if not found:
            return Deleted(0)
        doomed = _doom(view, study, whole) if whole is not None else None
        count = 0
        for row in found:
            deleted = InstanceRow.of(row)
            if doomed is not None and deleted.version > doomed:
                continue  # it was stored again meanwhile
            if deleted.version != keys[row.row_key].properties["version"]:
                raise Outdated  # the successors are those of the version before
            count += 1
            view.remove(row.row_key)
            view.unlink(deleted.blobs)
            view.event(Event(Action.DELETE, partition, study, deleted.series, deleted.instance, deleted.version))
            _shrink(view, deleted, of_study, of_series)
        return Deleted(count, doomed)

    return Change(apply, reads=(study_key(study), *series_keys, *keys, *heirs), known={**known, **keys})


def _doom(view: View, study: str, whole: Whole) -> int:
    """The version up to which a study or series is doomed, from now on if this is the first change of its delete."""
    study_row = view.row(study_key(study))
    series_row = view.row(series_key(study, whole.series)) if whole.series is not None else None
    if study_row is None or (series_row is None and whole.series is not None):
        raise Outdated
    old = StudyRow.of(study_row)
    if series_row is None:
        if old.doomed < whole.top:
            if whole.due is not None and not 0 < old.expires <= whole.due:
                raise NotDue
            old = replace(old, doomed=old.top)
            view.put(study_row.row_key, old.properties())
        return old.doomed
    series = SeriesRow.of(series_row)
    doomed = max(old.doomed, series.doomed)
    if doomed < whole.top:
        doomed = series.top
        view.put(series_row.row_key, replace(series, doomed=doomed).properties())
    if old.series == 1:  # so the study goes with it
        view.put(study_row.row_key, replace(old, doomed=doomed).properties())
    return doomed


def _grown_series(old: SeriesRow | None, doomed: int, row: InstanceRow, version: int, summary: Summary, more: int) -> SeriesRow:
    past = old if old is not None and old.top > doomed else None
    return SeriesRow(
        study=row.study,
        series=row.series,
        created=past.created if past else version,
        top=version,
        instances=(old.instances if old else 0) + more,
        newest=row.instance,
        modality=modality_of(summary.series) or (past.modality if past else ""),
        document=merge(past.document if past else b"", summary.series),
        latest=summary.series_latest,
        doomed=old.doomed if old else 0,
    )


def _grown_study(old: StudyRow | None, row: InstanceRow, version: int, summary: Summary, more: int) -> StudyRow:
    past = old if old is not None and old.top > old.doomed else None
    return StudyRow(
        study=row.study,
        created=past.created if past else version,
        top=version,
        last=version,
        instances=(old.instances if old else 0) + more,
        series=old.series if old else 0,
        newest=(row.series, row.instance),
        modalities=old.modalities if old else {},
        document=merge(past.document if past else b"", summary.study),
        latest=summary.study_latest,
        external=past.external if past else NO_ATTRIBUTES,
        doomed=old.doomed if old else 0,
    )


def _under_terms(study: StudyRow, terms: Terms) -> StudyRow:
    """The study as the terms of its latest store leave it."""
    external = study.external
    if terms.external:
        external = assemble({**fragments(external), **terms.external})
        if len(external_values(external)) > MAX_EXTERNAL_ROWS:
            raise StorageError("too many external attributes in one study")
    expires = min(study.top + terms.lifetime, _LATEST) if terms.lifetime else 0  # a version is a time
    return replace(study, expires=expires, external=external)


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
