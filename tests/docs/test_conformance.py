"""The conformance statement says what the code does: its tables of resources, codes, attributes, parameters and transfer syntaxes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from dicom_core.dicom.reason_codes import FailureReason, WarningReason
from dicom_core.dicom.render_options import ICC_PROFILES
from dicom_core.dicom.transfer_syntaxes import MEDIA_TYPE_DEFAULTS, TRANSFER_SYNTAXES
from dicom_core.dicom.validation import INDEXED
from dicom_core.http.problems import STATUS_OF
from dicom_core.http.routes import ROUTES
from dicom_core.http.versions import ApiVersion
from dicom_core.index.attributes import SEARCHABLE
from dicom_core.search.resources import Resource

_STATEMENT = (Path(__file__).parents[2] / "docs" / "conformance.md").read_text(encoding="utf-8")


def _rows(heading: str) -> list[list[str]]:
    """The cells of the table whose first row is the heading, without code marks."""
    _, found, rest = _STATEMENT.partition(f"{heading}\n")
    assert found, heading
    lines = rest.partition("\n\n")[0].splitlines()[1:]
    return [[cell.strip().strip("`") for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]


def test_every_resource_is_listed_and_no_other() -> None:
    listed = re.findall(r"^\| `([A-Z]+)` \| `(\S+)` \| (p?)", _STATEMENT, re.MULTILINE)
    routes = []
    for route in ROUTES:
        path = re.sub(r"\{(\w+):regex\(.*\)\}", r"{\1}", route.path)
        routes.append((route.method, path if path.startswith("{version}") else f"/{path}", "p" if route.partitioned else ""))
    assert sorted(listed) == sorted(routes)


@pytest.mark.parametrize("version", ApiVersion)
def test_versions_are_named(version: ApiVersion) -> None:
    assert f"`v{version.value}`" in _STATEMENT


@pytest.mark.parametrize(
    ("heading", "reasons"), [("| Failure reason | Meaning |", FailureReason), ("| Warning reason | Meaning |", WarningReason)]
)
def test_reasons(heading: str, reasons: type[FailureReason] | type[WarningReason]) -> None:
    assert sorted(int(row[0]) for row in _rows(heading)) == sorted(reasons)


def test_every_status_is_explained() -> None:
    explained = {int(row[0]) for row in _rows("| Status | When |")}
    assert {500, *STATUS_OF.values()} | {status for route in ROUTES for status in route.statuses} == explained


def test_searchable_attributes() -> None:
    listed = [tuple(row) for row in _rows("| Attribute | Tag | Level | |")]
    rows = [(each.keyword, each.tag, each.level.name.lower(), "i" if each.indexed else "") for each in SEARCHABLE.values()]
    assert sorted(listed) == sorted(rows)
    assert {f"{tag:08X}" for tag in INDEXED} == {each.tag for each in SEARCHABLE.values() if each.indexed}


def test_levels_of_searches() -> None:
    listed = {row[0]: [cell == "yes" for cell in row[1:]] for row in _rows("| Resource | study | series | instance |")}
    levels = {level for resource in Resource for level in resource.levels}
    assert listed == {f"/{resource.path}": [level in resource.levels for level in sorted(levels)] for resource in Resource}


def test_transfer_syntaxes() -> None:
    def yes(codec: str) -> str:
        return "yes" if codec else "no"

    listed = [tuple(row) for row in _rows("| Transfer syntax | Name | Decoded | Encoded |")]
    known = [(each.uid, each.name, yes(each.decoder), yes(each.encoder)) for each in TRANSFER_SYNTAXES.values() if each.decoder]
    assert sorted(listed) == sorted(known)
    assert not any(each.encoder for each in TRANSFER_SYNTAXES.values() if not each.decoder)


def test_media_types() -> None:
    assert dict(_rows("| Media type | Default transfer syntax |")) == MEDIA_TYPE_DEFAULTS
    of_frames = {f'multipart/related; type="{name}"' for name in MEDIA_TYPE_DEFAULTS}
    named = {media_type for route in ROUTES for media_type in (*route.takes, *route.gives)} - of_frames
    assert [media_type for media_type in named if f"`{media_type}`" not in _STATEMENT] == []


def test_parameters_and_headers() -> None:
    names = {parameter.name for route in ROUTES for parameter in route.parameters}
    assert [name for name in names if name not in _STATEMENT] == []
    assert [profile for profile in ICC_PROFILES if f"`{profile}`" not in _STATEMENT] == []
