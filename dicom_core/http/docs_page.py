"""The documentation page: Swagger UI over the OpenAPI documents, with nothing loaded from elsewhere.

Swagger UI itself comes with the `fastapi-offline` package, of which only the files are used.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Final

__all__ = ["PAGE", "PAGE_POLICY", "Asset", "asset"]

PAGE: Final = "index.html"

# Swagger UI sets styles on elements and draws its icons from data URLs.
PAGE_POLICY: Final = (
    "frame-src 'self'; default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)

_OWN: Final = Path(__file__).with_name("docs")
_OURS: Final[Mapping[str, str]] = {PAGE: "text/html", "start.js": "text/javascript"}
_SWAGGER_UI: Final[Mapping[str, str]] = {
    "swagger-ui-bundle.js": "text/javascript",
    "swagger-ui.css": "text/css",
    "favicon.png": "image/png",
}


@dataclass(frozen=True, slots=True)
class Asset:
    """A file of the page; `tag` changes with its content."""

    content: bytes
    media_type: str
    tag: str


def asset(name: str) -> Asset | None:
    """Return a file of the page by name; only those that are listed here can be asked for."""
    if name in _OURS:
        return _read(_OWN / name, _OURS[name])
    if name in _SWAGGER_UI:
        return _read(_swagger_ui() / name, _SWAGGER_UI[name])
    return None


@cache
def _read(path: Path, media_type: str) -> Asset:
    content = path.read_bytes()
    return Asset(content, media_type, hashlib.sha256(content).hexdigest()[:16])


def _swagger_ui() -> Path:
    package = find_spec("fastapi_offline")  # found, not imported: its code is of no use here
    if package is None or package.origin is None:
        raise FileNotFoundError("the package fastapi-offline is not installed")
    return Path(package.origin).with_name("static")
