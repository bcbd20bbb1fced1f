"""Correlation: one id for everything that is written about a request, and what is written about one that failed."""

from __future__ import annotations

import logging
import re
import traceback
from contextvars import ContextVar
from secrets import token_hex
from typing import Any, Final

__all__ = ["correlation_id", "mark_log_records", "report_failure", "trace_id"]

correlation_id: Final[ContextVar[str]] = ContextVar("correlation_id", default="")

_log = logging.getLogger(__name__)

_TRACEPARENT = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(?:-.*)?", re.ASCII)


def trace_id(traceparent: str | None) -> str:
    """Return the trace id of a traceparent header, or a new one: 32 hexadecimal digits.

    Standard: W3C Trace Context, 3.2
    """
    match = _TRACEPARENT.fullmatch(traceparent) if traceparent else None
    return match[1] if match else token_hex(16)


def mark_log_records() -> None:
    """Give every log record of this process a field `correlation_id`, the id of the request in hand or nothing."""
    make = logging.getLogRecordFactory()

    def make_marked(*args: Any, **kwargs: Any) -> logging.LogRecord:
        record = make(*args, **kwargs)
        record.correlation_id = correlation_id.get()
        return record

    logging.setLogRecordFactory(make_marked)


def report_failure(error: Exception, correlation: str) -> None:
    """Log where an unforeseen error came from, without its text, which may quote patient data."""
    where = "".join(traceback.format_tb(error.__traceback__))
    _log.error("Request %s failed with %s\n%s", correlation, type(error).__name__, where)
