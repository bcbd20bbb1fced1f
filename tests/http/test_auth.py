from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import RSAAlgorithm

from dicom_core.errors import BackendError, UnauthenticatedError
from dicom_core.http.auth import TokenVerifier
from dicom_core.http.signing_keys import check_authority, fetch_json
from tests.http.issuer import AUDIENCE, Issuer, curve_key, rsa_key, running_issuer, unsigned

YEAR_3000 = 32_503_680_000  # seconds since 1970


class _Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
async def issuer() -> AsyncIterator[Issuer]:
    async with running_issuer() as running:
        yield running


@pytest.fixture
def clock() -> _Clock:
    return _Clock()


@pytest.fixture
def verifier(issuer: Issuer, clock: _Clock) -> TokenVerifier:
    return TokenVerifier(issuer.url, (AUDIENCE, "api://other"), clock=clock)


async def _refused(verifier: TokenVerifier, token: str) -> None:
    with pytest.raises(UnauthenticatedError):
        await verifier.verify(f"Bearer {token}")


async def test_a_good_token_yields_its_claims_under_their_own_names(issuer: Issuer, verifier: TokenVerifier) -> None:
    claims = await verifier.verify(f"Bearer {issuer.token(roles=['globalReader'])}")
    assert claims["roles"] == ["globalReader"]
    assert claims["sub"] == "someone"


@pytest.mark.parametrize("algorithm", ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"])
async def test_rsa_algorithms_are_accepted(issuer: Issuer, verifier: TokenVerifier, algorithm: str) -> None:
    assert await verifier.verify(f"Bearer {issuer.token(algorithm=algorithm)}")


@pytest.mark.parametrize("algorithm", ["ES256", "ES384", "ES512"])
async def test_elliptic_curve_algorithms_are_accepted_with_their_own_curve_only(
    issuer: Issuer, verifier: TokenVerifier, algorithm: str
) -> None:
    issuer.rotate("curve", curve_key(algorithm))
    assert await verifier.verify(f"Bearer {issuer.token(algorithm=algorithm)}")
    other = "ES384" if algorithm == "ES256" else "ES256"
    await _refused(verifier, issuer.token(algorithm=other, key=curve_key(other)))


@pytest.mark.parametrize("audience", ["api://other", [AUDIENCE, "elsewhere"]])
async def test_any_of_the_audiences_will_do(issuer: Issuer, verifier: TokenVerifier, audience: Any) -> None:
    assert await verifier.verify(f"bearer  {issuer.token(aud=audience)} ")


@pytest.mark.parametrize(
    "header", [None, "", "Bearer", "Bearer ", "Basic dXNlcjpwYXNz", "Bearer a b", "Bearer é", "Bearer ..", "Bearer a.b.c", "Token x"]
)
async def test_a_header_without_a_token_is_refused(verifier: TokenVerifier, header: str | None) -> None:
    with pytest.raises(UnauthenticatedError):
        await verifier.verify(header)


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://elsewhere.example"},
        {"iss": None},
        {"aud": "https://elsewhere.example"},
        {"aud": None},
        {"aud": []},
        {"exp": None},
        {"exp": 1},
        {"exp": float("inf")},
        {"nbf": YEAR_3000},
        {"iat": YEAR_3000},
    ],
    ids=str,
)
async def test_a_wrong_claim_is_refused(issuer: Issuer, verifier: TokenVerifier, claims: dict[str, Any]) -> None:
    await _refused(verifier, issuer.token(**claims))


async def test_clocks_may_differ_by_five_minutes(issuer: Issuer, verifier: TokenVerifier) -> None:
    now = int(time.time())
    assert await verifier.verify(f"Bearer {issuer.token(exp=now - 240)}")
    assert await verifier.verify(f"Bearer {issuer.token(nbf=now + 240)}")
    await _refused(verifier, issuer.token(exp=now - 360))


