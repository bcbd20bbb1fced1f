"""Searches an archive of 20,000 studies, with each kind of condition: storage calls, and time in process."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import AsyncIterator, Iterator
from datetime import date, timedelta
from typing import Final
from urllib.parse import quote

from bench.counted import Bench, open_bench
from bench.images import uid, write_image

__all__ = ["print_searches"]

_STUDIES: Final = 20_000
_FIRST: Final = 100_000  # number of the first study: all have as many digits
_PER_REQUEST: Final = 200
_TOGETHER: Final = 4
_REPEATS: Final = 5
_MODALITIES: Final = (b"CT", b"MR", b"US", b"DX", b"PT")
_DESCRIPTIONS: Final = (b"Thorax", b"Kidney", b"Spines", b"Cranio")
_DAYS: Final = 3_650
_A_STUDY: Final = _FIRST + 12_345

_SEARCHES: Final = (
    ("everything, newest first", "studies?limit=100"),
    ("everything, from the 10,000th on", "studies?limit=100&offset=10000"),
    ("StudyInstanceUID", f"studies?StudyInstanceUID={uid(_A_STUDY)}"),
    ("StudyInstanceUID, a list of 50", "studies?StudyInstanceUID=" + ",".join(uid(_FIRST + 7 * each) for each in range(50))),
    ("PatientID", f"studies?PatientID=P{_A_STUDY}"),
    ("AccessionNumber", f"studies?AccessionNumber=A{_A_STUDY}"),
    ("PatientName", f"studies?PatientName={quote(f'Bench^Number {_A_STUDY}')}"),
    ("PatientName, fuzzy, rare", f"studies?fuzzymatching=true&PatientName={_A_STUDY}"),
    ("PatientName, fuzzy, frequent", "studies?fuzzymatching=true&PatientName=numb"),
    ("PatientID, x*", f"studies?PatientID=P{str(_A_STUDY)[:4]}*"),
    ("PatientID, *x*, rare", f"studies?PatientID=*{str(_A_STUDY)[1:]}*"),
    ("PatientID, *x*, no result", "studies?PatientID=*nobody*"),
    ("StudyDate, one day", "studies?StudyDate=20200110"),
    ("StudyDate, a month", "studies?StudyDate=20200101-20200131"),
    ("StudyDate, five years", "studies?StudyDate=20180101-20221231"),
    ("StudyDescription, a quarter", "studies?StudyDescription=kidney"),
    ("ModalitiesInStudy, a fifth", "studies?ModalitiesInStudy=MR"),
    ("ModalitiesInStudy and a day", "studies?ModalitiesInStudy=CT&StudyDate=20200110"),
    ("StudyTime, without search rows", "studies?StudyTime=1000-1030"),
    ("PatientSex, no result", "studies?PatientSex=F"),
    ("StudyDescription, empty", "studies?emptyvaluematching=true&StudyDescription="),
    ("list of OHIF with a date range", "studies?StudyDate=20200101-20200131&limit=101&includefield=00081030,00080060,00080090,00100030"),
    ("series by Modality", "series?Modality=MR"),
    ("series by PatientID", f"series?PatientID=P{_A_STUDY}"),
    ("instances by SOPInstanceUID", f"instances?SOPInstanceUID={uid(_A_STUDY, 1, 1)}"),
    ("instances by Modality and a day", "instances?Modality=CT&StudyDate=20200110"),
    ("count of everything", "studies/count"),
    ("count of a quarter", "studies/count?StudyDescription=kidney"),
)


async def print_searches() -> None:
    """Print a table: results, storage calls and time of each search."""
    async with open_bench(None, 8) as bench:
        started = time.perf_counter()
        await _fill(bench)
        print(f"\n{_STUDIES:,} studies stored in {time.perf_counter() - started:.0f} s (embedded, 8 shards)")
        print(f"{'search, in process':38}{'results':>8}{'tables':>8}{'blobs':>7}{'median ms':>12}{'most ms':>10}")
        for title, path in _SEARCHES:
            await _row(bench, title, f"/v2/{path}")


async def _row(bench: Bench, title: str, path: str) -> None:
    seconds = []
    for _ in range(_REPEATS):
        bench.tables.reset()
        bench.blobs.reset()
        started = time.perf_counter()
        answer = await bench.client.get(path)
        seconds.append(time.perf_counter() - started)
    assert answer.status in (200, 204), answer.text
    results = 0 if answer.status == 204 else answer.json["count"] if "/count" in path else len(answer.json)
    calls = f"{results:>8}{bench.tables.total:>8}{bench.blobs.total:>7}"
    print(f"{title:38}{calls}{statistics.median(seconds) * 1000:>12.2f}{max(seconds) * 1000:>10.2f}", flush=True)


async def _fill(bench: Bench) -> None:
    services = bench.client.services
    partition = await services.partitions.ensure("Microsoft.Default")
    gate = asyncio.Semaphore(_TOGETHER)

    async def store(first: int) -> None:
        async with gate:
            files = _files(range(first, first + _PER_REQUEST))
            report = await services.store.store(partition, files, study=None, lenient=True)
            assert len(report.items) == _PER_REQUEST

    await asyncio.gather(*(store(first) for first in range(_FIRST, _FIRST + _STUDIES, _PER_REQUEST)))


async def _files(numbers: range) -> AsyncIterator[AsyncIterator[bytes]]:
    for file in _studies(numbers):
        yield _whole(file)


async def _whole(file: bytes) -> AsyncIterator[bytes]:
    yield file


def _studies(numbers: range) -> Iterator[bytes]:
    """One image for each study: a template with other values of the same length."""
    template = write_image(_FIRST, 1, 1, size=16)
    study_date = f"2026{_FIRST % 12 + 1:02}{_FIRST % 28 + 1:02}".encode()
    for number in numbers:
        day = date(2015, 1, 1) + timedelta(days=number * 7 % _DAYS)
        yield (
            template.replace(str(_FIRST).encode(), str(number).encode())
            .replace(study_date, f"{day:%Y%m%d}".encode())
            .replace(b"CS\x02\x00CT", b"CS\x02\x00" + _MODALITIES[number % len(_MODALITIES)])
            .replace(b"Thorax", _DESCRIPTIONS[number // 3 % len(_DESCRIPTIONS)])
        )
