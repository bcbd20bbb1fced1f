"""Lookups in the data dictionary."""

from __future__ import annotations

import pytest

from dicom_core.dicom.vr_dictionary import LONG_LENGTH_VRS, SHORT_LENGTH_VRS, lookup, private_block, vr_of


def test_entries() -> None:
    entry = lookup(0x00100010)
    assert entry is not None
    assert (entry.vr, entry.keyword) == ("PN", "PatientName")
    assert lookup(0x60020010) is not None  # a repeating group
    assert lookup(0x00091001) is None
    assert lookup(0x00100011) is None


@pytest.mark.parametrize(
    ("tag", "allowed", "refused"),
    [
        (0x00100010, [0, 1], [2]),  # 1
        (0x00280030, [0, 2], [1, 3]),  # 2
        (0x00080008, [0, 2, 3, 9], [1]),  # 2-n
        (0x00080005, [0, 1, 5], []),  # 1-n
        (0x00180021, [0, 1, 7], []),  # 1-n
        (0x00181600, [0, 1, 2, 3], [4]),  # 1-3
        (0x00181620, [0, 2, 4, 6], [1, 3]),  # 2-2n
        (0x00081162, [0, 3, 6], [1, 2, 4]),  # 3-3n
    ],
)
def test_multiplicities(tag: int, allowed: list[int], refused: list[int]) -> None:
    entry = lookup(tag)
    assert entry is not None
    assert all(map(entry.allows, allowed))
    assert not any(map(entry.allows, refused))


@pytest.mark.parametrize(
    ("tag", "vr"),
    [(0x00100010, "PN"), (0x00100000, "UL"), (0x00090010, "LO"), (0x00091001, "UN"), (0x00100011, "UN"), (0x00280106, "US or SS")],
)
def test_vrs_of_files_that_do_not_tell(tag: int, vr: str) -> None:
    assert vr_of(tag) == vr


@pytest.mark.parametrize(
    ("tag", "block"), [(0x00090010, 0x000910), (0x000900FF, 0x0009FF), (0x00091001, None), (0x00100010, None), (0x00090001, None)]
)
def test_private_blocks(tag: int, block: int | None) -> None:
    assert private_block(tag) == block


def test_every_vr_has_one_length_form() -> None:
    assert not SHORT_LENGTH_VRS.keys() & LONG_LENGTH_VRS.keys()
    assert len(SHORT_LENGTH_VRS | LONG_LENGTH_VRS) == 34
