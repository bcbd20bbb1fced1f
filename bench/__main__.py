"""``python -m bench``: what a request costs in storage calls, and in time on this machine."""

from __future__ import annotations

import asyncio

from bench.counts import print_counts
from bench.latency import print_latencies

if __name__ == "__main__":
    asyncio.run(print_counts())
    print_latencies()
