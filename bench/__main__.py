"""``python -m bench [counts latency search feed load]``: what requests cost in storage calls, and in time on this machine."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from typing import Final

from bench.counts import print_counts
from bench.feed import print_feed
from bench.latency import print_latencies
from bench.load import print_load
from bench.searching import print_searches

_PARTS: Final[dict[str, Callable[[], None]]] = {
    "counts": lambda: asyncio.run(print_counts()),
    "latency": print_latencies,
    "search": lambda: asyncio.run(print_searches()),
    "feed": lambda: asyncio.run(print_feed()),
    "load": print_load,
}

if __name__ == "__main__":
    for name in sys.argv[1:] or _PARTS:
        _PARTS[name]()
