"""Store over HTTP: what is taken, what is refused and in which order, and what becomes of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from pathlib import Path

import pytest

from dicom_core.identifiers import DEFAULT_PARTITION
from tests.dicom.factories import INSTANCE, SECONDARY_CAPTURE, SERIES, STUDY, make_instance
from tests.http.driver import Answer, Client, open_client

_MULTIPART = 'multipart/related; type="application/dicom"; boundary=b'
_FILE = make_instance()
_OTHER = make_instance(instance=f"{INSTANCE}.1")
_URL = f"http://dicom.test/v2/studies/{STUDY}/series/{SERIES}/instances/{INSTANCE}"


def _body(*files: bytes, kind: str | None = "application/dicom", closed: bool = True) -> bytes:
    header = b"" if kind is None else f"Content-Type: {kind}\r\n".encode()
    parts = b"".join(b"--b\r\n" + header + b"\r\n" + file + b"\r\n" for file in files)
    return parts + b"--b--\r\n" if closed else parts


async def _store(client: Client, body: bytes | Iterable[bytes], path: str = "/v2/studies", **headers: str) -> Answer:
    named = {"content-type": _MULTIPART} | {name.replace("_", "-"): value for name, value in headers.items()}
    return await client.send("POST", path, body, headers={name: value for name, value in named.items() if value})


@pytest.fixture
async def small_limit(tmp_path: Path) -> AsyncIterator[Client]:
    async with open_client(tmp_path / "limited", max_file_bytes=len(_FILE)) as client:
        yield client


@pytest.mark.parametrize("version", ["v1.0-prerelease", "v1", "v2"])
async def test_stored_file_is_found_again(client: Client, version: str) -> None:
    answer = await _store(client, _body(_FILE, _OTHER), f"/{version}/studies")
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/dicom+json"
    items = answer.json["00081199"]["Value"]
    assert [item["00081155"]["Value"] for item in items] == [[INSTANCE], [f"{INSTANCE}.1"]]
    assert items[0]["00081150"]["Value"] == [SECONDARY_CAPTURE]
    url = items[0]["00081190"]["Value"][0]
    assert url == _URL.replace("v2", version)
    got = await client.get(url.removeprefix("http://dicom.test"), "application/dicom; transfer-syntax=*")
    assert got.body == bytes(128) + _FILE[128:]
    found = await client.get(f"/{version}/studies/{STUDY}/instances")
    assert len(found.json) == 2


async def test_body_may_be_one_file(client: Client) -> None:
    answer = await _store(client, _FILE, content_type="Application/DICOM; transfer-syntax=1.2")
    assert answer.status == 200


@pytest.mark.parametrize("size", [1, 100, 1000])
async def test_body_may_come_in_any_chunks(client: Client, size: int) -> None:
    body = _body(_FILE, _OTHER)
    answer = await _store(client, [body[start : start + size] for start in range(0, len(body), size)])
    assert answer.status == 200


async def test_first_part_takes_its_type_from_the_request(client: Client) -> None:
    assert (await _store(client, _body(_FILE, kind=None))).status == 200
    assert (await _store(client, _body(_FILE, kind=None), content_type="multipart/related; boundary=b")).status == 415
    second = _body(_FILE, closed=False) + _body(_OTHER, kind=None)
    assert (await _store(client, second)).status == 415


@pytest.mark.parametrize("kind", ["APPLICATION/DICOM", "application/dicom; transfer-syntax=1.2.840.10008.1.2.1"])
async def test_part_types_that_are_taken(client: Client, kind: str) -> None:
    assert (await _store(client, _body(_FILE, kind=kind))).status == 200


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        pytest.param(_body(_FILE, closed=False) + _body(_OTHER, kind="application/json"), _MULTIPART, id="a part of another type"),
        pytest.param(_body(_FILE), "multipart/related", id="no boundary"),
        pytest.param(_body(_FILE), 'multipart/related; boundary=" "', id="blank boundary"),
        pytest.param(_FILE, "application/octet-stream", id="another type"),
        pytest.param(_FILE, "nonsense", id="no type at all"),
        pytest.param(_FILE, "", id="no header"),
    ],
)
async def test_types_that_are_not_taken(client: Client, body: bytes, kind: str) -> None:
    assert (await _store(client, body, content_type=kind)).status == 415
    assert (await client.get("/v2/studies")).status == 204


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"hello", id="no delimiter"),
        pytest.param(_body(_FILE, _OTHER, closed=False), id="not terminated"),
        pytest.param(_body(_FILE)[:-4], id="delimiter not terminated"),
    ],
)
async def test_broken_framing_stores_nothing(client: Client, body: bytes) -> None:
    answer = await _store(client, body)
    assert (answer.status, answer.headers["content-type"]) == (400, "text/plain; charset=utf-8")
    assert (await client.get("/v2/studies")).status == 204


async def test_another_root_is_refused(client: Client) -> None:
    assert (await _store(client, _body(_FILE), content_type=f'{_MULTIPART}; start="<1>"')).status == 400


@pytest.mark.parametrize("body", [b"--b--\r\n", b"--b\r\n\r\n--b--\r\n"])
async def test_no_parts_are_no_content(client: Client, body: bytes) -> None:
    answer = await _store(client, body)
    assert (answer.status, answer.body) == (204, b"")


@pytest.mark.parametrize(("body", "kind"), [(_body(b""), _MULTIPART), (b"", "application/dicom"), (_body(b"no DICOM" * 100), _MULTIPART)])
async def test_unreadable_file_fails(client: Client, body: bytes, kind: str) -> None:
    answer = await _store(client, body, content_type=kind)
    assert answer.status == 409
    assert answer.json == {"00081198": {"vr": "SQ", "Value": [{"00081197": {"vr": "US", "Value": [43264]}}]}}


async def test_second_time_fails(client: Client) -> None:
    await _store(client, _body(_FILE))
    answer = await _store(client, _body(_FILE, _OTHER))
    assert answer.status == 202
    [failed] = answer.json["00081198"]["Value"]
    assert failed["00081197"]["Value"] == [45070]
    assert len(answer.json["00081199"]["Value"]) == 1


async def test_store_in_a_study(client: Client) -> None:
    answer = await _store(client, _body(_FILE, make_instance(study="1.2.3", instance="1.2.3.4")), f"/v2/studies/{STUDY}")
    assert answer.status == 202
    assert answer.json["00081190"]["Value"] == [f"http://dicom.test/v2/studies/{STUDY}"]
    [failed] = answer.json["00081198"]["Value"]
    assert failed["00081197"]["Value"] == [43265]


async def test_partition_comes_into_being(client: Client) -> None:
    answer = await _store(client, _body(_FILE), "/v2/partitions/New.One/studies")
    [item] = answer.json["00081199"]["Value"]
    assert item["00081190"]["Value"] == [_URL.replace("v2/", "v2/partitions/New.One/")]
    partitions = (await client.get("/v2/partitions")).json
    assert [each["partitionName"] for each in partitions] == [DEFAULT_PARTITION, "New.One"]
    assert (await client.get("/v2/studies")).status == 204
    assert (await client.get("/v2/partitions/new.one/studies")).status == 200


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/v2/partitions/bad!/studies/x", {"content_type": "text/html", "accept": "text/html"}, 415),
        ("/v2/partitions/bad!/studies/x", {"content_type": "", "accept": "text/html"}, 400),
        ("/v2/studies/x", {"content_type": "", "accept": "text/html"}, 406),
        ("/v2/studies/x", {"content_type": "", "accept": "application/json"}, 400),
        ("/v2/studies/1", {"content_type": ""}, 415),
    ],
)
async def test_order_of_checks(client: Client, path: str, headers: dict[str, str], status: int) -> None:
    assert (await _store(client, b"", path, **headers)).status == status


async def test_limit_holds_for_a_file_and_for_all_together(small_limit: Client) -> None:
    assert (await _store(small_limit, _FILE, content_type="application/dicom")).status == 200
    assert (await _store(small_limit, _body(_FILE))).status == 409
    for body, kind in ((_OTHER + b"\0\0", "application/dicom"), (_body(_OTHER + b"\0\0"), _MULTIPART), (_body(_FILE, _OTHER), _MULTIPART)):
        answer = await _store(small_limit, body, content_type=kind)
        assert answer.status == 413
        assert "longer than the limit" in answer.text
    assert len((await small_limit.get("/v2/instances")).json) == 1


async def test_client_that_leaves_stores_nothing(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    body = _body(_FILE, _OTHER, closed=False)
    answer = await client.send("POST", "/v2/studies", [body[:1000], body[1000:]], headers={"Content-Type": _MULTIPART}, leaves=True)
    assert answer.status == 400
    assert not [record for record in caplog.records if record.levelname == "ERROR"]
    assert (await client.get("/v2/studies")).status == 204


@pytest.mark.parametrize(
    ("trusted", "expected"), [(False, "http://dicom.test/v2/"), (True, "https://outside.test/v2/")], ids=["not configured", "configured"]
)
async def test_forwarded_headers(tmp_path: Path, *, trusted: bool, expected: str) -> None:
    async with open_client(tmp_path, forwarded_headers=trusted) as client:
        answer = await _store(client, _body(_FILE), x_forwarded_host="outside.test, inner", x_forwarded_proto="https")
        [item] = answer.json["00081199"]["Value"]
        assert item["00081190"]["Value"][0].startswith(expected)


async def test_deleted_instance_can_be_stored_again(client: Client) -> None:
    await _store(client, _body(_FILE))
    path = _URL.removeprefix("http://dicom.test")
    assert (await client.send("DELETE", path)).status == 204
    assert (await client.send("DELETE", path)).status == 404
    assert (await client.get(path)).status == 404
    assert (await _store(client, _body(_FILE))).status == 200
