"""Correlation: one id for everything that is written about a request."""

from __future__ import annotations

import logging
import re
from contextvars import ContextVar
from secrets import token_hex
from typing import Any, Final

__all__ = ["correlation_id", "mark_log_records", "trace_id"]

correlation_id: Final[ContextVar[str]] = ContextVar("correlation_id", default="")

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
