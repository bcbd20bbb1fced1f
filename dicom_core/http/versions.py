"""API versions: the first segment of a path, ``v1.0-prerelease``, ``v1`` or ``v2``."""

from __future__ import annotations

import re
from enum import Enum
from typing import Final

from dicom_core.errors import NotFoundError, UnsupportedVersion

__all__ = ["EVERY_VERSION", "VERSION_CONSTRAINT", "ApiVersion", "parse_version"]


class ApiVersion(Enum):
    """What changes between versions is listed in `docs/conformance.md`; the prerelease behaves as version 1."""

    PRERELEASE = "1.0-prerelease"
    V1 = "1"
    V2 = "2"


EVERY_VERSION: Final = tuple(ApiVersion)

# As the host's routing writes it, where `?`, `:`, `=` and braces would mean something else. Unknown versions pass: they get an answer.
VERSION_CONSTRAINT: Final = "regex(^v[0-9]+(|[.][0-9]+)(|-[a-z][a-z0-9]*)$)"

_SEGMENT: Final = re.compile(r"v0*([0-9]+)(?:\.0*([0-9]+))?(?:-([a-z][a-z0-9]*))?", re.ASCII | re.IGNORECASE)
_KNOWN: Final = {
    ("1", "0", "prerelease"): ApiVersion.PRERELEASE,
    ("1", "0", None): ApiVersion.V1,
    ("2", "0", None): ApiVersion.V2,
}


def parse_version(segment: str, versions: tuple[ApiVersion, ...] = EVERY_VERSION) -> ApiVersion:
    """Return the version that a path segment names, out of those that a route has. An omitted minor number means 0.

    Raises:
        NotFoundError: the segment is not a version at all.
        UnsupportedVersion: it is one that the route does not have.
    """
    match = _SEGMENT.fullmatch(segment)
    if match is None:
        raise NotFoundError("")
    major, minor, status = match.groups()
    version = _KNOWN.get((major, minor or "0", status.lower() if status else None))
    if version not in versions:
        raise UnsupportedVersion("The API version in the path is not supported here.")
    return version
