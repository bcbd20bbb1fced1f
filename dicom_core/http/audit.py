"""The audit log: who asked for what, and what came of it, as structured records without patient data.

Values of query parameters may name patients; unless configured otherwise only those that cannot are recorded: numbers, UIDs
and times of parameters that take nothing else, and fields to include.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import unquote

from dicom_core.errors import BadRequestError
from dicom_core.search.attribute_ids import tag_of

__all__ = ["Audit", "AuditedRequest", "audit_logger", "custom_headers", "without_values"]

audit_logger: Final = logging.getLogger("dicom.audit")

_MAX_CUSTOM_HEADERS = 10
_MAX_CUSTOM_HEADER_CHARACTERS = 2048
_HARMLESS = frozenset(
    {
        *("limit", "offset", "fuzzymatching", "emptyvaluematching", "multiplevaluematching"),
        *("starttime", "endtime", "includemetadata", "quality", "viewport"),
        *("studyinstanceuid", "seriesinstanceuid", "sopinstanceuid", "sopclassuid"),
        *("0020000d", "0020000e", "00080018", "00080016"),
    }
)
_HARMLESS_VALUE = re.compile(r"[-+.,:\\0-9TZ]*|true|false", re.ASCII | re.IGNORECASE)
_HIDDEN = "***"


def custom_headers(headers: Iterable[tuple[bytes, bytes]], prefix: bytes) -> dict[str, str]:
    """Collect the request headers that the caller wants in the audit records; `headers` and `prefix` are in lower case.

    Several lines of one header are joined by commas.

    Raises:
        BadRequestError: too many of them, or one too long.
    """
    found: dict[str, str] = {}
    for raw_name, raw_value in headers:
        if raw_name.startswith(prefix):
            name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
            found[name] = f"{found[name]}, {value}" if name in found else value
    if len(found) > _MAX_CUSTOM_HEADERS:
        raise BadRequestError(f"There are more than {_MAX_CUSTOM_HEADERS} custom audit headers.")
    for name, value in found.items():
        if len(value) > _MAX_CUSTOM_HEADER_CHARACTERS:
            raise BadRequestError(f"The custom audit header {name} is longer than {_MAX_CUSTOM_HEADER_CHARACTERS} characters.")
    return found


def without_values(query: str) -> str:
    """Replace in a query string, as it came, what might say something of a patient."""
    return "&".join(map(_without_value, query.split("&"))) if query else query


def _without_value(parameter: str) -> str:
    name, equals, value = parameter.partition("=")
    if not parameter or _is_harmless(name.lower(), unquote(value)):
        return parameter
    return f"{name}={_HIDDEN}" if equals else _HIDDEN


def _is_harmless(name: str, value: str) -> bool:
    if name == "includefield":
        return all(field == "all" or tag_of(field) is not None for field in re.split("[,.]", value))
    return name in _HARMLESS and _HARMLESS_VALUE.fullmatch(value) is not None


@dataclass(frozen=True, slots=True)
class AuditedRequest:
    """A request as both of its records show it; `url` has no query, `query` is as it came."""

    action: str
    url: str
    query: str
    correlation_id: str
    caller_ip_address: str
    custom_headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Audit:
    """Writes the records: one before a request is carried out, one with the status after it.

    The message is the record as JSON; structured log handlers find its fields as attributes too. `claims` names the
    claims of the token that are recorded. `full_uri` records query strings as they came, patient data included.
    """

    audience: str | None = None
    authority: str | None = None
    claims: tuple[str, ...] = ()
    full_uri: bool = False

    def executing(self, request: AuditedRequest, claims: Mapping[str, Any]) -> None:
        """Record that a request is about to be carried out for a caller who may ask for it."""
        self._write("Executing", request, claims, None)

    def executed(self, request: AuditedRequest, claims: Mapping[str, Any], status: int) -> None:
        """Record the answer, also a refusal."""
        self._write("Executed", request, claims, status)

    def _write(self, kind: str, request: AuditedRequest, claims: Mapping[str, Any], status: int | None) -> None:
        query = request.query if self.full_uri else without_values(request.query)
        record = {
            "ActionType": kind,
            "EventType": "AuditEvent",
            "Audience": self.audience,
            "Authority": self.authority,
            "RequestUri": f"{request.url}?{query}" if query else request.url,
            "Action": request.action,
            "StatusCode": status,
            "CorrelationId": request.correlation_id,
            "CallerIpAddress": request.caller_ip_address,
            "Claims": ";".join(f"{name}={_text(claims[name])}" for name in self.claims if name in claims),
            "CustomHeaders": ";".join(f"{name}={value}" for name, value in request.custom_headers.items()),
        }
        fields = {name: value for name, value in record.items() if value is not None}
        audit_logger.info(json.dumps(fields, separators=(",", ":")), extra=fields)


def _text(claim: Any) -> str:
    return ",".join(map(str, claim)) if isinstance(claim, list) else str(claim)
