"""One request on its way through the service, as handlers see it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from starlette.requests import Request

from dicom_core.http.versions import ApiVersion
from dicom_core.identifiers import DEFAULT_PARTITION, Identifiers, Partition, check_uid
from dicom_core.services import Services

if TYPE_CHECKING:
    from dicom_core.http.route import Route

__all__ = ["Call"]

_UNQUOTED_PLUS: Final = re.compile(r"(?<=[a-z]) (?=[a-z])", re.IGNORECASE)  # as in application/dicom+json, in a query
_UID_NAMES: Final = {"study": "StudyInstanceUID", "series": "SeriesInstanceUID", "instance": "SOPInstanceUID"}


@dataclass(frozen=True, slots=True)
class Call:
    """A request with the route it took. `version` is None on routes without one; `correlation` names the request in logs."""

    request: Request
    route: Route
    version: ApiVersion | None
    services: Services
    correlation: str

    @property
    def lenient(self) -> bool:
        """Whether the version asks for version 2 behaviour."""
        return self.version is ApiVersion.V2

    async def partition(self, *, create: bool = False) -> Partition:
        """The data partition that the path names, or the default one.

        Raises:
            InvalidPartition: the name is malformed, or unknown and not to be created.
        """
        name = self.request.path_params.get("partitionName", DEFAULT_PARTITION)
        partitions = self.services.partitions
        return await (partitions.ensure(name) if create else partitions.find(name))

    def uid(self, level: str) -> str | None:
        """The UID of a level (``study``, ``series``, ``instance``) in the path; None when the path has none.

        Raises:
            InvalidIdentifier: it is not a UID.
        """
        text = self.request.path_params.get(level)
        return None if text is None else check_uid(text, _UID_NAMES[level])

    def identifiers(self) -> Identifiers:
        """The study, series or instance that the path names.

        Raises:
            InvalidIdentifier: one of the UIDs is not a UID.
        """
        study = self.uid("study")
        assert study is not None, "the route names no study"
        return Identifiers(study, self.uid("series"), self.uid("instance"))

    def header(self, name: str) -> str | None:
        """All lines of a header as one comma list, or None when it is absent."""
        lines = self.request.headers.getlist(name)
        return ", ".join(lines) if lines else None

    @property
    def accept(self) -> str:
        """What the client takes; empty for anything. Those that cannot set headers use the query parameter (PS3.18 8.3.3.1)."""
        header = self.header("accept") or ""
        if header.strip() in ("", "*/*") and self.request.scope["query_string"]:
            return _UNQUOTED_PLUS.sub("+", self.request.query_params.get("accept", "")) or header
        return header

    @property
    def original(self) -> bool:
        """Whether the client asks for the version before the first update."""
        return self.request.headers.get("msdicom-request-original", "").strip().lower() == "true"

    @property
    def host(self) -> str:
        """Host and port by which the client knows us."""
        return self._forwarded("x-forwarded-host") or self.request.url.netloc

    def warnings(self, *texts: str) -> dict[str, str]:
        """The Warning header that says these things of an answer that is a success; no header when there are none."""
        return {"Warning": ", ".join(f"299 {self.host}: {text}" for text in texts)} if texts else {}

    @property
    def base_url(self) -> str:
        """Absolute URL up to the version, and the partition if the path has one, as the client wrote them; no slash at the end."""
        scheme = self._forwarded("x-forwarded-proto") or self.request.url.scheme
        params = self.request.path_params
        segments = [f"{scheme}://{self.host}", params["version"]]
        if "partitionName" in params:
            segments += ["partitions", params["partitionName"]]
        return "/".join(segments)

    def _forwarded(self, name: str) -> str | None:
        """The value that the proxy nearest to the client has set, if proxies are to be believed."""
        if not self.services.settings.forwarded_headers:
            return None
        return self.request.headers.get(name, "").partition(",")[0].strip() or None
