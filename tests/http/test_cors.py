from __future__ import annotations

import pytest

from dicom_core.http.cors import CorsPolicy

_VIEWER = "https://viewer.example"
_PREFLIGHT = {"origin": _VIEWER, "access-control-request-method": "GET", "access-control-request-headers": "authorization,accept"}


def _headers(policy: CorsPolicy, origin: str | None) -> dict[str, str]:
    headers: list[tuple[bytes, bytes]] = []
    policy.mark(headers, origin)
    return {name.decode(): value.decode() for name, value in headers}


def test_a_preflight_from_an_allowed_origin_is_answered_with_the_policy() -> None:
    policy = CorsPolicy((_VIEWER,), headers=("accept", "authorization"), methods=("GET", "POST"), max_age=1440, allow_credentials=True)
    assert policy.preflight(_PREFLIGHT) == {
        "Access-Control-Allow-Methods": "GET, POST",
        "Access-Control-Allow-Headers": "accept, authorization",
        "Access-Control-Max-Age": "1440",
        "Vary": "Access-Control-Request-Headers",
    }


def test_every_header_is_allowed_by_naming_those_asked_for() -> None:
    answer = CorsPolicy((_VIEWER,)).preflight(_PREFLIGHT)
    assert answer is not None
    assert answer["Access-Control-Allow-Headers"] == "authorization,accept"
    bare = CorsPolicy(("*",)).preflight({"origin": "null", "access-control-request-method": "DELETE"})
    assert bare is not None
    assert "Access-Control-Allow-Headers" not in bare


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"origin": _VIEWER},
        {"access-control-request-method": "GET"},
        {"origin": "https://evil.example", "access-control-request-method": "GET"},
        {"origin": "https://viewer.example.evil.example", "access-control-request-method": "GET"},
        {"origin": "http://viewer.example", "access-control-request-method": "GET"},
        {"origin": "null", "access-control-request-method": "GET"},
        {"origin": "*", "access-control-request-method": "GET"},
    ],
)
def test_anything_else_is_no_preflight(headers: dict[str, str]) -> None:
    assert CorsPolicy((_VIEWER,)).preflight(headers) is None


def test_an_allowed_origin_may_read_the_headers_that_matter() -> None:
    headers = _headers(CorsPolicy((_VIEWER,), allow_credentials=True), "https://Viewer.example")
    assert headers["access-control-allow-origin"] == "https://Viewer.example"
    assert headers["access-control-allow-credentials"] == "true"
    assert headers["vary"] == "Origin"
    for name in ("api-supported-versions", "erroneous-dicom-attributes", "Location", "ETag", "Warning"):
        assert name in headers["access-control-expose-headers"].split(", ")


def test_other_origins_get_the_answer_without_permission_to_read_it() -> None:
    policy = CorsPolicy((_VIEWER,))
    assert _headers(policy, "https://evil.example") == {"vary": "Origin"}
    assert _headers(policy, None) == {"vary": "Origin"}
    assert _headers(CorsPolicy(("*",)), None) == {}


def test_every_origin_may_not_send_credentials() -> None:
    with pytest.raises(ValueError, match="credentials"):
        CorsPolicy(("*",), allow_credentials=True)
