"""The ASGI application: routes a request to an HTTP function and lets it answer."""

from __future__ import annotations

import re
from urllib.parse import unquote

from starlette.requests import ClientDisconnect, Request
from starlette.types import Receive, Scope, Send

from local_host.functions import HttpFunction
from local_host.routing import Router

__all__ = ["HttpApp", "routing_path"]

_ENCODED_SLASH = re.compile("%(?=2f)", re.IGNORECASE)


class HttpApp:
    """Answers what the real host and its worker would answer.

    No matching function: 404 without a body. An exception: the server says 500 `Internal Server Error` and logs it, or breaks the
    connection when the response has begun.
    """

    def __init__(self, router: Router[HttpFunction]) -> None:
        self._router = router

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        found = self._router.find(scope["method"], routing_path(scope))
        if found is None:
            await send({"type": "http.response.start", "status": 404, "headers": [(b"content-length", b"0")]})
            await send({"type": "http.response.body"})
            return
        function, scope["path_params"] = found
        try:
            response = await function(Request(scope, receive, send))
            await response(scope, receive, send)
        except ClientDisconnect:
            return  # nobody is left to answer
        except Exception as error:
            error.add_note(f"in function {function.name}")
            raise


def routing_path(scope: Scope) -> str:
    """Return the path that routes see: decoded once but for ``%2F``, without dot segments."""
    raw_path: bytes = scope["raw_path"]
    path = unquote(_ENCODED_SLASH.sub("%25", raw_path.decode("ascii"))) if b"%" in raw_path else str(scope["path"])
    return _without_dot_segments(path) if "/." in path else path


def _without_dot_segments(path: str) -> str:
    """Resolve ``.`` and ``..`` (RFC 3986 5.2.4)."""
    segments: list[str] = []
    for segment in path.split("/")[1:]:
        if segment == "..":
            del segments[-1:]
        elif segment != ".":
            segments.append(segment)
    if path.endswith(("/.", "/..")):
        segments.append("")
    return "/" + "/".join(segments)
