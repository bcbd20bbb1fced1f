"""Cross-origin resource sharing: one policy for every origin and route, off until origins are configured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["CorsPolicy"]

_EXPOSED = "api-supported-versions, erroneous-dicom-attributes, Location, ETag, Warning, x-correlation-id"
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
        """Return the headers that answer a preflight request; None if it is none, or comes from an origin not allowed."""
        requested_method = request_headers.get("access-control-request-method")
        allowed = self._allowed(request_headers.get("origin"))
        if requested_method is None or not allowed:
            return None
        # With credentials "*" would be a name like any other, so that the request's own list is repeated.
        headers = request_headers.get("access-control-request-headers") if self.headers == _ANY else ", ".join(self.headers)
        return {
            **allowed,
            "Access-Control-Allow-Methods": ", ".join(self.methods),
            **({"Access-Control-Allow-Headers": headers} if headers else {}),
            "Access-Control-Max-Age": str(self.max_age),
            "Vary": "Origin, Access-Control-Request-Headers",
        }

    def headers_for(self, origin: str | None) -> dict[str, str]:
        """Return what an actual request's answer carries; caches must be told even where nothing is allowed."""
        allowed = self._allowed(origin)
        if allowed:
            allowed["Access-Control-Expose-Headers"] = _EXPOSED
        if "*" not in self.origins:
            allowed["Vary"] = "Origin"
        return allowed

    def _allowed(self, origin: str | None) -> dict[str, str]:
        if not origin:
            return {}
        if "*" in self.origins:
            return {"Access-Control-Allow-Origin": "*"}
        if origin.lower() not in self.origins:
            return {}
        credentials = {"Access-Control-Allow-Credentials": "true"} if self.allow_credentials else {}
        return {"Access-Control-Allow-Origin": origin, **credentials}
