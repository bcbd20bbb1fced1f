"""Places for the blobs of files that are being uploaded, under journals that many requests share.

A process keeps one journal open per partition key, for a minute or some thousand files, so that a store request does
not pay for one of its own. A journal that is no longer used goes when its last upload has ended; one with an upload
whose outcome is unknown stays, for the sweeper.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from dicom_core.index.clock import Clock
from dicom_core.index.journal import Journal
from dicom_core.index.lane import Change, Lane

__all__ = ["Upload", "Uploads"]

_SECONDS: Final = 60  # that a journal takes in new uploads
_UPLOADS: Final = 4096


@dataclass(eq=False, slots=True)
class _Open:
    """A journal in use: its row is there when `opening` is done; `running` uploads have begun and not ended."""

    journal: Journal
    opening: asyncio.Task[None]
    until: float
    begun: int = 0
    running: int = 0
    retired: bool = False
    unclear: bool = False


@dataclass(frozen=True, eq=False, slots=True)
class Upload:
    """A place for the blobs of one file: their names are `name`, or start with it and a dot."""

    journal: Journal
    number: int
    name: str
    _of: _Open


class Uploads:
    """The uploads of one process."""

    def __init__(self, lane: Callable[[str], Lane], clock: Clock) -> None:
        self._lane = lane
        self._clock = clock
        self._open: dict[str, _Open] = {}

    async def begin(self, partition_key: str) -> Upload:
        """Take a place for a file whose row will lie under a partition key.

        Raises:
            StorageUnavailable: the journal row could not be written.
        """
        opened = self._open.get(partition_key)
        if opened is None or opened.begun >= _UPLOADS or self._clock.seconds() >= opened.until:
            opened = self._renew(partition_key)
        number = opened.begun
        opened.begun += 1
        opened.running += 1
        upload = Upload(opened.journal, number, opened.journal.blob_name(number), opened)
        try:
            await asyncio.shield(opened.opening)
        except BaseException:
            self.end(upload, clear=not opened.opening.done() or opened.opening.exception() is None)
            raise
        return upload

    def end(self, upload: Upload, *, clear: bool) -> None:
        """Give a place back: its blobs have a row, or are deleted. Unless that is `clear`, the sweeper shall look."""
        opened = upload._of
        opened.running -= 1
        if not clear:
            opened.unclear = True
            self._retire(opened)  # the row may have been closed, or never been written
        elif opened.retired:
            self._leave(opened)

    def close(self) -> None:
        """Take in nothing more."""
        for opened in list(self._open.values()):
            self._retire(opened)

    def _renew(self, partition_key: str) -> _Open:
        if partition_key in self._open:
            self._retire(self._open[partition_key])
        journal = Journal(partition_key, self._clock.ulid())
        change = Change(journal.open, expected_absent=(journal.key,))
        opening = asyncio.create_task(self._lane(partition_key).commit(change))
        opened = self._open[partition_key] = _Open(journal, opening, self._clock.seconds() + _SECONDS)
        return opened

    def _retire(self, opened: _Open) -> None:
        opened.retired = True
        if self._open.get(opened.journal.partition_key) is opened:
            del self._open[opened.journal.partition_key]
        self._leave(opened)

    def _leave(self, opened: _Open) -> None:
        """Drop the row of a retired journal when nothing under it is open."""
        if opened.running == 0 and not opened.unclear:
            self._lane(opened.journal.partition_key).leave(opened.journal.key)
