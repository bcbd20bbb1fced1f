"""Reads a change feed of a million events, anywhere: storage calls, and time in process."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import quote

from bench.counted import Bench, open_bench
from tests.change_feed.building import build_feed

__all__ = ["print_feed"]

_EVENTS: Final = 1_000_000
_BUCKET: Final = 100_000


async def print_feed() -> None:
    """Print a table: events, storage calls and time of pages and windows at both ends and between."""
    async with open_bench(None, 8) as bench:
        started = time.perf_counter()
        times = (await build_feed(bench.tables, _EVENTS, _BUCKET)).times
        print(f"\nchange feed of {_EVENTS:,} events, written in {time.perf_counter() - started:.0f} s")
        print(f"{'page, without metadata, in process':38}{'events':>8}{'tables':>8}{'ms':>10}")
        for title, after in (("first", 0), ("middle", _EVENTS // 2), ("last", _EVENTS - 100), ("behind the end", _EVENTS)):
            await _row(bench, f"by sequence, {title}", f"/v1/changefeed?limit=100&offset={after}")
        for title, first in (("first", 0), ("middle", _EVENTS // 2), ("last", _EVENTS - 200)):
            window = f"startTime={_moment(times[first])}&endTime={_moment(times[-1] + 1)}"
            await _row(bench, f"by time, {title}", f"/v2/changefeed?limit=200&{window}")
        await _row(bench, "by time, 900,000 skipped", "/v2/changefeed?limit=200&offset=900000")
        await _row(bench, "by time, an empty window", f"/v2/changefeed?startTime={_moment(times[-1] + 1)}")
        await _row(bench, "latest", "/v2/changefeed/latest?")


async def _row(bench: Bench, title: str, path: str) -> None:
    bench.tables.reset()
    started = time.perf_counter()
    answer = await bench.client.get(f"{path}&includeMetadata=false")
    elapsed = time.perf_counter() - started
    assert answer.status == 200, answer.text
    events = len(answer.json) if isinstance(answer.json, list) else 1
    print(f"{title:38}{events:>8}{bench.tables.total:>8}{elapsed * 1000:>10.2f}", flush=True)


def _moment(microseconds: int) -> str:
    return quote((datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds)).isoformat())
