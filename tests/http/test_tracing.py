from __future__ import annotations

import logging
import re

import pytest

from dicom_core.http.tracing import correlation_id, mark_log_records, trace_id

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


def test_log_records_carry_the_id_of_the_request_in_hand(caplog: pytest.LogCaptureFixture) -> None:
    factory = logging.getLogRecordFactory()
    token = correlation_id.set(_TRACE)
    try:
        mark_log_records()
        logging.getLogger("anything").warning("text")
    finally:
        logging.setLogRecordFactory(factory)
        correlation_id.reset(token)
    assert vars(caplog.records[0])["correlation_id"] == _TRACE
