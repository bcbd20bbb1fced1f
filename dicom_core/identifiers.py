"""Study, series and SOP instance identifiers, and data partition names."""

from __future__ import annotations

import re
from dataclasses import dataclass

from dicom_core.errors import InvalidIdentifier, InvalidPartition

__all__ = ["DEFAULT_PARTITION", "Identifiers", "Partition", "check_partition_name", "check_uid"]

DEFAULT_PARTITION = "Microsoft.Default"

_UID = re.compile(r"[0-9.]{0,63}[0-9]", re.ASCII)
_PARTITION = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)


def check_uid(text: str, name: str) -> str:
    """Return a UID from a URL without trailing spaces.

    `name` is what the error calls it. Leading zeros in a component are tolerated.

    Raises:
        InvalidIdentifier: not 1 to 64 digits and dots ending in a digit.

    Standard: PS3.5 9.1, relaxed as the Microsoft service does.
    """
    uid = text.rstrip(" ")
    if _UID.fullmatch(uid) is None:
        raise InvalidIdentifier(f"{name} is not a valid UID: 1 to 64 digits and dots, the last a digit.")
    return uid


def check_partition_name(name: str) -> str:
    """Return a well-formed data partition name as it stands.

    Raises:
        InvalidPartition: not 1 to 64 of A-Z a-z 0-9 . _ -
    """
    if _PARTITION.fullmatch(name) is None:
        raise InvalidPartition("The partition name must have 1 to 64 characters out of A-Z a-z 0-9 . _ -")
    return name


@dataclass(frozen=True, slots=True)
class Identifiers:
    """What a URL names: a study, a series of it, or an instance of that. Deeper levels are None when not named."""

    study: str
    series: str | None = None
    instance: str | None = None


@dataclass(frozen=True, slots=True)
class Partition:
    """A data partition: `name` as first spelled, `key` a number that never changes. Names differ not only in letter case."""

    name: str
    key: int