async def test_tokens_are_not_accepted_on_their_own_word(issuer: Issuer, verifier: TokenVerifier) -> None:
    claims = {"iss": issuer.name, "aud": AUDIENCE, "exp": int(time.time()) + 600}
    await _refused(verifier, unsigned({"alg": "none", "kid": "one"}, claims))
    await _refused(verifier, unsigned({"alg": "NONE"}, claims))
    await _refused(verifier, unsigned({"alg": "RS256", "kid": "one"}, claims, b"\0" * 256))
    await _refused(verifier, unsigned({"alg": ["RS256"], "kid": "one"}, claims))
    await _refused(verifier, unsigned({"alg": "RS256", "kid": 1}, claims))
    await _refused(verifier, issuer.token(key=rsa_key(2)))


async def test_the_public_key_is_no_shared_secret(issuer: Issuer, verifier: TokenVerifier) -> None:
    """An HMAC keyed with the published key verifies only where algorithms are taken from the token."""
    public_key = rsa_key(1).public_key()
    head, _, _ = unsigned({"alg": "HS256", "kid": "one"}, {"iss": issuer.name, "aud": AUDIENCE, "exp": int(time.time()) + 600}).rpartition(
        "."
    )
    for secret in (
        public_key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        public_key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
    ):
        signature = base64.urlsafe_b64encode(hmac.new(secret, head.encode(), hashlib.sha256).digest()).rstrip(b"=").decode()
        await _refused(verifier, f"{head}.{signature}")


async def test_hostile_headers_are_refused_and_nothing_more(verifier: TokenVerifier) -> None:
    deep = base64.urlsafe_b64encode(b"[" * 20_000).rstrip(b"=").decode()
    await _refused(verifier, f"{deep}.e30.AAAA")
    await _refused(verifier, unsigned({"alg": "RS256", "crit": ["unheard-of"], "unheard-of": 1}, {}))
    await _refused(verifier, unsigned({"alg": "RS256", "b64": False, "crit": ["b64"]}, {}))


async def test_a_token_without_key_id_is_tried_with_every_key(issuer: Issuer, verifier: TokenVerifier) -> None:
    issuer.private_keys = {"two": rsa_key(2), "one": rsa_key(1)}
    assert await verifier.verify(f"Bearer {issuer.token(key=rsa_key(1), headers={})}")


async def test_only_fit_keys_are_taken_from_the_key_set(issuer: Issuer, verifier: TokenVerifier) -> None:
    def jwk(key: Any, **more: Any) -> dict[str, Any]:
        return {**RSAAlgorithm.to_jwk(key.public_key(), as_dict=True), **more}

    issuer.extra_keys = [
        "not a key",
        {"kty": "oct", "k": "c2VjcmV0", "kid": "shared"},
        {"kty": "RSA", "kid": "broken", "n": "*", "e": "AQAB"},
        {"kty": "EC", "kid": "curve", "crv": "secp256k1", "x": "", "y": ""},
        jwk(rsa_key(2), kid="encryption", use="enc"),
        jwk(rsa_key(3), kid="signing", alg="PS256"),
    ]
    assert await verifier.verify(f"Bearer {issuer.token()}")
    await _refused(verifier, issuer.token(key=rsa_key(2), headers={"kid": "encryption"}))
    await _refused(verifier, issuer.token(key=rsa_key(3), headers={"kid": "signing"}))
    assert await verifier.verify(f"Bearer {issuer.token(key=rsa_key(3), headers={'kid': 'signing'}, algorithm='PS256')}")


async def test_keys_are_fetched_once_for_everyone(issuer: Issuer, verifier: TokenVerifier) -> None:
    token = issuer.token()
    await asyncio.gather(*(verifier.verify(f"Bearer {token}") for _ in range(20)))
    assert issuer.asked == 1


async def test_new_keys_are_followed_but_not_more_than_once_a_minute(issuer: Issuer, verifier: TokenVerifier, clock: _Clock) -> None:
    old = issuer.token()
    await verifier.verify(f"Bearer {old}")
    issuer.rotate("two", rsa_key(2))
    second = issuer.token()
    await asyncio.gather(*(verifier.verify(f"Bearer {second}") for _ in range(20)))
    assert issuer.asked == 2
    issuer.rotate("three", rsa_key(3))
    third = issuer.token()
    await _refused(verifier, third)
    await _refused(verifier, old)
    assert issuer.asked == 2
    clock.now += 61
    await asyncio.gather(*(verifier.verify(f"Bearer {third}") for _ in range(20)))
    assert issuer.asked == 3


