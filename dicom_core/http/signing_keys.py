"""The keys that an OpenID Connect authority signs its tokens with: fetched once, kept, and followed when they roll over."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from dicom_core.errors import BackendError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

__all__ = ["ALGORITHMS", "FetchJson", "SigningKey", "SigningKeys", "check_authority", "fetch_json"]

_logger = logging.getLogger(__name__)

# A key serves only algorithms of its own type: neither "none" nor an HMAC keyed with a public key can ever verify.
_RSA_ALGORITHMS = frozenset({"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"})
_CURVE_ALGORITHMS = {"P-256": frozenset({"ES256"}), "P-384": frozenset({"ES384"}), "P-521": frozenset({"ES512"})}
ALGORITHMS = _RSA_ALGORITHMS.union(*_CURVE_ALGORITHMS.values())

_MIN_RSA_BITS = 2048
_MAX_KEYS = 100
_MAX_DOCUMENT_BYTES = 1024 * 1024
_FETCH_TIMEOUT = 10.0
_RENEW_AFTER = 60 * 60.0  # seconds; older keys still serve while newer ones are fetched
_EXPIRE_AFTER = 24 * 60 * 60.0  # an authority that is down that long takes its keys with it
_FETCH_PAUSE = 60.0  # between fetches that only an unknown key or age asks for

FetchJson = Callable[[str], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A public key, its id, and the algorithms that it may verify."""

    key_id: str | None
    algorithms: frozenset[str]
    public_key: RSAPublicKey | EllipticCurvePublicKey


@dataclass(frozen=True, slots=True)
class _Published:
    issuer: str
    keys: tuple[SigningKey, ...]

    def candidates(self, key_id: str | None, algorithm: str) -> list[SigningKey]:
        return [key for key in self.keys if algorithm in key.algorithms and (key_id is None or key.key_id == key_id)]


def check_authority(url: str) -> str:
    """Return an authority's URL as it stands.

    Raises:
        ValueError: neither https nor (for trials) http on this very machine.
    """
    parts = urlsplit(url)
    if parts.scheme == "https" and parts.hostname:
        return url
    if parts.scheme == "http" and parts.hostname in {"localhost", "127.0.0.1", "::1"}:
        return url
    raise ValueError("an identity provider's URL must be https")


async def fetch_json(url: str) -> Any:
    """Fetch a JSON document of at most 1 MiB; redirects are not followed.

    Raises:
        BackendError: no answer, not a success, or not JSON.
    """
    import aiohttp

    timeout = aiohttp.ClientTimeout(total=_FETCH_TIMEOUT)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout, trust_env=True) as session,
            session.get(url, allow_redirects=False, headers={"Accept": "application/json"}) as response,
        ):
            if response.status != 200:
                raise BackendError(f"The identity provider answered {response.status}.")
            body = await response.content.read(_MAX_DOCUMENT_BYTES + 1)
            while len(body) <= _MAX_DOCUMENT_BYTES and (more := await response.content.read(_MAX_DOCUMENT_BYTES)):
                body += more
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise BackendError("The identity provider cannot be reached.") from error
    if len(body) > _MAX_DOCUMENT_BYTES:
        raise BackendError("The identity provider's answer is too long.")
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise BackendError("The identity provider's answer is not JSON.") from error


