"""Whether the service can do its work: one question to every store it depends on."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from dicom_core.index.keys import INDEX_TABLE
from dicom_core.storage.ports import BlobNotFound, Blobs, Tables

__all__ = ["Dependency", "HealthService"]

_CACHED_SECONDS: Final = 5.0
_TIMEOUT_SECONDS: Final = 10.0
_NOTHING: Final = "health"  # a key and a blob that never exist


@dataclass(frozen=True, slots=True)
class Dependency:
    """The state of a store at the last look."""

    name: str
    healthy: bool
    description: str


class HealthService:
    """Looks at the stores, at most once in a few seconds."""

    def __init__(self, tables: Tables, blobs: Blobs, now: Callable[[], float] = time.monotonic) -> None:
        self._tables = tables
        self._blobs = blobs
        self._now = now
        self._seen: list[Dependency] = []
        self._seen_at = float("-inf")

    async def check(self) -> list[Dependency]:
        """The state of every dependency."""
        if self._now() - self._seen_at >= _CACHED_SECONDS:
            self._seen = list(await asyncio.gather(_ask("fileStore", self._ask_blobs), _ask("index", self._ask_tables)))
            self._seen_at = self._now()
        return self._seen

    async def _ask_tables(self) -> None:
        await self._tables.get(INDEX_TABLE, _NOTHING, _NOTHING)

    async def _ask_blobs(self) -> None:
        try:
            await (await self._blobs.read(_NOTHING)).aclose()
        except BlobNotFound:
            return


async def _ask(name: str, question: Callable[[], Awaitable[None]]) -> Dependency:
    try:
        async with asyncio.timeout(_TIMEOUT_SECONDS):
            await question()
    except Exception:  # whatever is wrong, the answer is the same; storage texts are not for the public
        return Dependency(name, False, "It does not answer.")
    return Dependency(name, True, "It answers.")
