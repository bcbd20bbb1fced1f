from __future__ import annotations

import json
import logging
from typing import Any

import pytest

from dicom_core.errors import BadRequestError
from dicom_core.http.audit import Audit, AuditedRequest, custom_headers, without_values

_PREFIX = b"x-ms-azuredicom-audit-"


def _request(query: str = "", **headers: str) -> AuditedRequest:
    return AuditedRequest("query", "https://h/v2/studies", query, "4bf92f3577b34da6a3ce929d0e0e4736", "192.0.2.1", headers)


def _records(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    return [json.loads(record.getMessage()) for record in caplog.records if record.name == "dicom.audit"]


def test_a_request_leaves_two_records(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "dicom.audit")
    audit = Audit(audience="https://dicom.example", authority="https://login.example", claims=("oid", "roles", "tid"))
    claims = {"oid": "1234", "roles": ["globalReader", "archivist"], "name": "Doe^Jane"}
    request = _request("PatientID=4711&limit=5", **{"x-ms-azuredicom-audit-site": "north"})
    audit.executing(request, claims)
    audit.executed(request, claims, 200)
    both = {
        "EventType": "AuditEvent",
        "Audience": "https://dicom.example",
        "Authority": "https://login.example",
        "RequestUri": "https://h/v2/studies?PatientID=***&limit=5",
        "Action": "query",
        "CorrelationId": "4bf92f3577b34da6a3ce929d0e0e4736",
        "CallerIpAddress": "192.0.2.1",
        "Claims": "oid=1234;roles=globalReader,archivist",
        "CustomHeaders": "x-ms-azuredicom-audit-site=north",
    }
    assert _records(caplog) == [{"ActionType": "Executing", **both}, {"ActionType": "Executed", "StatusCode": 200, **both}]
    assert vars(caplog.records[1])["StatusCode"] == 200


def test_without_a_token_there_is_nobody_to_name(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "dicom.audit")
    Audit().executed(_request(), {}, 401)
    (record,) = _records(caplog)
    assert record["StatusCode"] == 401
    assert record["Claims"] == ""
    assert not {"Audience", "Authority"} & record.keys()


def test_the_query_is_recorded_as_it_came_only_where_configured(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "dicom.audit")
    Audit(full_uri=True).executing(_request("PatientName=Doe%5EJane"), {})
    assert _records(caplog)[0]["RequestUri"] == "https://h/v2/studies?PatientName=Doe%5EJane"


def test_records_cannot_be_forged_through_headers(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "dicom.audit")
    Audit().executing(_request(note='"}\n{"ActionType":"Executed"'), {})
    assert "\n" not in caplog.records[0].getMessage()
    assert len(_records(caplog)) == 1


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ""),
        ("limit=5&Offset=10&includefield=PatientName", "limit=5&Offset=10&includefield=PatientName"),
        ("StudyInstanceUID=1.2,1.3&0020000D=1.2", "StudyInstanceUID=1.2,1.3&0020000D=1.2"),
        ("limit=Doe&offset=5;PatientName=Doe&quality=%44oe", "limit=***&offset=***&quality=***"),
        ("limit=1%26PatientName=Doe&StudyInstanceUID=Doe", "limit=***&StudyInstanceUID=***"),
        ("includefield=Doe&includefield=00100010,all", "includefield=***&includefield=00100010,all"),
        ("startTime=2024-01-31T12:00:00%2B01:00&fuzzymatching=True", "startTime=2024-01-31T12:00:00%2B01:00&fuzzymatching=True"),
        ("PatientName=Doe%5EJane&StudyDate=20200101", "PatientName=***&StudyDate=***"),
        ("00100010=a=b", "00100010=***"),
        ("Doe%5EJane&limit=1", "***&limit=1"),
        ("PatientName=", "PatientName=***"),
        ("&&a=1&", "&&a=***&"),
    ],
)
def test_query_values_that_may_name_a_patient_are_hidden(query: str, expected: str) -> None:
    assert without_values(query) == expected


def test_custom_headers_are_copied() -> None:
    headers = [(b"accept", b"*/*"), (b"x-ms-azuredicom-audit-a", b"1"), (b"x-ms-azuredicom-audit-b", b"\xe9")]
    assert custom_headers(headers, _PREFIX) == {"x-ms-azuredicom-audit-a": "1", "x-ms-azuredicom-audit-b": "é"}
    assert custom_headers(headers[:1], _PREFIX) == {}


def test_custom_headers_have_limits() -> None:
    def headers(count: int, length: int) -> list[tuple[bytes, bytes]]:
        return [(_PREFIX + str(index).encode(), b"x" * length) for index in range(count)]

    assert len(custom_headers(headers(10, 2048), _PREFIX)) == 10
    assert custom_headers(headers(1, 1000) * 2, _PREFIX) == {"x-ms-azuredicom-audit-0": "x" * 1000 + ", " + "x" * 1000}
    with pytest.raises(BadRequestError, match="longer than 2048"):
        custom_headers([*headers(1, 2048), *headers(1, 1)], _PREFIX)
    with pytest.raises(BadRequestError, match="more than 10"):
        custom_headers(headers(11, 1), _PREFIX)
    with pytest.raises(BadRequestError, match="x-ms-azuredicom-audit-0 is longer than 2048"):
        custom_headers(headers(1, 2049), _PREFIX)
