"""Access, audit and cross-origin calls as callers meet them, on every route of the table."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from dicom_core.http.policies import Policies
from dicom_core.http.routes import Binding, bindings
from dicom_core.settings import Settings, SettingsError
from tests.http.driver import Answer, Client, open_client
from tests.http.issuer import AUDIENCE, Issuer, rsa_key, running_issuer

_ROLES = {
    "globalReader": {"read"},
    "globalAdmin": {"read", "write", "delete", "manageExtendedQueryTags", "export"},
    "DICOM Data Reader": {"read"},
    "DICOM Data Owner": {"read", "write", "delete", "manageExtendedQueryTags", "export"},
    "archivist": {"write"},
    "nobody": set(),
}
_VIEWER = "https://viewer.example"
_BINDINGS = [pytest.param(binding, id=binding.name) for binding in bindings()]


def _path(binding: Binding) -> str:
    """A path that the route takes; what it names does not exist."""
    values = {"version": "v2", "partitionName": "north", "frames": "1", "frame": "1"}
    return "/" + re.sub(r"\{(\w+)(?::[^/]*)?\}", lambda match: values.get(match[1], "1.2.3"), binding.template)


async def _call(client: Client, binding: Binding, **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return await client.send(binding.route.method, _path(binding), headers=named)


@pytest.fixture
async def issuer() -> AsyncIterator[Issuer]:
    async with running_issuer() as running:
        yield running


@pytest.fixture
async def secured(tmp_path: Path, issuer: Issuer) -> AsyncIterator[Client]:
    roles = tmp_path / "roles.json"
    roles.write_text('{"roles":[{"name":"archivist","dataActions":["*"],"notDataActions":["read","delete","export",')
    with roles.open("a") as more:
        more.write('"manageExtendedQueryTags"],"scopes":["/"]}]}')
    settings = {
        "security_enabled": True,
        "authority": issuer.url,
        "audiences": (AUDIENCE,),
        "authorization_enabled": True,
        "roles_file": str(roles),
        "audit_enabled": True,
        "audit_claims": ("sub", "roles"),
    }
    async with open_client(tmp_path / "store", **settings) as client:
        yield client


@pytest.fixture
async def shared(tmp_path: Path) -> AsyncIterator[Client]:
    async with open_client(tmp_path, cors_origins=(_VIEWER,), cors_max_age_seconds=1440, cors_allow_credentials=True) as client:
        yield client


@pytest.mark.parametrize("binding", _BINDINGS)
async def test_every_route_asks_for_a_token_and_the_right_role(secured: Client, issuer: Issuer, binding: Binding) -> None:
    action = binding.route.action
    answer = await _call(secured, binding)
    if action is None:
        assert answer.status not in (401, 403)
        return
    assert answer.status == 401
    assert answer.body == b""
    expected = f'Bearer authorization_uri="{issuer.url}", resource_id="{AUDIENCE}", realm="{AUDIENCE}"'
    assert answer.headers["www-authenticate"] == expected
    for role, actions in _ROLES.items():
        answer = await _call(secured, binding, authorization=f"Bearer {issuer.token(roles=[role])}")
        if action in actions:
            assert answer.status not in (401, 403), role
        else:
            assert answer.status == 403, role
            assert action in answer.text


@pytest.mark.parametrize("binding", _BINDINGS)
async def test_every_audited_route_leaves_two_records(
    secured: Client, issuer: Issuer, binding: Binding, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "dicom.audit")
    answer = await _call(secured, binding, authorization=f"Bearer {issuer.token(roles=['globalAdmin'])}")
    records = _records(caplog)
    if binding.route.audit is None:
        assert records == []
        return
    executing, executed = records
    assert (executing["ActionType"], executed["ActionType"]) == ("Executing", "Executed")
    assert executing["Action"] == executed["Action"] == binding.route.audit
    assert executed["StatusCode"] == answer.status
    assert executed["CorrelationId"] == answer.headers["x-correlation-id"]
    assert executed["RequestUri"] == f"http://dicom.test{_path(binding)}"
    assert executed["Claims"] == "sub=someone;roles=globalAdmin"
    assert executed["CallerIpAddress"] == "192.0.2.1"


def _records(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    return [json.loads(record.getMessage()) for record in caplog.records if record.name == "dicom.audit"]


@pytest.mark.parametrize(
    ("path", "roles", "status", "kinds"),
    [
        ("/v2/studies", ["globalReader"], 204, ["Executing", "Executed"]),
        ("/v2/studies?limit=0", ["globalReader"], 400, ["Executing", "Executed"]),
        ("/v2/studies", None, 401, ["Executed"]),
        ("/v2/studies", ["archivist"], 403, ["Executed"]),
        ("/v2/studies/1.2.3", ["globalReader"], 404, ["Executing", "Executed"]),
        ("/v2/nothing", ["globalReader"], 404, []),
        ("/v99/studies", ["globalReader"], 400, []),
    ],
)
async def test_refusals_are_recorded(
    secured: Client,
    issuer: Issuer,
    caplog: pytest.LogCaptureFixture,
    path: str,
    roles: list[str] | None,
    status: int,
    kinds: list[str],
) -> None:
    caplog.set_level(logging.INFO, "dicom.audit")
    headers = {} if roles is None else {"Authorization": f"Bearer {issuer.token(roles=roles)}"}
    answer = await secured.send("GET", path, headers=headers)
    records = _records(caplog)
    assert answer.status == status
    assert [record["ActionType"] for record in records] == kinds
    assert {record.get("StatusCode") for record in records} <= {None, status}


async def test_a_failure_is_recorded(secured: Client, issuer: Issuer, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "dicom.audit")
    await secured.services.close()
    answer = await secured.get("/v2/studies", authorization=f"Bearer {issuer.token(roles=['globalReader'])}")
    assert answer.status in (500, 503)
    assert _records(caplog)[-1]["StatusCode"] == answer.status


async def test_what_patients_are_called_is_not_recorded(secured: Client, issuer: Issuer, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "dicom.audit")
    token = issuer.token(roles=["globalReader"], name="Doe^Jane")
    await secured.get("/v2/studies?PatientName=Doe%5EJane&limit=5", authorization=f"Bearer {token}")
    assert "Doe" not in caplog.text
    assert _records(caplog)[0]["RequestUri"] == "http://dicom.test/v2/studies?PatientName=***&limit=5"


async def test_custom_audit_headers_are_copied(secured: Client, issuer: Issuer, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "dicom.audit")
    headers = {"Authorization": f"Bearer {issuer.token(roles=['globalReader'])}", "X-MS-AzureDicom-Audit-Site": "north"}
    await secured.send("GET", "/v2/studies", headers=headers)
    assert _records(caplog)[1]["CustomHeaders"] == "x-ms-azuredicom-audit-site=north"


@pytest.mark.parametrize("audit_enabled", [False, True])
async def test_custom_audit_headers_have_limits(tmp_path: Path, audit_enabled: bool) -> None:
    many = {f"X-MS-AZUREDICOM-AUDIT-{number}": "x" for number in range(11)}
    async with open_client(tmp_path, audit_enabled=audit_enabled) as client:
        assert (await client.send("GET", "/v2/studies", headers=many)).status == 400
        assert (await client.send("GET", "/v2/studies", headers={"x-ms-azuredicom-audit-a": "x" * 2049})).status == 400
        assert (await client.send("GET", "/v2/studies", headers={"x-ms-azuredicom-audit-a": "x" * 2048})).status == 204
        assert (await client.send("GET", "/health/check", headers=many)).status == 200


async def test_authentication_alone_asks_for_no_role(tmp_path: Path, issuer: Issuer) -> None:
    async with open_client(tmp_path, security_enabled=True, authority=issuer.url, audiences=(AUDIENCE,)) as client:
        assert (await client.get("/v2/studies")).status == 401
        assert (await client.get("/v2/studies", authorization=f"Bearer {issuer.token()}")).status == 204
        assert (await client.get("/v2/studies", authorization=f"Bearer {issuer.token(key=rsa_key(2))}")).status == 401


async def test_an_identity_provider_that_is_down_means_trying_later(secured: Client, issuer: Issuer) -> None:
    issuer.broken = True
    answer = await secured.get("/v2/studies", authorization=f"Bearer {issuer.token()}")
    assert answer.status == 503
    assert "retry-after" in answer.headers


async def test_a_preflight_request_is_answered_without_a_token(shared: Client) -> None:
    headers = {"Origin": _VIEWER, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}
    answer = await shared.send("OPTIONS", "/v2/studies", headers=headers)
    assert answer.status == 204
    assert answer.headers["access-control-allow-origin"] == _VIEWER
    assert answer.headers["access-control-allow-credentials"] == "true"
    assert "POST" in answer.headers["access-control-allow-methods"]
    assert answer.headers["access-control-allow-headers"] == "authorization"
    assert answer.headers["access-control-max-age"] == "1440"


@pytest.mark.parametrize("binding", _BINDINGS)
async def test_pages_of_allowed_origins_may_read_every_answer(shared: Client, binding: Binding) -> None:
    answer = await _call(shared, binding, origin=_VIEWER)
    assert answer.headers["access-control-allow-origin"] == _VIEWER
    assert "ETag" in answer.headers["access-control-expose-headers"]
    assert "Origin" in answer.headers["vary"]


async def test_other_origins_get_the_answer_but_no_permission(shared: Client) -> None:
    stranger = "https://evil.example"
    answer = await shared.get("/v2/partitions", origin=stranger)
    assert answer.status == 200
    assert not any(name.startswith("access-control-") for name in answer.headers)
    answer = await shared.send("OPTIONS", "/v2/studies", headers={"Origin": stranger, "Access-Control-Request-Method": "GET"})
    assert answer.status == 405
    assert not any(name.startswith("access-control-") for name in answer.headers)


async def test_without_configuration_origins_mean_nothing(client: Client) -> None:
    answer = await client.get("/v2/partitions", origin=_VIEWER)
    assert not any(name.startswith("access-control-") for name in answer.headers)
    answer = await client.send("OPTIONS", "/v2/studies", headers={"Origin": _VIEWER, "Access-Control-Request-Method": "GET"})
    assert answer.status == 405


async def test_the_trace_of_the_caller_names_the_request(client: Client) -> None:
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    answer = await client.get("/v2/studies", traceparent=f"00-{trace}-00f067aa0ba902b7-01")
    assert answer.headers["x-correlation-id"] == trace


@pytest.mark.parametrize(
    ("settings", "variable"),
    [
        ({"security_enabled": True, "audiences": ("a",)}, "DICOM_AUTHORITY"),
        ({"security_enabled": True, "authority": "https://login.example"}, "DICOM_AUDIENCES"),
        ({"security_enabled": True, "authority": "http://login.example", "audiences": ("a",)}, "DICOM_AUTHORITY"),
        ({"authorization_enabled": True}, "DICOM_AUTHORIZATION_ENABLED"),
        ({"cors_origins": ("*",), "cors_allow_credentials": True}, "DICOM_CORS_ALLOW_CREDENTIALS"),
        ({"cors_max_age_seconds": -1}, "DICOM_CORS_MAX_AGE_SECONDS"),
        ({"audit_header_prefix": ""}, "DICOM_AUDIT_HEADER_PREFIX"),
    ],
)
def test_settings_that_do_not_fit_together_stop_the_start(settings: dict[str, Any], variable: str) -> None:
    with pytest.raises(SettingsError, match=variable):
        Policies.from_settings(Settings(storage="embedded", **settings))


@pytest.mark.parametrize("content", [None, "[]", '{"roles":[{"name":"x"}]}'])
def test_a_roles_file_that_cannot_be_used_stops_the_start(tmp_path: Path, content: str | None) -> None:
    roles = tmp_path / "roles.json"
    if content is not None:
        roles.write_text(content)
    settings = Settings(
        storage="embedded",
        security_enabled=True,
        authority="https://login.example",
        audiences=("a",),
        authorization_enabled=True,
        roles_file=str(roles),
    )
    with pytest.raises(SettingsError, match="DICOM_ROLES_FILE"):
        Policies.from_settings(settings)
