"""Requests on the same studies at once, in two processes: some order of them explains every answer and what is left."""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest

from dicom_core.delete.service import DeleteService
from dicom_core.dicom.document import first_text, fragments
from dicom_core.errors import NotFoundError
from dicom_core.identifiers import Identifiers
from dicom_core.index.changes import Stored, Terms
from dicom_core.index.index import Index
from dicom_core.index.keys import INDEX_TABLE
from dicom_core.index.rows import InstanceRow, SeriesRow, StudyRow
from dicom_core.index.sweeper import sweep
from tests.crashes.serial_order import Request, Studies, explained
from tests.feed_rows import rows_of
from tests.index.factories import PARTITION, Storage, element, metadata, open_storage, store
from tests.invariants import check_invariants

_OF_STUDY = ("PatientID", "StudyDescription")
_EXTERNAL = ("00191001", "00191002")
_OF_SERIES = ("Modality", "ManufacturerModelName")
_TAGS = {next(iter(metadata(**{keyword: "x"}))): keyword for keyword in (*_OF_STUDY, *_OF_SERIES)}


async def carry_out(index: Index, request: Request) -> bool:
    """Send a request; whether it stored or deleted anything."""
    if request.deletes:
        try:
            await DeleteService(index).delete(PARTITION, Identifiers(*request.ids))
        except NotFoundError:
            return False
        return True
    study, series, instance = request.ids
    external = {tag: element("LO", value) for tag, value in request.of_study.items() if tag in _EXTERNAL}
    attributes = {keyword: value for keyword, value in {**request.of_study, **request.of_series}.items() if keyword not in _EXTERNAL}
    terms = Terms(replaces=request.replaces, external=external)
    return await store(index, study, series, instance, PARTITION, terms, **attributes) is Stored.CREATED


def chosen(chance: random.Random, study: str) -> Request:
    """A request on a study of two or three series."""
    ids = (study, f"2.{chance.randrange(3)}", f"3.{chance.randrange(4)}")
    if chance.random() < 0.45:
        return Request(ids[: chance.choice([1, 1, 2, 2, 3])], deletes=True)
    some = {keyword: chance.choice("AB") for keyword in (*_OF_STUDY, *_EXTERNAL) if chance.random() < 0.4}
    return Request(
        ids,
        replaces=chance.random() < 0.3,
        of_study=some,
        of_series={keyword: chance.choice("CD") for keyword in _OF_SERIES if chance.random() < 0.4},
    )


async def what_is_seen(storage: Storage, study: str) -> tuple[object, ...]:
    """As `Studies.seen`, from the rows of some studies."""
    rows = [row for shard in range(storage.shards) for row in await rows_of(storage.tables, INDEX_TABLE, f"microsoft.default~{shard}")]
    of_it = [row for row in rows if row.row_key[0] in "SEI" and row.row_key.split("|")[1] == study]
    shown: dict[tuple[str, ...], tuple[tuple[str, str], ...]] = {}
    for row in of_it:
        if row.row_key[0] == "I":
            continue
        level = tuple(row.row_key.split("|")[1:])
        found = fragments(StudyRow.of(row).document if len(level) == 1 else SeriesRow.of(row).document)
        values = {_TAGS[tag]: str(first_text(found[tag])) for tag in found if tag in _TAGS}
        if len(level) == 1:
            values |= {tag: str(first_text(value)) for tag, value in fragments(StudyRow.of(row).external).items()}
        shown[level] = tuple(sorted(values.items()))
    instances = {(each.study, each.series, each.instance) for each in (InstanceRow.of(row) for row in of_it if row.row_key[0] == "I")}
    return instances, shown, [level for level in shown if len(level) == 1]


@pytest.mark.parametrize("shards", [1, 8])
async def test_some_order_explains_requests_at_once(tmp_path: Path, shards: int) -> None:
    chance = random.Random(shards)
    async with open_storage(tmp_path, shards) as storage:
        indexes = [storage.index(), storage.index()]
        for number in range(12):
            study = f"1.{number}"
            first = [
                Request(
                    (study, f"2.{each % 2}", f"3.{each}"),
                    of_study=dict.fromkeys((*_OF_STUDY, *_EXTERNAL), "O"),
                    of_series=dict.fromkeys(_OF_SERIES, "O"),
                )
                for each in range(chance.choice([2, 30, 60]))
            ]
            before = Studies()
            for request in first:
                before, _ = before.after(request)
            await asyncio.gather(*(carry_out(indexes[0], request) for request in first))
            ticks = count()

            async def run(request: Request, index: Index, pause: float, ticks: count[int] = ticks) -> Request:
                await asyncio.sleep(pause)
                start = next(ticks)
                answer = await carry_out(index, request)
                return replace(request, answer=answer, start=start, end=next(ticks))

            requests = [chosen(chance, study) for _ in range(7)]
            done = await asyncio.gather(*(run(request, chance.choice(indexes), chance.random() * 0.02) for request in requests))
            assert explained(before, done, await what_is_seen(storage, study)), done
        for index in indexes:
            await index.close()
        await sweep(indexes[0], [PARTITION], outbox_age=0, journal_age=0)
        await check_invariants(storage.tables, storage.blobs, shards, replacing=True)
