from __future__ import annotations

import re

import pytest

from dicom_core.errors import NotFoundError, UnsupportedVersion
from dicom_core.http.versions import VERSION_CONSTRAINT, ApiVersion, parse_version

_CONSTRAINT = re.compile(VERSION_CONSTRAINT.removeprefix("regex(").removesuffix(")"), re.IGNORECASE)


@pytest.mark.parametrize(
    ("segment", "expected"),
    [
        ("v1", ApiVersion.V1),
        ("v1.0", ApiVersion.V1),
        ("V1", ApiVersion.V1),
        ("v2", ApiVersion.V2),
        ("v2.0", ApiVersion.V2),
        ("v02.00", ApiVersion.V2),
        ("v1-prerelease", ApiVersion.PRERELEASE),
        ("v1.0-Prerelease", ApiVersion.PRERELEASE),
    ],
)
def test_known_version(segment: str, expected: ApiVersion) -> None:
    assert _CONSTRAINT.search(segment)
    assert parse_version(segment) is expected


@pytest.mark.parametrize("segment", ["v0", "v3", "v99", "v1.1", "v2-prerelease", "v1.0-beta2", "v" + "9" * 5000])
def test_unknown_version(segment: str) -> None:
    assert _CONSTRAINT.search(segment)
    with pytest.raises(UnsupportedVersion):
        parse_version(segment)


@pytest.mark.parametrize("segment", ["", "v", "vfoo", "v1.", "v1.0.0", "v1-", "1", "xv1", "v1x", "studies"])
def test_not_a_version(segment: str) -> None:
    assert not _CONSTRAINT.search(segment)
    with pytest.raises(NotFoundError):
        parse_version(segment)


def test_version_that_a_route_lacks_is_unknown_there() -> None:
    with pytest.raises(UnsupportedVersion):
        parse_version("v1-prerelease", (ApiVersion.V1, ApiVersion.V2))
