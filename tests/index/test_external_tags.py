from __future__ import annotations

import asyncio

import pytest

from dicom_core.errors import BadRequestError
from dicom_core.index.attributes import Attribute, Level
from dicom_core.index.external_tags import ExternalTags
from dicom_core.storage.counting import CountingTables
from tests.index.factories import Storage

ONE, TWO = {"00191001": "LO"}, {"00191001": "LO", "00191002": "SH"}


async def test_the_first_use_settles_a_vr_for_every_process(storage: Storage) -> None:
    tags = ExternalTags(storage.tables)
    assert await tags.check(TWO) == ["00191001", "00191002"]
    assert await tags.attributes() == {}
    await tags.settle(ONE)
    await tags.settle(TWO)
    assert await tags.check(TWO) == []
    for each in (tags, ExternalTags(storage.tables)):
        for use in (each.check, each.settle):
            with pytest.raises(BadRequestError, match="00191001 has the VR LO, and cannot have SH"):
                await use({"00191003": "LO", "00191001": "SH"})
        assert await each.check({"00191003": "LO"}) == ["00191003"], "all or none"


async def test_they_are_attributes_of_studies(storage: Storage) -> None:
    await ExternalTags(storage.tables).settle({"001910FF": "PN", "FFFD1001": "SS"})
    assert await ExternalTags(storage.tables).attributes() == {
        "001910FF": Attribute("", "001910FF", "PN", Level.STUDY, external=True),
        "FFFD1001": Attribute("", "FFFD1001", "SS", Level.STUDY, external=True),
    }


async def test_of_many_first_uses_at_once_one_counts(storage: Storage) -> None:
    services = [ExternalTags(storage.tables) for _ in range(8)]
    vrs = ["LO", "SH", "PN", "CS"] * 2
    uses = [
        service.settle({"00191001": vr, f"0019{0x1100 + number:04X}": vr})
        for number, (service, vr) in enumerate(zip(services, vrs, strict=True))
    ]
    outcomes = await asyncio.gather(*uses, return_exceptions=True)
    settled = await ExternalTags(storage.tables).attributes()
    winner = settled["00191001"].vr
    assert [outcome is None for outcome in outcomes] == [vr == winner for vr in vrs]
    assert {attribute.vr for attribute in settled.values()} == {winner}, "those refused have settled nothing"


async def test_what_is_known_is_not_read_again(storage: Storage) -> None:
    tables = CountingTables(storage.tables)
    tags = ExternalTags(tables)
    await tags.settle(TWO)
    await tags.check(TWO)
    tables.reset()
    await tags.settle(TWO)
    assert tables.total == 0
