"""Counts the storage calls of each kind of request against its budget, in process, on both adapters."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from bench.counted import Bench, open_bench
from bench.images import uid, write_image
from tests.azurite import run_azurite

__all__ = ["print_counts"]

_SETTLE_SECONDS = 0.3  # work after the answer, such as deleting blobs, is counted too


Action = Callable[[Bench], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Request:
    """A kind of request. Budgets are calls for one request: tables (`shards` stands for one per shard) and blobs."""

    title: str
    tables: int | str
    blobs: int
    prepare: Action
    act: Action
    requests: int = 1


async def _nothing(_: Bench) -> None:
    """Needs nothing beforehand."""


async def _known_series(bench: Bench) -> None:
    for instance in (1, 2):
        await bench.store(write_image(1, 1, instance))


async def _store_64(bench: Bench) -> None:
    images = [write_image(64, 1, instance) for instance in range(1, 65)]
    await asyncio.gather(*(bench.store(image) for image in images))


async def _study_of_500(bench: Bench) -> None:
    for series in range(1, 6):
        await bench.store(*(write_image(5, series, instance) for instance in range(1, 101)))


async def _series_of_1000(bench: Bench) -> None:
    for first in range(1, 1001, 100):
        await bench.store(*(write_image(7, 1, instance) for instance in range(first, first + 100)))


async def _studies_of_one_accession(bench: Bench) -> None:
    await bench.store(*(write_image(study, 1, 1, accession="A1000") for study in range(1000, 1100)))


_FIRST = f"/v2/studies/{uid(1)}/series/{uid(1, 1)}/instances/{uid(1, 1, 1)}"

REQUESTS = (
    Request("store 1 instance, known series", 6, 1, _known_series, lambda bench: bench.store(write_image(1, 1, 3))),
    Request("store 1 instance, new study", 8, 1, _nothing, lambda bench: bench.store(write_image(2, 1, 1))),
    Request(
        "store 100 instances of a series, one request",
        12,
        100,
        _nothing,
        lambda bench: bench.store(*(write_image(3, 1, instance) for instance in range(1, 101))),
    ),
    Request("store 1 instance, 64 at once", 2, 1, _nothing, _store_64, requests=64),
    Request(
        "instance as stored",
        1,
        1,
        _nothing,
        lambda bench: bench.get(_FIRST, "application/dicom; transfer-syntax=*"),
    ),
    Request("one frame", 1, 1, _nothing, lambda bench: bench.get(f"{_FIRST}/frames/1", "application/octet-stream")),
    Request("one frame, rendered", 1, 1, _nothing, lambda bench: bench.get(f"{_FIRST}/rendered", "image/png")),
    Request("metadata of a study of 500", 2, 0, _study_of_500, lambda bench: bench.get(f"/v2/studies/{uid(5)}/metadata")),
    Request(
        "metadata of a series of 1,000, compressed",
        2,
        0,
        _series_of_1000,
        lambda bench: bench.get(f"/v2/studies/{uid(7)}/series/{uid(7, 1)}/metadata", Accept_Encoding="gzip"),
    ),
    Request(
        "search, 100 results of one condition",
        "shards",
        0,
        _studies_of_one_accession,
        lambda bench: bench.get("/v2/studies?AccessionNumber=A1000&limit=100"),
    ),
    Request("delete a series of 100", 10, 100, _nothing, lambda bench: bench.delete(f"/v2/studies/{uid(3)}/series/{uid(3, 1)}")),
)


async def print_counts() -> None:
    """Print a table: a row for each kind of request, a column for each storage."""
    columns: dict[str, list[str]] = {}
    for shards in (1, 8):
        columns[f"embedded, {shards} shards"] = await _column(None, shards)
    with run_azurite() as connection:
        columns["azurite, 8 shards"] = await _column(connection, 8)
    print(f"{'calls per request: tables / blobs':46}{'budget':>10}" + "".join(f"{name:>20}" for name in columns))
    for row, request in enumerate(REQUESTS):
        budget = f"{request.tables} / {request.blobs}"
        print(f"{request.title:46}{budget:>10}" + "".join(f"{column[row]:>20}" for column in columns.values()))
    print("(* over budget)")


async def _column(connection: str | None, shards: int) -> list[str]:
    async with open_bench(connection, shards) as bench:
        return [await _measure(bench, request, shards) for request in REQUESTS]


async def _measure(bench: Bench, request: Request, shards: int) -> str:
    await request.prepare(bench)
    await asyncio.sleep(_SETTLE_SECONDS)
    bench.tables.reset()
    bench.blobs.reset()
    await request.act(bench)
    await asyncio.sleep(_SETTLE_SECONDS)
    tables, blobs = bench.tables.total / request.requests, bench.blobs.total / request.requests
    allowed = shards if request.tables == "shards" else int(request.tables)
    return f"{tables:.3g} / {blobs:.3g}{'*' if tables > allowed or blobs > request.blobs else ''}"
