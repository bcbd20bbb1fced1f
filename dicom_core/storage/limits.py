"""The limits of `storage.ports`, checked before anything is sent; a breach is a programming error, hence ValueError.

Sizes are those of Azure Table Storage: text counts as UTF-16, and a batch counts as the request that carries it. Every
adapter checks the same numbers, so that what works on one machine works in the cloud.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from dicom_core.storage.ports import (
    MAX_BATCH_BYTES,
    MAX_BATCH_ROWS,
    MAX_PROPERTY_BYTES,
    MAX_ROW_BYTES,
    Delete,
    Operation,
    Properties,
)

__all__ = ["check_batch", "check_blob_name", "check_key", "check_table"]

_MAX_PROPERTIES = 252
_MAX_BLOB_NAME_CHARACTERS = 1024

_CHARACTER = r"[ !\"$&-.0->@-\[\]-~]"  # printable ASCII without / \ # ? %
_KEY = re.compile(_CHARACTER + "{1,512}")
_TABLE = re.compile(r"[A-Za-z][A-Za-z0-9]{2,62}")
_SEGMENT = re.compile(_CHARACTER + "{1,240}")  # a file name has 255 at most
_PROPERTY_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,254}")
_RESERVED_NAMES = frozenset({"PartitionKey", "RowKey", "Timestamp"})

_OPERATION_ENVELOPE = 1_300  # request line, headers, URL, both keys and JSON punctuation of one operation
_PROPERTY_ENVELOPE = 40  # quotes, colons, and the type annotation next to it
_NUMBER_JSON = 24


@lru_cache(maxsize=64)
def check_table(name: str) -> None:
    """Refuse a table name that Azure would refuse."""
    if _TABLE.fullmatch(name) is None:
        raise ValueError(f"not a table name: {name!r}")


def check_key(key: str) -> None:
    """Refuse a key that is empty, too long, or has characters other than printable ASCII without / \\ # ? %."""
    if _KEY.fullmatch(key) is None:
        raise ValueError(f"not a key: {key!r}")


def check_blob_name(name: str) -> list[str]:
    """Split a blob name into its segments, refusing empty ones, ``.`` and ``..``, and forbidden characters."""
    segments = name.split("/")
    if len(name) > _MAX_BLOB_NAME_CHARACTERS or any(s in {".", ".."} or _SEGMENT.fullmatch(s) is None for s in segments):
        raise ValueError(f"not a blob name: {name!r}")
    return segments


def check_batch(partition_key: str, operations: Sequence[Operation]) -> None:
    """Refuse a batch that breaks a limit of the ports, or names a row twice."""
    check_key(partition_key)
    if not 1 <= len(operations) <= MAX_BATCH_ROWS:
        raise ValueError(f"a batch has 1 to {MAX_BATCH_ROWS} operations, not {len(operations)}")
    if len({operation.row_key for operation in operations}) < len(operations):
        raise ValueError("a batch names a row twice")
    request_bytes = _OPERATION_ENVELOPE * len(operations)
    for operation in operations:
        row_key = operation.row_key
        check_key(row_key)
        if not isinstance(operation, Delete):
            try:
                row_bytes, json_bytes = _measure(operation.properties)
            except ValueError as error:
                raise ValueError(f"row {row_key!r}: {error}") from None
            if row_bytes + 2 * (len(partition_key) + len(row_key)) > MAX_ROW_BYTES:
                raise ValueError(f"row {row_key!r} is larger than {MAX_ROW_BYTES} bytes")
            request_bytes += json_bytes
    if request_bytes > MAX_BATCH_BYTES:
        raise ValueError(f"a batch of about {request_bytes} bytes is larger than {MAX_BATCH_BYTES}")


def _measure(properties: Properties) -> tuple[int, int]:
    """Check properties and count them twice: as Azure counts a row, and as JSON (from above)."""
    if len(properties) > _MAX_PROPERTIES:
        raise ValueError(f"more than {_MAX_PROPERTIES} properties")
    row_bytes, json_bytes = 4, 0
    for name, value in properties.items():
        _check_property_name(name)
        if isinstance(value, bytes):
            stored = len(value)
            written = stored * 4 // 3 + 4  # base64
        elif isinstance(value, str):
            stored = 2 * len(value) if value.isascii() else len(value.encode("utf-16-le"))
            # one more character for an escaped quote or backslash, \uXXXX for each UTF-16 unit otherwise
            written = len(value) + value.count('"') + value.count("\\") if value.isascii() else 3 * stored
        else:
            stored, written = _number_bytes(value), _NUMBER_JSON
        if stored > MAX_PROPERTY_BYTES:
            raise ValueError(f"property {name!r} is larger than {MAX_PROPERTY_BYTES} bytes")
        row_bytes += stored + 2 * len(name) + 8
        json_bytes += written + 2 * len(name) + _PROPERTY_ENVELOPE
    return row_bytes, json_bytes


def _number_bytes(value: int | float) -> int:
    if not isinstance(value, int | float):
        raise ValueError(f"{type(value).__name__} is not a property type")
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        raise ValueError("an integer does not fit into 64 bits")
    return 8


@lru_cache(maxsize=1024)
def _check_property_name(name: str) -> None:
    if name in _RESERVED_NAMES or _PROPERTY_NAME.fullmatch(name) is None:
        raise ValueError(f"not a property name: {name!r}")
