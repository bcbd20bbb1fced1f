"""Where the index keeps what: table names, partition keys and row keys.

All rows of one study live in one partition of the table ``dicom``, so that one atomic batch can hold a whole change:

    PartitionKey = {data partition, lower case}~{shard}, shard = CRC-32 of the StudyInstanceUID modulo the number of shards

    S|study                             the study
    E|study|series                      a series
    I|study|series|instance             an instance, with its metadata
    X|s|tag|value|newest|study          search rows by value: of a study,
    X|e|tag|value|newest|study|series   of a series,
    X|i|tag|value|newest|study|series|instance   of an instance
    X|s|*|newest|study                  search rows of everything, newest first (also X|e|* and X|i|*)
    T|time|study                        studies to be deleted, by time (microseconds since 1970)
    J|ulid                              journal: blobs that are being uploaded and belong to no row yet
    O|ulid                              outbox: change feed events and blob deletions that a commit still owes

`newest` counts down from 2^63 - 1 with the time of creation, so that ascending keys are newest first. Values are
normalised (`dicom.values`) and escaped here.
"""

from __future__ import annotations

import hashlib
import re
import zlib
from typing import Final

from dicom_core.index.attributes import Level

__all__ = [
    "ALL",
    "CHANGE_FEED_TABLE",
    "INDEX_TABLE",
    "JOURNAL_AND_OUTBOX",
    "PARTITION_TABLE",
    "KeyRange",
    "escape",
    "everything",
    "exact",
    "expired",
    "expiry_key",
    "instance_key",
    "instances_of",
    "journal_key",
    "newest",
    "outbox_key",
    "partition_key",
    "prefix",
    "search_key",
    "series_key",
    "series_of",
    "shard_of",
    "study_key",
    "uids_of",
    "value_range",
]

INDEX_TABLE: Final = "dicom"
CHANGE_FEED_TABLE: Final = "changefeed"
PARTITION_TABLE: Final = "partitions"

ALL: Final = "*"
_LAST: Final = "~"  # sorts after every character that an escaped value can hold
_LETTER: Final = {Level.STUDY: "s", Level.SERIES: "e", Level.INSTANCE: "i"}
_MAX_VALUE: Final = 140  # characters of an escaped value that go into a key: the rest of a key needs about 240
_UNSAFE: Final = re.compile(r"[^ \"$&-.0->@-\[\]-{}]")  # everything but printable ASCII without ! # % / ? \ | ~

KeyRange = tuple[str, str]  # start (inclusive), end (exclusive)


def shard_of(study: str, shards: int) -> int:
    """Number of the shard, from 0, that holds everything of a study."""
    return zlib.crc32(study.encode()) % shards


def partition_key(partition: str, shard: int) -> str:
    """Partition key of a shard of a data partition (whose names differ not only in letter case)."""
    return f"{partition.lower()}~{shard}"


def study_key(study: str) -> str:
    return f"S|{study}"


def series_key(study: str, series: str) -> str:
    return f"E|{study}|{series}"


def instance_key(study: str, series: str, instance: str) -> str:
    return f"I|{study}|{series}|{instance}"


def series_of(study: str) -> KeyRange:
    """The series rows of a study."""
    return _under(f"E|{study}")


def instances_of(study: str, series: str | None = None) -> KeyRange:
    """The instance rows of a study or of one series of it."""
    return _under(f"I|{study}" if series is None else f"I|{study}|{series}")


def journal_key(ulid: str) -> str:
    return f"J|{ulid}"


def outbox_key(ulid: str) -> str:
    return f"O|{ulid}"


JOURNAL_AND_OUTBOX: Final[KeyRange] = ("J|", "O}")  # no other kind of row sorts between them


def expiry_key(expires: int, study: str) -> str:
    return f"T|{expires:019d}|{study}"


def expired(now: int) -> KeyRange:
    """The rows of studies whose time has come."""
    return "T|", f"T|{now + 1:019d}"


def newest(created: int) -> str:
    """A creation time (see `clock`) as 16 characters that sort newest first."""
    return f"{(1 << 63) - 1 - created:016x}"


def search_key(level: Level, tag: str, value: str, created: int, *uids: str) -> str:
    """Key of a search row; `value` is normalised and not yet escaped, and left out for the tag `ALL`."""
    found_by = tag if tag == ALL else f"{tag}|{escape(value)}"
    return f"X|{_LETTER[level]}|{found_by}|{newest(created)}|{'|'.join(uids)}"


def uids_of(level: Level, key: str) -> tuple[str, ...]:
    """The UIDs at the end of a search row's key: study, then series, then instance, as deep as the level."""
    return tuple(key.rsplit("|", int(level))[1:])


def everything(level: Level) -> KeyRange:
    """All search rows of a level, newest first."""
    return _under(f"X|{_LETTER[level]}|{ALL}")


def exact(level: Level, tag: str, value: str) -> KeyRange:
    """The search rows of one normalised value, newest first. Long values may share a range: test the value itself too."""
    return _under(f"X|{_LETTER[level]}|{tag}|{escape(value)}")


def prefix(level: Level, tag: str, value: str) -> KeyRange:
    """The search rows whose normalised value starts with `value` (or with most of it, when it is long)."""
    start = f"X|{_LETTER[level]}|{tag}|{_escape(value)[:_MAX_VALUE]}"
    return start, start + _LAST


def value_range(level: Level, tag: str, first: str | None, last: str | None) -> KeyRange:
    """The search rows with first <= value <= last, for sortable values without special characters (dates, numbers)."""
    base = f"X|{_LETTER[level]}|{tag}|"
    return base + (first or ""), base + (f"{last}}}" if last is not None else _LAST)


def escape(value: str) -> str:
    """A normalised value as key characters; equal prefixes stay equal, and what is too long ends in a digest."""
    escaped = _escape(value)
    if len(escaped) <= _MAX_VALUE:
        return escaped
    return f"{escaped[:_MAX_VALUE]}!{hashlib.sha256(value.encode()).hexdigest()[:16]}"


def _escape(value: str) -> str:
    return _UNSAFE.sub(lambda match: f"!{ord(match[0]):06x}", value)


def _under(key: str) -> KeyRange:
    return f"{key}|", f"{key}}}"  # "}" follows "|" in ASCII