async def test_old_keys_are_renewed_in_the_background(issuer: Issuer, verifier: TokenVerifier, clock: _Clock) -> None:
    token = issuer.token()
    await verifier.verify(f"Bearer {token}")
    issuer.rotate("two", rsa_key(2))
    clock.now += 3601
    await verifier.verify(f"Bearer {token}")
    await verifier.verify(f"Bearer {issuer.token()}")
    assert issuer.asked == 2


async def test_an_authority_that_is_down_is_no_fault_of_the_caller(issuer: Issuer, verifier: TokenVerifier, clock: _Clock) -> None:
    issuer.broken = True
    with pytest.raises(BackendError):
        await verifier.verify(f"Bearer {issuer.token()}")
    issuer.broken = False
    assert await verifier.verify(f"Bearer {issuer.token()}")
    issuer.broken = True
    clock.now += 23 * 3600
    assert await verifier.verify(f"Bearer {issuer.token()}")
    clock.now += 2 * 3600
    with pytest.raises(BackendError):
        await verifier.verify(f"Bearer {issuer.token()}")


@pytest.mark.parametrize(
    "document",
    [
        [],
        {},
        {"issuer": "x"},
        {"issuer": "x", "jwks_uri": "http://example.org/keys"},
        {"issuer": "x", "jwks_uri": "https://issuer.example/keys"},
        {"issuer": "x", "jwks_uri": "https://issuer.example/keys", "keys": {}},
    ],
    ids=json.dumps,
)
async def test_metadata_that_make_no_sense_count_as_unreachable(document: Any) -> None:
    async def fetch(_: str) -> Any:
        return document

    with pytest.raises(BackendError):
        await TokenVerifier("https://issuer.example", (AUDIENCE,), fetch=fetch).verify(f"Bearer {unsigned({'alg': 'RS256'}, {})}")


async def test_a_caller_who_leaves_does_not_stop_the_fetch_for_others(issuer: Issuer) -> None:
    go = asyncio.Event()

    async def fetch(url: str) -> Any:
        await go.wait()
        return await fetch_json(url)

    verifier = TokenVerifier(issuer.url, (AUDIENCE,), fetch=fetch)
    header = f"Bearer {issuer.token()}"
    leaving, staying = asyncio.create_task(verifier.verify(header)), asyncio.create_task(verifier.verify(header))
    await asyncio.sleep(0)
    leaving.cancel()
    go.set()
    assert await staying
    with pytest.raises(asyncio.CancelledError):
        await leaving


async def test_fetching_is_bounded_and_does_not_follow_redirects(issuer: Issuer, unused_tcp_port: int) -> None:
    with pytest.raises(BackendError):
        await fetch_json(f"{issuer.url}/nothing-here")
    with pytest.raises(BackendError):
        await fetch_json(f"http://127.0.0.1:{unused_tcp_port}/")
    issuer.extra_keys = ["x" * 2_000_000]
    with pytest.raises(BackendError):
        await fetch_json(f"{issuer.url}/keys")


@pytest.mark.parametrize("url", ["", "login.example", "http://login.example", "https://", "ftp://127.0.0.1", "file:///etc/passwd"])
def test_an_authority_must_be_https(url: str) -> None:
    with pytest.raises(ValueError):
        check_authority(url)


async def test_a_refusal_names_authority_and_first_audience() -> None:
    with pytest.raises(UnauthenticatedError) as caught:
        await TokenVerifier("https://login.example/t", ("a", "b")).verify(None)
    assert caught.value.challenge == 'Bearer authorization_uri="https://login.example/t", resource_id="a", realm="a"'


def test_an_audience_is_needed() -> None:
    with pytest.raises(ValueError):
        TokenVerifier("https://login.example/t", ())
