from __future__ import annotations

from dataclasses import replace

import pytest

from dicom_core.index.rows import (
    INSTANCE_SUMMARY,
    InstanceRow,
    Metadata,
    OriginalVersion,
    SeriesRow,
    StudyRow,
    fits_in_row,
    pack_metadata,
    unpack_metadata,
)
from dicom_core.storage.ports import MAX_PROPERTY_BYTES, Row
from tests.index.factories import instance_row


def test_study_rows_survive_storage() -> None:
    row = StudyRow("1.2", 5, 9, 11, 7, 2, ("1.2.1", "1.2.1.1"), {"CT": 1, "MR": 1}, b'{"a":1}', b"{}")
    assert StudyRow.of(Row("S|1.2", dict(row.properties()), "e")) == row


def test_series_rows_survive_storage() -> None:
    row = SeriesRow("1.2", "1.3", 5, 9, 7, "1.3.1", "CT", b'{"a":1}', b"{}")
    assert SeriesRow.of(Row("E|1.2|1.3", dict(row.properties()), "e")) == row


@pytest.mark.parametrize("size", [0, 1, 60 * 1024, 60 * 1024 + 1, 256 * 1024])
def test_instance_rows_survive_storage_with_metadata_of_any_size(size: int) -> None:
    row = replace(
        instance_row("1", "2", "3"), metadata=Metadata(bytes(range(256)) * (size // 256) + b"x" * (size % 256)), frames=2, layout=b"l"
    )
    properties = row.properties()
    assert all(len(value) <= MAX_PROPERTY_BYTES for value in properties.values() if isinstance(value, bytes))
    assert InstanceRow.of(Row("I|1|2|3", dict(properties), "e")) == row


def test_instance_rows_may_be_read_without_metadata() -> None:
    row = instance_row("1", "2", "3")
    read = {name: value for name, value in row.properties().items() if name in INSTANCE_SUMMARY}
    assert InstanceRow.of(Row("I|1|2|3", read, "e")) == replace(row, metadata=None)


def test_an_instance_names_all_of_its_blobs() -> None:
    row = replace(instance_row("1", "2", "3", blob="file"), metadata=Metadata(blob="file.json"), layout_blob="file.layout")
    assert row.blobs == ("file", "file.layout", "file.json")
    assert instance_row("1", "2", "3", blob="file").blobs == ("file",)


def test_metadata_is_packed_and_unpacked() -> None:
    assert unpack_metadata(pack_metadata(b'{"00100010":{"vr":"PN"}}')) == b'{"00100010":{"vr":"PN"}}'


def test_large_packed_metadata_does_not_fit_in_a_row() -> None:
    assert fits_in_row(bytes(256 * 1024))
    assert not fits_in_row(bytes(256 * 1024 + 1))


_ORIGINAL = OriginalVersion(3, "1.2.840.10008.1.2.4.90", "first", 9, 2, b"l", "first.frames", Metadata(bytes(70_000), "first.json"))


def test_original_versions_survive_storage() -> None:
    row = replace(instance_row("1", "2", "3", version=8), original=_ORIGINAL)
    read = InstanceRow.of(Row("I|1|2|3", dict(row.properties()), "e"))
    assert read == row
    first = read.first_version
    assert (first.version, first.transfer_syntax, first.blob, first.size) == (3, "1.2.840.10008.1.2.4.90", "first", 9)
    assert (first.frames, first.layout, first.metadata, first.original) == (2, b"l", _ORIGINAL.metadata, None)


def test_the_only_version_is_the_first() -> None:
    row = instance_row("1", "2", "3")
    assert row.first_version is row


def test_summaries_tell_of_the_original_version() -> None:
    row = replace(instance_row("1", "2", "3"), original=_ORIGINAL)
    read = {name: value for name, value in row.properties().items() if name in INSTANCE_SUMMARY}
    assert InstanceRow.of(Row("I|1|2|3", read, "e")) == replace(row, metadata=None, original=replace(_ORIGINAL, metadata=None))


def test_blobs_of_both_versions_belong_to_the_row() -> None:
    row = replace(instance_row("1", "2", "3", blob="now"), layout_blob="first.frames", original=_ORIGINAL)
    assert row.blobs == ("now", "first.frames", "first", "first.json")
