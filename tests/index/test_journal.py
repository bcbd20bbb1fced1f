from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicom_core.index.clock import Clock
from dicom_core.index.journal import Journal, JournalClosed, done_uploads, upload_number
from dicom_core.index.view import View
from dicom_core.storage.ports import Properties, Row


def opened() -> tuple[Journal, View]:
    journal = Journal("p~0", Clock().ulid())
    view = View({journal.key: None})
    journal.open(view)
    assert view.keep()
    return journal, view


def properties(view: View, journal: Journal) -> Properties:
    row = view.row(journal.key)
    assert row is not None
    return row.properties


def test_names_of_blobs_lead_back_to_their_upload() -> None:
    journal, _ = opened()
    for number in (0, 7, 4095):
        for name in (journal.blob_name(number), journal.blob_name(number) + ".json", journal.blob_name(number) + ".frames"):
            assert name.startswith(journal.prefix)
            assert upload_number(name, journal.prefix) == number


def test_journals_do_not_share_names() -> None:
    journals = [opened()[0] for _ in range(20)]
    assert all(one is other or not one.prefix.startswith(other.prefix) for one in journals for other in journals)


@given(st.lists(st.integers(0, 4095), max_size=20))
def test_a_journal_remembers_what_is_done(numbers: list[int]) -> None:
    journal, view = opened()
    for number in numbers:
        journal.done(view, number)
        assert view.keep()
    done = properties(view, journal)["done"]
    assert isinstance(done, bytes)
    assert done_uploads(done) == set(numbers)


@pytest.mark.parametrize("closed", [True, False], ids=["closed", "gone"])
def test_nothing_is_done_under_a_journal_that_the_sweeper_has_closed(closed: bool) -> None:
    journal, view = opened()
    row = Row(journal.key, {**properties(view, journal), "closed": True}, "1") if closed else None
    with pytest.raises(JournalClosed):
        journal.done(View({journal.key: row}), 0)
