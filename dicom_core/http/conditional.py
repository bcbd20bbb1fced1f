"""Entity tags, times of modification, and conditional requests (RFC 9110 8.8, 13.1)."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from email.utils import formatdate, parsedate_to_datetime
from typing import Final

from starlette.datastructures import Headers
from starlette.responses import Response

__all__ = ["ASK_AGAIN", "Validators", "http_time", "is_current", "quote", "validators"]

ASK_AGAIN: Final = "private, no-cache"  # Cache-Control of what a client may keep, alone, and must ask about before it uses it again


@dataclass(frozen=True, slots=True)
class Validators:
    """What tells one state of a representation from another: its entity tag, quoted, and when it last changed.

    `modified` is in seconds since 1970. A weak tag stands for bodies that mean the same and differ in bytes.
    """

    tag: str
    modified: int

    @property
    def headers(self) -> dict[str, str]:
        """The headers that let clients and caches ask again, and make them do so each time.

        Without Cache-Control a browser takes something that has not changed for long as fresh, and would show what was
        replaced or deleted since.
        """
        return {"ETag": self.tag, "Last-Modified": formatdate(self.modified, usegmt=True), "Vary": "Accept", "Cache-Control": ASK_AGAIN}

    def is_known(self, headers: Headers) -> bool:
        """Whether a request says that the client has this state; If-Modified-Since counts only without If-None-Match."""
        if_none_match = headers.getlist("if-none-match")
        if if_none_match:
            return is_current(", ".join(if_none_match), self.tag.removeprefix("W/").strip('"'))
        since = http_time(headers.get("if-modified-since"))
        return since is not None and self.modified <= since

    def not_modified(self) -> Response:
        """The answer to a client that has this state."""
        return Response(status_code=304, headers=self.headers)


def validators(version: int, *representation: object, weak: bool = False) -> Validators:
    """The validators of an instance's version, as one of its representations, which the other arguments tell apart.

    Versions are microseconds since 1970 (`index.clock`).
    """
    tag = quote(f"{version}-{zlib.crc32(repr(representation).encode()):08x}")
    return Validators(f"W/{tag}" if weak else tag, version // 1_000_000)


def quote(tag: str) -> str:
    """An entity tag as the ETag header carries it."""
    return f'"{tag}"'


def is_current(if_none_match: str | None, tag: str) -> bool:
    """Whether If-None-Match names the tag: alone or in a list, weak or strong, or ``*``.

    Differs: unquoted tags count too, because the Microsoft service gives them out.
    """
    if if_none_match is None:
        return False
    candidates = (candidate.strip().removeprefix("W/").strip('"') for candidate in if_none_match.split(","))
    return any(candidate in (tag, "*") for candidate in candidates)


def http_time(text: str | None) -> int | None:
    """Seconds since 1970 of an HTTP date; None when there is none, or it is malformed."""
    try:
        return None if text is None else int(parsedate_to_datetime(text).timestamp())
    except (ValueError, OverflowError, TypeError):
        return None
