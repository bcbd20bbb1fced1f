from __future__ import annotations

import logging
import re

import pytest

from dicom_core.http.tracing import CorrelationFilter, correlation_id, trace_id

_TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


@pytest.mark.parametrize("header", [f"00-{_TRACE}-00f067aa0ba902b7-01", f"cc-{_TRACE}-00f067aa0ba902b7-00-later-version"])
def test_the_trace_of_the_caller_goes_on(header: str) -> None:
    assert trace_id(header) == _TRACE


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "garbage",
        f"00-{'0' * 32}-00f067aa0ba902b7-01",
        f"00-{_TRACE}-{'0' * 16}-01",
        f"ff-{_TRACE}-00f067aa0ba902b7-01",
        f"00-{_TRACE.upper()}-00f067aa0ba902b7-01",
        f"00-{_TRACE}-00f067aa0ba902b7-01\nforged",
    ],
)
def test_otherwise_a_new_one_begins(header: str | None) -> None:
    new = trace_id(header)
    assert re.fullmatch("[0-9a-f]{32}", new)
    assert new not in (_TRACE, trace_id(header))


def test_log_records_carry_the_id_of_the_request_in_hand() -> None:
    record = logging.LogRecord("x", logging.INFO, __file__, 1, "text", None, None)
    token = correlation_id.set(_TRACE)
    try:
        assert CorrelationFilter().filter(record)
    finally:
        correlation_id.reset(token)
    assert vars(record)["correlation_id"] == _TRACE
