"""ETags and conditional requests (RFC 9110 8.8.3, 13.1.2)."""

from __future__ import annotations

__all__ = ["is_current", "quote"]


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
