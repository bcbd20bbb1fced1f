"""What a route is: a resource, a method, who answers, and what the documents say of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.responses import Response

from dicom_core.http.versions import EVERY_VERSION, ApiVersion

if TYPE_CHECKING:
    from dicom_core.http.call import Call
    from dicom_core.http.roles import DataAction

__all__ = ["Handler", "Parameter", "Route"]

Handler = Callable[["Call"], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Parameter:
    """A query parameter or header for the OpenAPI document; `kind` is a JSON schema type, bounds are inclusive."""

    name: str
    kind: str
    description: str
    where: str = "query"
    minimum: int | None = None
    maximum: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One resource and method.

    `path` follows the version and partition segments. `action` is what the caller's roles must allow and `audit` the
    name in audit records; None stands for an open, unaudited route. `takes` and `gives` are media types of request and
    response, `statuses` the answers worth documenting. `when_closed` answers in the handler's place while the storage cannot
    be opened; None: the error does. Every GET route also answers HEAD.
    """

    name: str
    method: str
    path: str
    handler: Handler
    summary: str
    action: DataAction | None = None
    audit: str | None = None
    partitioned: bool = False
    versions: tuple[ApiVersion, ...] = EVERY_VERSION  # empty: the path has no version segment
    takes: tuple[str, ...] = ()
    gives: tuple[str, ...] = ()
    statuses: tuple[int, ...] = (200,)
    parameters: tuple[Parameter, ...] = ()
    when_closed: Callable[[], Response] | None = None

    @property
    def methods(self) -> tuple[str, ...]:
        return (self.method, "HEAD") if self.method == "GET" else (self.method,)

    @property
    def retrieves(self) -> bool:
        """Whether this is a resource of the Retrieve transaction, which can be asked for its methods (OPTIONS)."""
        return self.audit is not None and self.audit.startswith("retrieve")
