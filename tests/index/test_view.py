from __future__ import annotations

import pytest

from dicom_core.dicom.document import assemble
from dicom_core.index.events import Action, Event
from dicom_core.index.rows import SeriesRow
from dicom_core.index.search_rows import search_rows
from dicom_core.index.view import View
from dicom_core.storage.ports import MAX_BATCH_ROWS, Delete, Insert, Operation, Properties, Replace, Row, StorageError, Upsert
from tests.index.factories import instance_row, metadata


def series(created: int = 1, model: str | None = "M") -> Properties:
    return SeriesRow("1", "2", created, created, 1, "3", "", assemble(metadata(ManufacturerModelName=model)), b"{}").properties()


KEY = "E|1|2"


def kinds(operations: list[Operation]) -> list[tuple[str, str]]:
    return sorted((type(operation).__name__, operation.row_key.split("|")[0]) for operation in operations)


def test_a_new_row_is_inserted_with_its_search_rows() -> None:
    view = View({KEY: None})
    view.put(KEY, series())
    assert view.keep()
    operations = view.operations()
    assert operations[0] == Insert(KEY, series())
    assert {operation.row_key for operation in operations[1:]} == set(search_rows(KEY, series()))
    assert all(isinstance(operation, Insert) for operation in operations)


def test_a_changed_row_is_replaced_under_its_etag_and_its_search_rows_follow() -> None:
    view = View({KEY: Row(KEY, dict(series(model="M")), "7")})
    view.put(KEY, series(model="N"))
    assert view.keep()
    operations = view.operations()
    assert operations[0] == Replace(KEY, series(model="N"), "7")
    old, new = search_rows(KEY, series(model="M")), search_rows(KEY, series(model="N"))
    assert [operation.row_key for operation in operations if isinstance(operation, Delete)] == list(old.keys() - new.keys())
    assert [operation.row_key for operation in operations if isinstance(operation, Insert)] == list(new.keys() - old.keys())
    assert {operation.row_key for operation in operations if isinstance(operation, Upsert)} == old.keys() & new.keys()


def test_search_rows_that_stay_the_same_are_not_written() -> None:
    view = View({KEY: Row(KEY, dict(series()), "7")})
    view.put(KEY, {**series(), "instances": 2})
    assert view.keep()
    assert kinds(view.operations()) == [("Replace", "E")]


def test_a_row_put_and_removed_in_one_batch_needs_nothing() -> None:
    view = View({KEY: None})
    view.put(KEY, series())
    assert view.keep()
    view.remove(KEY)
    assert view.keep()
    assert view.operations() == []


def test_a_row_removed_and_put_again_in_one_batch_is_replaced() -> None:
    view = View({KEY: Row(KEY, dict(series(created=1)), "7")})
    view.remove(KEY)
    assert view.keep()
    assert view.row(KEY) is None
    view.put(KEY, series(created=2))
    assert view.keep()
    assert kinds(view.operations()).count(("Replace", "E")) == 1
    assert {operation.row_key for operation in view.operations()} == {KEY, *search_rows(KEY, series(1)), *search_rows(KEY, series(2))}


def test_discarded_changes_leave_no_trace() -> None:
    view = View({KEY: None})
    view.put(KEY, series())
    view.event(Event(Action.CREATE, "p", "1", "2", "3", 4))
    view.unlink(["blob"])
    view.discard()
    assert view.row(KEY) is None
    assert view.keep()
    assert (view.operations(), view.events, view.blobs) == ([], [], [])


def test_kept_changes_are_what_later_ones_see() -> None:
    view = View({KEY: None})
    view.put(KEY, series(created=3))
    assert view.keep()
    view.put(KEY, series(created=4))
    view.discard()
    row = view.row(KEY)
    assert row is not None
    assert row.properties["created"] == 3


def test_a_change_that_finds_no_room_is_not_kept() -> None:
    view = View({f"J|{number}": None for number in range(MAX_BATCH_ROWS)})
    kept = 0
    for number in range(MAX_BATCH_ROWS):
        view.put(f"J|{number}", {})
        kept += view.keep()
    assert kept == len(view.operations()) == 96


def test_a_batch_is_bounded_in_bytes() -> None:
    rows = [f"I|1|2|{number}" for number in range(40)]
    view = View(dict.fromkeys(rows))
    properties = {**instance_row("1", "2", "3").properties(), **{f"meta{piece}": bytes(60 * 1024) for piece in range(4)}}
    kept = 0
    for key in rows:
        view.put(key, properties)
        kept += view.keep()
    assert kept == 10  # of 240 KiB each: with base 64 and all around it within 4 MiB


def test_a_value_that_no_row_can_hold_is_refused() -> None:
    view = View({KEY: None})
    view.put(KEY, {**series(), "latest": bytes(64 * 1024 + 1)})
    with pytest.raises(StorageError):
        view.keep()
