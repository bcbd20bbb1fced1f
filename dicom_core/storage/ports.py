"""What the service needs of storage: tables and blobs, as two protocols that every adapter follows to the letter.

The semantics are those of Azure Table and Blob Storage, which the embedded adapters reproduce; one contract suite
(`tests/contract`) holds all adapters to this file.

StorageError
  x AlreadyExists       an insert met an existing row; nothing of the batch was written
  x ConditionFailed     a replace or delete met another ETag, or no row; nothing of the batch was written
  x BlobNotFound        the blob does not exist
  x StorageUnavailable  the store is busy, gone or refused the credentials; retryable
  (a breach of the limits below is a programming error: ValueError, raised before anything is sent)
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

__all__ = [
    "MAX_BATCH_BYTES",
    "MAX_BATCH_ROWS",
    "MAX_KEY_CHARACTERS",
    "MAX_PROPERTY_BYTES",
    "MAX_ROW_BYTES",
    "AlreadyExists",
    "BlobNotFound",
    "BlobReader",
    "Blobs",
    "ConditionFailed",
    "Delete",
    "Insert",
    "Operation",
    "Properties",
    "Replace",
    "Row",
    "StorageError",
    "StorageUnavailable",
    "Tables",
    "Upsert",
    "Value",
]

MAX_BATCH_ROWS = 100
MAX_BATCH_BYTES = 4 * 1024 * 1024  # of the whole request; leave room for the protocol's own text
MAX_ROW_BYTES = 1024 * 1024
MAX_PROPERTY_BYTES = 64 * 1024  # of a bytes value, and of a str value as UTF-16
MAX_KEY_CHARACTERS = 512  # printable ASCII without / \ # ? %

Value = str | int | bytes | bool | float
Properties = Mapping[str, Value]


class StorageError(Exception):
    """Base of what storage can answer; texts name keys only, never values."""


class _BatchRefused(StorageError):
    def __init__(self, row_key: str) -> None:
        super().__init__(row_key)
        self.row_key = row_key


class AlreadyExists(_BatchRefused):
    """An insert met an existing row (named by `row_key`); nothing of the batch was written."""


class ConditionFailed(_BatchRefused):
    """A replace or delete met another ETag or no row (named by `row_key`); nothing of the batch was written."""


class BlobNotFound(StorageError):
    """The blob does not exist."""


class StorageUnavailable(StorageError):
    """The store is busy, gone, or refused us; the same request may succeed later."""


@dataclass(frozen=True, slots=True)
class Row:
    """A table row as read. `etag` is opaque and changes with every write, also after delete and insert."""

    row_key: str
    properties: dict[str, Value]
    etag: str


@dataclass(frozen=True, slots=True)
class Insert:
    """Write a row that must not exist yet."""

    row_key: str
    properties: Properties


@dataclass(frozen=True, slots=True)
class Upsert:
    """Write a row whether or not it exists; an existing one is replaced whole."""

    row_key: str
    properties: Properties


@dataclass(frozen=True, slots=True)
class Replace:
    """Replace a row whole; with `etag` None it must merely exist."""

    row_key: str
    properties: Properties
    etag: str | None


@dataclass(frozen=True, slots=True)
class Delete:
    """Delete a row; with `etag` None it must merely exist."""

    row_key: str
    etag: str | None = None


Operation = Insert | Upsert | Replace | Delete


class Tables(Protocol):
    """Rows ordered by key inside partitions, with atomic batches inside one partition.

    Keys are printable ASCII without ``/ \\ # ? %``; order is the order of the bytes. Tables come into being on first
    use. Integers are signed 64 bit. Properties named ``PartitionKey``, ``RowKey``, ``Timestamp`` are reserved.
    """

    async def get(self, table: str, partition_key: str, row_key: str, *, select: Sequence[str] | None = None) -> Row | None:
        """Read one row, or None. `select` limits the properties that are needed (others may still come)."""

    async def get_many(self, table: str, partition_key: str, row_keys: Sequence[str]) -> dict[str, Row]:
        """Read several rows of one partition at once, by row key; absent rows are left out."""

    def scan(
        self,
        table: str,
        partition_key: str,
        start: str,
        end: str,
        *,
        limit: int | None = None,
        select: Sequence[str] | None = None,
    ) -> AsyncIterator[list[Row]]:
        """Yield pages of rows with start <= row key < end, ascending. Pages may be empty; at most `limit` rows in all.

        A page is fetched only when asked for. Each page is consistent in itself, pages among each other need not be.
        """

    async def commit(self, table: str, partition_key: str, operations: Sequence[Operation], *, lasting: bool = True) -> list[str | None]:
        """Apply all operations or none, durably; each row at most once. The new ETags, None for deletes.

        Without `lasting`, what is written is visible on return but may be lost with the power of the machine until a
        later commit that is lasting, in whichever table and process. Nothing is lost that was written before what stays.

        Raises:
            AlreadyExists, ConditionFailed: nothing was written, neither now nor by an attempt whose answer was lost.
            StorageUnavailable: it is unknown whether the batch was written; read the rows before trying again.
            ValueError: no operations, a row twice, or a limit of this module is exceeded.
        """

    async def close(self) -> None:
        """Let go of connections and files."""


class BlobReader(Protocol):
    """An open blob range: iterate once, then it is closed; `aclose` closes it early and may be called twice."""

    @property
    def size(self) -> int:
        """Bytes that the iteration will yield."""

    def __aiter__(self) -> AsyncIterator[bytes]:
        """Yield the bytes in order, in chunks of at most about 1 MiB."""

    async def aclose(self) -> None:
        """Release the blob without reading the rest."""


class Blobs(Protocol):
    """Named byte strings that are written once, whole, and never changed.

    Names are printable ASCII without ``\\ # ? %``; ``/`` separates folders. Segments are neither empty nor ``.`` nor ``..``,
    and have 240 characters at most, a name has 1,024; no name is a folder of another one.
    """

    async def put(self, name: str, data: Sequence[bytes | memoryview], *, lasting: bool = True) -> None:
        """Write a blob from buffers, in order; durable on return, never visible in part. An existing blob is replaced.

        Without `lasting`, it may be as durable as a commit of `Tables` without.
        """

    async def put_stream(self, name: str, chunks: AsyncIterator[bytes | memoryview]) -> int:
        """Write a blob from a stream with bounded memory, and return its length.

        When the stream raises, nothing becomes visible and the error passes through. Chunks must stay as they are until
        the return: they are written while later ones are being received.
        """

    async def read(self, name: str, offset: int = 0, length: int | None = None) -> BlobReader:
        """Open a byte range; `length` None means to the end. A range past the end is cut short.

        Raises:
            BlobNotFound: there is no such blob.
        """

    async def delete(self, names: Iterable[str]) -> None:
        """Delete blobs, many at once; absent ones are passed over."""

    def list(self, prefix: str) -> AsyncIterator[str]:
        """Yield the names of all visible blobs that start with `prefix`, in any order."""

    async def close(self) -> None:
        """Let go of connections and files."""