class SigningKeys:
    """An authority's issuer name and signing keys.

    Keys older than an hour are fetched anew while the old ones still serve; after a day without success they no longer do.
    A token with an unknown key id asks for a fetch too, at most once a minute. Fetches that coincide are one.

    Standard: OpenID Connect Discovery 1.0; RFC 7517
    """

    def __init__(self, authority: str, *, fetch: FetchJson = fetch_json, clock: Callable[[], float] = time.monotonic) -> None:
        self._metadata_url = check_authority(authority).rstrip("/") + "/.well-known/openid-configuration"
        self._fetch = fetch
        self._clock = clock
        self._published: _Published | None = None
        self._published_at = 0.0
        self._asked_again_at = float("-inf")
        self._fetching: asyncio.Task[None] | None = None

    async def find(self, key_id: str | None, algorithm: str) -> tuple[str, list[SigningKey]]:
        """Return the issuer's name and the keys that may have signed a token; none when the key is unknown.

        Raises:
            BackendError: the authority cannot be reached and no usable keys are known.
        """
        published = self._usable()
        if published is None:
            await asyncio.shield(self._fetch_once())
            published = self._usable()
            if published is None:
                raise BackendError("The identity provider cannot be reached.")
        keys = published.candidates(key_id, algorithm)
        is_old = self._clock() - self._published_at > _RENEW_AFTER
        if (keys and not is_old) or not self._may_ask_again():
            return published.issuer, keys
        self._asked_again_at = self._clock()
        fetching = self._fetch_once()
        if not keys:
            await asyncio.shield(fetching)
            published = self._published or published
            keys = published.candidates(key_id, algorithm)
        return published.issuer, keys

    def _usable(self) -> _Published | None:
        return self._published if self._clock() - self._published_at <= _EXPIRE_AFTER else None

    def _may_ask_again(self) -> bool:
        return self._fetching is not None or self._clock() - self._asked_again_at > _FETCH_PAUSE

    def _fetch_once(self) -> asyncio.Task[None]:
        """Fetch, or join the fetch under way; shield it: a caller that goes away must not take it from the others."""
        if self._fetching is None:
            self._fetching = asyncio.create_task(self._ask())
        return self._fetching

    async def _ask(self) -> None:
        try:
            metadata = await self._fetch(self._metadata_url)
            issuer, keys_url = _endpoints(metadata)
            self._published = _Published(issuer, _signing_keys(await self._fetch(keys_url)))
            self._published_at = self._clock()
        except BackendError as error:
            _logger.warning("signing keys not fetched: %s", error)
        finally:
            self._fetching = None


def _endpoints(metadata: Any) -> tuple[str, str]:
    if not isinstance(metadata, Mapping):
        raise BackendError("The identity provider's metadata is not an object.")
    issuer, keys_url = metadata.get("issuer"), metadata.get("jwks_uri")
    if not isinstance(issuer, str) or not issuer or not isinstance(keys_url, str):
        raise BackendError("The identity provider's metadata lacks issuer or jwks_uri.")
    try:
        return issuer, check_authority(keys_url)
    except ValueError as error:
        raise BackendError("The identity provider's jwks_uri is not https.") from error


def _signing_keys(document: Any) -> tuple[SigningKey, ...]:
    entries = document.get("keys") if isinstance(document, Mapping) else None
    if not isinstance(entries, list):
        raise BackendError("The identity provider's key set has no list of keys.")
    return tuple(key for entry in entries[:_MAX_KEYS] if (key := _signing_key(entry)) is not None)


def _signing_key(entry: Any) -> SigningKey | None:
    """Read a JSON Web Key; None for a key that cannot serve here (for encryption, symmetric, weak, malformed)."""
    import jwt
    from jwt.algorithms import ECAlgorithm, RSAAlgorithm

    if not isinstance(entry, Mapping) or entry.get("use", "sig") != "sig" or "d" in entry:
        return None
    key_type, key_id = entry.get("kty"), entry.get("kid")
    try:
        public_key: Any
        if key_type == "RSA":
            public_key, algorithms = RSAAlgorithm.from_jwk(dict(entry)), _RSA_ALGORITHMS
            if public_key.key_size < _MIN_RSA_BITS:
                return None
        elif key_type == "EC":
            public_key, algorithms = ECAlgorithm.from_jwk(dict(entry)), _CURVE_ALGORITHMS.get(str(entry.get("crv")), frozenset())
        else:
            return None
    except (jwt.PyJWTError, ValueError, TypeError):
        return None
    if "alg" in entry:
        algorithms &= {str(entry["alg"])}
    return SigningKey(key_id if isinstance(key_id, str) else None, algorithms, public_key)
