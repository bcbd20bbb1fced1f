"""Bearer tokens: who calls, according to an OpenID Connect authority."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from typing import Any

from dicom_core.errors import UnauthenticatedError
from dicom_core.http.signing_keys import ALGORITHMS, FetchJson, SigningKeys, fetch_json

__all__ = ["Claims", "TokenVerifier"]

Claims = Mapping[str, Any]

_BEARER = re.compile(r"bearer +([A-Za-z0-9._~+/=-]+) *", re.IGNORECASE | re.ASCII)
_CLOCK_SKEW = 5 * 60  # seconds, of exp, nbf and iat
_OPTIONS = {"require": ["exp", "iss", "aud"], "verify_sub": False, "verify_jti": False}


class TokenVerifier:
    """Checks JSON Web Tokens: signature, issuer, lifetime and audience.

    Claims keep the names that the token gives them.

    Standard: RFC 6750; RFC 7519; RFC 8725
    """

    def __init__(
        self,
        authority: str,
        audiences: tuple[str, ...],
        *,
        fetch: FetchJson = fetch_json,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if not audiences:
            raise ValueError("at least one audience is needed")
        self._audiences = audiences
        self._keys = SigningKeys(authority, fetch=fetch, clock=clock)
        self._challenge = f'Bearer authorization_uri="{authority}", resource_id="{audiences[0]}", realm="{audiences[0]}"'

    async def verify(self, authorization: str | None) -> Claims:
        """Return the claims of the token in an Authorization header.

        Raises:
            UnauthenticatedError: no token, or not a good one.
            BackendError: the authority's keys are not known and cannot be fetched.
        """
        import jwt

        match = _BEARER.fullmatch(authorization or "")
        if match is None:
            raise self._refusal("A bearer token is required.")
        token = match[1]
        try:
            header = jwt.get_unverified_header(token)
        except (jwt.PyJWTError, ValueError, RecursionError) as error:
            raise self._refusal("The bearer token is malformed.") from error
        algorithm = header.get("alg")
        if not isinstance(algorithm, str) or algorithm not in ALGORITHMS:
            raise self._refusal("The bearer token is signed with an algorithm that is not accepted.")
        issuer, keys = await self._keys.find(header.get("kid"), algorithm)
        for key in keys:
            try:
                return jwt.decode(
                    token,
                    key.public_key,
                    algorithms=[algorithm],
                    audience=self._audiences,
                    issuer=issuer,
                    leeway=_CLOCK_SKEW,
                    options=_OPTIONS,  # type: ignore[arg-type]  # a plain dict, not their TypedDict
                )
            except jwt.InvalidSignatureError:
                continue
            except (jwt.PyJWTError, ValueError, TypeError, OverflowError, RecursionError) as error:
                raise self._refusal("The bearer token is not valid here.") from error
        raise self._refusal("The bearer token is not signed by a key of the authority.")

    def _refusal(self, text: str) -> UnauthenticatedError:
        return UnauthenticatedError(text, self._challenge)
