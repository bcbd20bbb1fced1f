from __future__ import annotations

import pytest

from dicom_core.http.cors import CorsPolicy

_VIEWER = "https://viewer.example"
_PREFLIGHT = {"origin": _VIEWER, "access-control-request-method": "GET", "access-control-request-headers": "authorization,accept"}


def test_a_preflight_from_an_allowed_origin_is_answered_with_the_policy() -> None:
    policy = CorsPolicy((_VIEWER,), headers=("accept", "authorization"), methods=("GET", "POST"), max_age=1440, allow_credentials=True)
    assert policy.preflight(_PREFLIGHT) == {
        "Access-Control-Allow-Origin": _VIEWER,
        "Access-Control-Allow-Credentials": "true",
        "Access-Control-Allow-Methods": "GET, POST",
        "Access-Control-Allow-Headers": "accept, authorization",
        "Access-Control-Max-Age": "1440",
        "Vary": "Origin, Access-Control-Request-Headers",
    }


def test_every_header_is_allowed_by_naming_those_asked_for() -> None:
    answer = CorsPolicy((_VIEWER,)).preflight(_PREFLIGHT)
    assert answer is not None
    assert answer["Access-Control-Allow-Headers"] == "authorization,accept"
    assert "Access-Control-Allow-Credentials" not in answer
    bare = CorsPolicy(("*",)).preflight({"origin": "null", "access-control-request-method": "DELETE"})
    assert bare is not None
    assert bare["Access-Control-Allow-Origin"] == "*"
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
    headers = CorsPolicy((_VIEWER,), allow_credentials=True).headers_for("https://Viewer.example")
    assert headers["Access-Control-Allow-Origin"] == "https://Viewer.example"
    assert headers["Access-Control-Allow-Credentials"] == "true"
    assert headers["Vary"] == "Origin"
    for name in ("api-supported-versions", "erroneous-dicom-attributes", "Location", "ETag", "Warning"):
        assert name in headers["Access-Control-Expose-Headers"].split(", ")


def test_other_origins_get_the_answer_without_permission_to_read_it() -> None:
    policy = CorsPolicy((_VIEWER,))
    assert policy.headers_for("https://evil.example") == {"Vary": "Origin"}
    assert policy.headers_for(None) == {"Vary": "Origin"}
    assert CorsPolicy(("*",)).headers_for(None) == {}


def test_every_origin_may_not_send_credentials() -> None:
    with pytest.raises(ValueError, match="credentials"):
        CorsPolicy(("*",), allow_credentials=True)
