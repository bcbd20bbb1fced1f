"""Two shortcomings of the Functions Python worker that every app with streaming has to make up for."""

from __future__ import annotations

import logging
import sys
from typing import Final

from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import Response

__all__ = ["forget_after_response", "silence_access_log"]

_INVOCATION: Final = "x-ms-invocation-id"
_COORDINATORS: Final = ("azure_functions_worker.http_v2", "azure_functions_runtime.http_v2")  # Python up to 3.12, and later


def silence_access_log() -> None:
    """Keep query strings, which hold patient names, out of the host's log: uvicorn prints them with every request."""
    logging.getLogger("uvicorn.access").addFilter(_nothing)


def forget_after_response(request: Request, response: Response) -> None:
    """Have the worker forget the request when the response is out; on its own it keeps about 2 KB of each for ever."""
    invocation = request.headers.get(_INVOCATION)
    if invocation is not None:
        response.background = BackgroundTask(_forget, invocation)


async def _forget(invocation: str) -> None:
    for name in _COORDINATORS:
        coordinator = getattr(sys.modules.get(name), "http_coordinator", None)
        contexts = getattr(coordinator, "_context_references", None)
        if isinstance(contexts, dict):  # private: may be gone in another version
            contexts.pop(invocation, None)


def _nothing(record: logging.LogRecord) -> bool:
    return False
