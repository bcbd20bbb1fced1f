"""What holds for requests of every route: access, audit, cross-origin calls and tracing. All are off by default."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from dicom_core.http.access import Access
from dicom_core.http.audit import Audit, AuditedRequest, audit_logger, custom_headers
from dicom_core.http.auth import Claims, TokenVerifier
from dicom_core.http.cors import CorsPolicy
from dicom_core.http.problems import status_of
from dicom_core.http.roles import BUILT_IN_ROLES, Roles, parse_roles
from dicom_core.settings import Settings, SettingsError, variable
from dicom_core.telemetry import RequestSpans

if TYPE_CHECKING:
    from dicom_core.http.route import Route

__all__ = ["Policies"]


@dataclass(frozen=True, slots=True)
class Policies:
    """The policies of one process; None for one that is off.

    `audit_prefix` is what names of custom audit headers start with, in lower case. Their limits hold without audit, too.
    """

    access: Access | None
    audit: Audit | None
    cors: CorsPolicy | None
    audit_prefix: bytes
    spans: RequestSpans | None

    @classmethod
    def from_settings(cls, settings: Settings, spans: RequestSpans | None = None) -> Policies:
        """Set up the policies.

        Raises:
            SettingsError: the roles file or the identity provider's address cannot be used.
        """
        return cls(_access(settings), _audit(settings), _cors(settings), settings.audit_header_prefix.lower().encode(), spans)

    def preflight(self, request: Request) -> Response | None:
        """Answer a browser's question whether a page may call; None when the request is another one."""
        if self.cors is None or request.method != "OPTIONS":
            return None
        headers = self.cors.preflight(request.headers)
        return None if headers is None else Response(status_code=204, headers=headers)

    async def guard(self, route: Route, request: Request, correlation: str, carry_out: Callable[[], Awaitable[Response]]) -> Response:
        """Let `carry_out` answer a request if its caller may ask for it, and record both; open routes are neither.

        Raises:
            BadRequestError: the custom audit headers are too many or too long.
            UnauthenticatedError, ForbiddenError, BackendError: the caller may not, or nobody can tell.
        """
        if route.action is None or route.audit is None:
            return await carry_out()
        if self.audit is not None:
            return await self._audited(self.audit, route, request, correlation, carry_out)
        custom_headers(request.scope["headers"], self.audit_prefix)
        if self.access is not None:
            claims = await self.access.authenticate(request.headers.get("authorization"))
            self.access.authorize(claims, route.action)
        return await carry_out()

    async def _audited(
        self, audit: Audit, route: Route, request: Request, correlation: str, carry_out: Callable[[], Awaitable[Response]]
    ) -> Response:
        assert route.action is not None
        claims: Claims = {}
        record = _record(route, request, correlation)
        try:
            record = replace(record, custom_headers=custom_headers(request.scope["headers"], self.audit_prefix))
            if self.access is not None:
                claims = await self.access.authenticate(request.headers.get("authorization"))
                self.access.authorize(claims, route.action)
            audit.executing(record, claims)
            response = await carry_out()
        except Exception as error:
            audit.executed(record, claims, 400 if isinstance(error, ClientDisconnect) else status_of(error))
            raise
        audit.executed(record, claims, response.status_code)
        return response


def _record(route: Route, request: Request, correlation: str) -> AuditedRequest:
    return AuditedRequest(
        action=route.audit or "",
        url=str(request.url.replace(query="")),
        query=request.url.query,
        correlation_id=correlation,
        caller_ip_address=request.client.host if request.client else "",
        custom_headers={},
    )


def _access(settings: Settings) -> Access | None:
    if not settings.security_enabled:
        return None
    try:
        verifier = TokenVerifier(settings.authority, settings.audiences)
    except ValueError as error:
        raise SettingsError(f"{variable('authority')}: {error}.") from error
    return Access(verifier, _roles(settings) if settings.authorization_enabled else None, settings.roles_claim)


def _roles(settings: Settings) -> Roles:
    if not settings.roles_file:
        return BUILT_IN_ROLES
    try:
        return parse_roles(Path(settings.roles_file).read_bytes())
    except (OSError, ValueError) as error:
        raise SettingsError(f"{variable('roles_file')}: {error}.") from error


def _audit(settings: Settings) -> Audit | None:
    if not settings.audit_enabled:
        return None
    audit_logger.setLevel(logging.INFO)
    return Audit(
        audience=settings.audiences[0] if settings.audiences else None,
        authority=settings.authority or None,
        claims=settings.audit_claims,
        full_uri=settings.audit_full_uri,
    )


def _cors(settings: Settings) -> CorsPolicy | None:
    if not settings.cors_origins:
        return None
    return CorsPolicy(
        origins=tuple(origin.lower().rstrip("/") for origin in settings.cors_origins),
        headers=settings.cors_headers,
        methods=settings.cors_methods,
        max_age=settings.cors_max_age_seconds,
        allow_credentials=settings.cors_allow_credentials,
    )
