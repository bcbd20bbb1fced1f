"""Searching by external attributes, which are kept in study rows and found by search rows of their own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
import pytest

from dicom_core.index.attributes import SEARCHABLE
from dicom_core.index.changes import Terms
from dicom_core.index.keys import exact
from dicom_core.search.plan import plan_search
from dicom_core.search.query import Query, parse_query
from dicom_core.search.resources import Resource
from dicom_core.store.service import StoreService
from tests.index.factories import element
from tests.search.archive import Archive
from tests.store.requests import file_of, files_of

A, B = "00191001", "00191002"
WARDS, NUMBERS = ("North", "south", "North West"), (1, 2)


async def fill(archive: Archive, studies: int) -> dict[str, dict[str, Any]]:
    """Studies with external attributes, some without; by UID, newest first."""
    values: dict[str, dict[str, Any]] = {}
    for number in range(studies):
        external: dict[str, Any] = {A: WARDS[number % 3]} if number % 4 else {}
        if number % 5:
            external[B] = NUMBERS[number % 2]
        study = f"1.{number}"
        terms = Terms(external={tag: element("LO" if tag == A else "IS", value) for tag, value in external.items()})
        file = file_of(study, f"{study}.1", f"{study}.1.1", PatientID=f"P{number % 2}")
        await StoreService(archive.index).store(archive.partition, files_of(file), study=None, lenient=True, terms=terms)
        values = {study: external, **values}
    return values


async def query(archive: Archive, raw: str) -> Query:
    return parse_query(Resource.STUDIES, raw, version=2, extra=await archive.service.external_attributes())


async def search(archive: Archive, raw: str) -> list[dict[str, Any]]:
    result = await archive.service.search(archive.partition, await query(archive, raw))
    assert result.complete
    return [orjson.loads(document) for document in result.documents]


SEARCHES: dict[str, Callable[[str, dict[str, Any]], bool]] = {
    f"{A}=NORTH": lambda study, external: external.get(A) == "North",
    f"{A}=north*": lambda study, external: external.get(A, "").startswith("North"),
    f"{A}=*t?": lambda study, external: external.get(A) in ("North", "south"),
    f"{B}=02": lambda study, external: external.get(B) == 2,
    f"{A}=south&{B}=1": lambda study, external: external == {A: "south", B: 1},
    f"{B}=1&PatientID=P0&{A}=*": lambda study, external: external.get(B) == 1 and int(study[2:]) % 2 == 0,
    f"{A}=nowhere": lambda study, external: False,
}


@pytest.mark.parametrize(("raw", "is_wanted"), SEARCHES.items(), ids=SEARCHES.keys())
async def test_studies_are_found_newest_first_with_what_was_matched(
    sharded: Archive, raw: str, is_wanted: Callable[[str, dict[str, Any]], bool]
) -> None:
    values = await fill(sharded, 13)
    expected = [study for study, external in values.items() if is_wanted(study, external)]
    found = await search(sharded, raw)
    assert [result["0020000D"]["Value"][0] for result in found] == expected
    for study, result in zip(expected, found, strict=True):
        shown = {tag: result[tag]["Value"][0] for tag in (A, B) if tag in result}
        assert shown == {tag: value for tag, value in values[study].items() if f"{tag}=" in raw}
        assert result["00190010"]["Value"] == ["Microsoft"]
    assert plan_search(await query(sharded, raw)).bounded == ("=*t" in raw), "search rows lead to it"
    pages = [await search(sharded, f"{raw}&limit=2&offset={offset}") for offset in range(0, len(expected) + 1, 2)]
    assert [result for page in pages for result in page] == found
    assert (await sharded.service.count(sharded.partition, await query(sharded, raw))).count == len(found)


async def test_all_shows_what_there_is(sharded: Archive) -> None:
    values = await fill(sharded, 6)
    for result in await search(sharded, "includefield=all"):
        external = values[result["0020000D"]["Value"][0]]
        assert {tag: result[tag]["Value"][0] for tag in (A, B) if tag in result} == external


async def test_the_same_tag_in_files_has_other_search_rows(archive: Archive) -> None:
    await fill(archive, 2)
    (source,) = plan_search(await query(archive, f"{A}=south")).walk.ranges
    assert source == exact(SEARCHABLE["00100020"].level, f"{A}m", "south")
