"""The journal: which blobs are being uploaded, so that nothing is left behind when they are never committed.

A journal row `J|ulid` is written before the first blob under it becomes visible; the blobs' names start with the row's
prefix. A commit marks the uploads that it covers as done in the same batch, which also fails when the sweeper closed
the row. What is not done when the row is old is garbage.
"""

from __future__ import annotations

from typing import Final, cast

from dicom_core.index.keys import journal_key
from dicom_core.index.view import View
from dicom_core.storage.ports import StorageError

__all__ = ["Journal", "JournalClosed", "done_uploads", "upload_number"]

_TIME: Final = 5  # leading characters of a ulid: a folder for every nine hours


class JournalClosed(StorageError):
    """The sweeper took the process for dead and closed its journal row."""


class Journal:
    """A journal row in one partition key."""

    def __init__(self, partition_key: str, ulid: str) -> None:
        self.partition_key = partition_key
        self.key = journal_key(ulid)
        self.prefix = f"{partition_key}/{ulid[:_TIME]}/{ulid}."

    def blob_name(self, number: int) -> str:
        """Name of the blob of upload `number` (from 0); related blobs append a suffix starting with a dot."""
        return f"{self.prefix}{number}"

    def open(self, view: View) -> None:
        """Write the row."""
        view.put(self.key, {"prefix": self.prefix, "done": b""})

    def done(self, view: View, number: int) -> None:
        """Mark an upload as settled by this batch: its blobs have a row, or the outbox deletes them.

        Raises:
            JournalClosed: the uploads may be gone.
        """
        row = view.row(self.key)
        if row is None or "closed" in row.properties:
            raise JournalClosed(self.key)
        bits = bytearray(cast(bytes, row.properties["done"]))
        bits.extend(bytes(max(0, number // 8 + 1 - len(bits))))
        bits[number // 8] |= 1 << number % 8
        view.put(self.key, {**row.properties, "done": bytes(bits)})


def done_uploads(bits: bytes) -> set[int]:
    """The numbers of the uploads that a journal row marks as done."""
    return {number for number in range(len(bits) * 8) if bits[number // 8] >> number % 8 & 1}


def upload_number(blob_name: str, prefix: str) -> int:
    """The upload that a blob with a journal's prefix belongs to."""
    return int(blob_name[len(prefix) :].partition(".")[0])
