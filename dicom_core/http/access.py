"""Access: who calls, and whether they may."""

from __future__ import annotations

from dataclasses import dataclass

from dicom_core.errors import ForbiddenError
from dicom_core.http.auth import Claims, TokenVerifier
from dicom_core.http.roles import DataAction, Roles, allowed_actions

__all__ = ["Access"]


@dataclass(frozen=True, slots=True)
class Access:
    """Asks every caller for a token and, with `roles`, for a role in the claim `roles_claim` that allows the action."""

    verifier: TokenVerifier
    roles: Roles | None
    roles_claim: str

    async def authenticate(self, authorization: str | None) -> Claims:
        """Return the claims of the caller's token, as `TokenVerifier.verify`."""
        return await self.verifier.verify(authorization)

    def authorize(self, claims: Claims, action: DataAction) -> None:
        """Let a caller pass who may take the action.

        Raises:
            ForbiddenError: the roles do not allow it.
        """
        if self.roles is not None and action not in allowed_actions(self.roles, claims.get(self.roles_claim)):
            raise ForbiddenError(f"The caller's roles do not allow the data action {action}.")
