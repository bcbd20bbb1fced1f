"""Cross-origin resource sharing: one policy for every origin and route, off until origins are configured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from dicom_core.http.headers import RawHeaders, vary

__all__ = ["CorsPolicy"]

_EXPOSED = b"api-supported-versions, erroneous-dicom-attributes, Location, ETag, Warning, x-correlation-id"
_ANY = ("*",)


@dataclass(frozen=True, slots=True)
class CorsPolicy:
    """Which origins may call, with what.

    `origins` and `headers` are lists or just ``*``; `max_age` is in seconds.

    Standard: Fetch, 3.2 CORS protocol
    """

    origins: tuple[str, ...]
    headers: tuple[str, ...] = _ANY
    methods: tuple[str, ...] = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
    max_age: int = 600
    allow_credentials: bool = False

    def __post_init__(self) -> None:
        if self.allow_credentials and "*" in self.origins:
            raise ValueError("credentials cannot be allowed to every origin")

    def preflight(self, request_headers: Mapping[str, str]) -> dict[str, str] | None:
        """Return what the answer to a preflight request carries besides that of `mark`.

        None: it is no such request, or comes from an origin that is not allowed.
        """
        if "access-control-request-method" not in request_headers or not self._allowed(request_headers.get("origin")):
            return None
        # With credentials "*" would be a name like any other, so that the request's own list is repeated.
        headers = request_headers.get("access-control-request-headers") if self.headers == _ANY else ", ".join(self.headers)
        return {
            "Access-Control-Allow-Methods": ", ".join(self.methods),
            **({"Access-Control-Allow-Headers": headers} if headers else {}),
            "Access-Control-Max-Age": str(self.max_age),
            "Vary": "Access-Control-Request-Headers",
        }

    def mark(self, headers: RawHeaders, origin: str | None) -> None:
        """Add to an answer what every answer carries; caches must be told even where nothing is allowed."""
        allowed = self._allowed(origin)
        headers += allowed
        if allowed:
            headers.append((b"access-control-expose-headers", _EXPOSED))
        if "*" not in self.origins:
            vary(headers, b"Origin")

    def _allowed(self, origin: str | None) -> RawHeaders:
        if not origin:
            return []
        if "*" in self.origins:
            return [(b"access-control-allow-origin", b"*")]
        if origin.lower() not in self.origins:
            return []
        credentials = [(b"access-control-allow-credentials", b"true")] if self.allow_credentials else []
        return [(b"access-control-allow-origin", origin.encode("latin-1")), *credentials]
