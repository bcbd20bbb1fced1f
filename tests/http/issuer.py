"""A small OpenID Connect authority that signs tokens and changes its keys on demand."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from typing import Any

import jwt
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

__all__ = ["AUDIENCE", "Issuer", "curve_key", "rsa_key", "running_issuer", "unsigned"]

AUDIENCE = "https://dicom.example"

_CURVES: dict[str, type[ec.EllipticCurve]] = {"ES256": ec.SECP256R1, "ES384": ec.SECP384R1, "ES512": ec.SECP521R1}


@cache
def rsa_key(number: int, bits: int = 2048) -> rsa.RSAPrivateKey:
    """Make one of several keys; making one takes a while, so tests share them."""
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


class Issuer:
    """What the authority publishes now, how often it was asked, and a pen to sign with."""

    def __init__(self) -> None:
        self.url = ""
        self.name = "https://issuer.example/tenant"
        self.private_keys: dict[str, Any] = {"one": rsa_key(1)}
        self.extra_keys: list[Any] = []
        self.broken = False
        self.asked = 0

    def rotate(self, key_id: str, private_key: Any) -> None:
        """Publish and sign with another key only."""
        self.private_keys = {key_id: private_key}

    def token(self, *, headers: dict[str, Any] | None = None, algorithm: str = "RS256", key: Any = None, **claims: Any) -> str:
        """Sign a token that is good for ten minutes; a claim of None is left out."""
        now = int(time.time())
        payload = {"iss": self.name, "aud": AUDIENCE, "exp": now + 600, "nbf": now, "sub": "someone", **claims}
        key_id, private_key = next(iter(self.private_keys.items()))
        return jwt.encode(
            {name: value for name, value in payload.items() if value is not None},
            key or private_key,
            algorithm=algorithm,
            headers={"kid": key_id} if headers is None else headers,
        )

    def application(self) -> web.Application:
        application = web.Application()
        application.router.add_get("/.well-known/openid-configuration", self._metadata)
        application.router.add_get("/keys", self._keys)
        return application

    async def _metadata(self, request: web.Request) -> web.Response:
        self.asked += 1
        if self.broken:
            raise web.HTTPServiceUnavailable
        return web.json_response({"issuer": self.name, "jwks_uri": f"{self.url}/keys"})

    async def _keys(self, request: web.Request) -> web.Response:
        keys = [{**_jwk(key), "kid": key_id, "use": "sig"} for key_id, key in self.private_keys.items()]
        return web.json_response({"keys": [*self.extra_keys, *keys]})


def _jwk(key: Any) -> dict[str, Any]:
    if isinstance(key, rsa.RSAPrivateKey):
        return dict(RSAAlgorithm.to_jwk(key.public_key(), as_dict=True))
    return dict(ECAlgorithm.to_jwk(key.public_key(), as_dict=True))


def curve_key(algorithm: str) -> ec.EllipticCurvePrivateKey:
    """Make a key for an ECDSA algorithm."""
    return ec.generate_private_key(_CURVES[algorithm]())


def unsigned(header: dict[str, Any], claims: dict[str, Any], signature: bytes = b"") -> str:
    """Put a token together without any library's help or objections."""
    parts = (json.dumps(header).encode(), json.dumps(claims).encode(), signature)
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)


@asynccontextmanager
async def running_issuer() -> AsyncIterator[Issuer]:
    """Serve an authority on this machine."""
    issuer = Issuer()
    runner = web.AppRunner(issuer.application())
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        issuer.url = f"http://{host}:{port}"
        yield issuer
    finally:
        await runner.cleanup()
