"""Bad input over HTTP: the error that it deserves, never 500, nothing left behind, memory within bounds."""

from __future__ import annotations

import itertools
import json
import random
import struct
import zlib
from collections.abc import AsyncIterator, Iterable, Iterator
from pathlib import Path

import pytest
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from dicom_core.dicom.part10 import read_header
from dicom_core.identifiers import DEFAULT_PARTITION
from dicom_core.index.sweeper import sweep
from tests.conformance.hosted import Connection, running_app
from tests.conformance.place import DICOM, HOST, MULTIPART, failed, framed, stored
from tests.dicom.bundled import UNREADABLE, path
from tests.dicom.factories import data_element, make_data_set, make_instance
from tests.http.driver import Answer, Client, open_client
from tests.invariants import check_invariants
from tests.local_host.running import Host

SYNTAXES = [ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian]
UNREAD = {"00081198": {"vr": "SQ", "Value": [{"00081197": {"vr": "US", "Value": [43264]}}]}}


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[Client]:
    """A client whose store is swept and checked in the end."""
    async with open_client(tmp_path) as opened:
        yield opened
    async with open_client(tmp_path) as opened:
        index = opened.services.index
        partition = await opened.services.partitions.find(DEFAULT_PARTITION)
        await sweep(index, [partition], outbox_age=0, journal_age=0)
        await check_invariants(index.tables, index.blobs, index.shards)


async def _store(client: Client, *files: bytes, version: str = "v2") -> Answer:
    return await client.send("POST", f"/{version}/studies", framed(*files), headers={"Content-Type": MULTIPART})


async def _retrievable(client: Client, answer: Answer, *, version: str = "v2") -> None:
    """Whatever is said to be stored can be had, with its metadata, and everything else has a reason."""
    assert answer.status in (200, 202, 409)
    for item in stored(answer):
        location = item["00081190"]["Value"][0].removeprefix(HOST)
        assert (await client.get(location, "application/dicom; transfer-syntax=*")).status == 200
        assert (await client.get(f"{location}/metadata")).status == 200
        assert (await client.send("DELETE", location)).status == 204
    assert all(item["00081197"]["Value"] == [43264] for item in failed(answer))


def _element(tag: int, vr: str, value: bytes, length: int | None = None) -> bytes:
    """An explicit VR element that may lie about its length."""
    head = struct.pack("<HH", tag >> 16, tag & 0xFFFF) + vr.encode()
    length = len(value) if length is None else length
    if vr in ("OB", "OW", "OF", "OD", "OL", "OV", "SQ", "UC", "UN", "UR", "UT", "SV", "UV"):
        return head + struct.pack("<HL", 0, length) + value
    return head + struct.pack("<H", length) + value


def _with(*elements: bytes) -> bytes:
    return make_instance() + b"".join(elements)


HOSTILE = {
    "length past the end": _with(_element(0x00400000 | 0xA160, "UT", b"x", 1000)),
    "length of four gigabytes": _with(_element(0x0040A160, "UT", b"x", 0xFFFFFFFE)),
    "undefined length of text": _with(_element(0x0040A160, "UT", b"x" * 20, 0xFFFFFFFF)),
    "sequence past the end": _with(_element(0x0040A730, "SQ", b"", 100)),
    "sequence that never ends": _with(_element(0x0040A730, "SQ", b"\xfe\xff\x00\xe0\xff\xff\xff\xff", 0xFFFFFFFF)),
    "item past its sequence": _with(_element(0x0040A730, "SQ", b"\xfe\xff\x00\xe0\x64\0\0\0")),
    "something else than an item": _with(_element(0x0040A730, "SQ", b"\x08\x00\x05\x00CS\x00\x00")),
    "delimiter out of place": _with(b"\xfe\xff\x00\xe0\0\0\0\0"),
    "fragment past the end": _with(_element(0x7FE00010, "OB", b"\xfe\xff\x00\xe0\0\0\0\0\xfe\xff\x00\xe0\xff\xff\xff\x7f", 0xFFFFFFFF)),
    "pixel data cut short": _with(_element(0x7FE00010, "OW", b"x" * 10, 1000)),
    "nested 60 deep": _with((_element(0x0040A730, "SQ", b"", 0xFFFFFFFF) + b"\xfe\xff\x00\xe0\xff\xff\xff\xff") * 60),
    "nested 100000 deep": _with((_element(0x0040A730, "SQ", b"", 0xFFFFFFFF) + b"\xfe\xff\x00\xe0\xff\xff\xff\xff") * 100_000),
    "a million elements": _with(_element(0x0040A160, "LO", b"") * 1_200_000),
    "no transfer syntax": make_instance().replace(b"\x02\x00\x10\x00UI", b"\x02\x00\x11\x00UI"),
    "transfer syntax that is no UID": make_instance().replace(b"1.2.840.10008.1.2.1\0", b"1.2\r\nX-Header: 12.3\0"),
    "transfer syntax beyond ASCII": make_instance().replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2.\xff\0"),
    "prefix alone": bytes(128) + b"DICM",
    "no prefix": make_instance()[132:],
    "preamble cut": make_instance()[:100],
    "not deflated": make_instance(transfer_syntax=DeflatedExplicitVRLittleEndian)[:340] + b"\xff" * 300,
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("version", ["v1", "v2"])
async def test_hostile_file(client: Client, name: str, version: str) -> None:
    good = make_instance(study="1.2.3")
    answer = await _store(client, HOSTILE[name], good, version=version)
    assert answer.status == 202
    assert failed(answer) == UNREAD["00081198"]["Value"]
    assert len(stored(answer)) == 1
    assert (await client.get("/v2/instances")).json[0]["0020000D"]["Value"] == ["1.2.3"]


@pytest.mark.parametrize("syntax", SYNTAXES)
async def test_file_cut_anywhere(client: Client, syntax: str) -> None:
    file = make_instance(
        transfer_syntax=syntax, rows=4, columns=4, elements=[data_element(0x00081032, "SQ", [make_data_set({"CodeValue": "x"})])]
    )
    for end in range(0, len(file) - 1, 7):
        await _retrievable(client, await _store(client, file[:end]))


@pytest.mark.parametrize("syntax", SYNTAXES)
async def test_flipped_bytes(client: Client, syntax: str) -> None:
    rolls = random.Random(1)
    file = make_instance(transfer_syntax=syntax, rows=4, columns=4)
    for _ in range(60):
        damaged = bytearray(file)
        for _ in range(rolls.randint(1, 4)):
            damaged[rolls.randrange(128, len(damaged))] = rolls.randrange(256)
        await _retrievable(client, await _store(client, bytes(damaged), version=rolls.choice(["v1", "v2"])))


async def test_random_bytes(client: Client) -> None:
    rolls = random.Random(2)
    for size in (0, 1, 127, 128, 131, 132, 133, 200, 5000):
        for prefix in (b"", bytes(128) + b"DICM", make_instance()[:160], make_instance()[:336]):
            answer = await _store(client, prefix + rolls.randbytes(size))
            assert answer.status == 409


@pytest.mark.parametrize("name", UNREADABLE)
async def test_unreadable_file(client: Client, name: str) -> None:
    answer = await _store(client, path(name).read_bytes())
    assert (answer.status, answer.json) == (409, UNREAD)


async def test_random_multipart_bodies(client: Client) -> None:
    rolls = random.Random(3)
    tokens = [
        b"--b",
        b"--b--",
        b"\r\n",
        b"\r",
        b"\n",
        b"--",
        b"Content-Type: application/dicom",
        b":",
        b" ",
        b"b",
        b"x" * 50,
        make_instance()[:400],
    ]
    for _ in range(300):
        body = b"".join(rolls.choices(tokens, k=rolls.randint(0, 12)))
        chunks = [body[at : at + 5] for at in range(0, len(body), 5)] or [b""]
        answer = await client.send("POST", "/v2/studies", chunks, headers={"Content-Type": MULTIPART})
        assert answer.status in (204, 400, 409, 415)


HEADERS = [
    "",
    " ",
    ";",
    ",",
    "=",
    '"',
    "a/b;" * 1000,
    "a" * 10_000,
    '"' * 5000,
    "x/y;z=" + '"' * 999,
    "\xff\xfe",
    "*/*;q=" + "9" * 500,
    "multipart/related;type=" + "\\" * 3000,
]


@pytest.mark.parametrize("value", HEADERS, ids=range(len(HEADERS)))
@pytest.mark.parametrize(
    "name", ["Accept", "Content-Type", "If-None-Match", "Range", "Host", "traceparent", "Accept-Encoding", "msdicom-request-original"]
)
async def test_hostile_headers(client: Client, name: str, value: str) -> None:
    await _store(client, make_instance())
    [item] = (await client.get("/v2/instances")).json
    location = "/v2/studies/{}/series/{}/instances/{}".format(*(item[tag]["Value"][0] for tag in ("0020000D", "0020000E", "00080018")))
    for address in (location, f"{location}/metadata", "/v2/studies", "/v2/partitions"):
        assert (await client.send("GET", address, headers={name: value})).status in (200, 204, 206, 304, 400, 406, 416)
    headers = {"Content-Type": MULTIPART, name: value}
    assert (await client.send("POST", "/v2/studies", framed(make_instance()), headers=headers)).status in (400, 406, 409, 415)


@pytest.mark.parametrize("boundary", ["x" * 5000, "\xe4", "\\", "b\\", "--", "-", "\x7f"])
async def test_odd_boundaries(client: Client, boundary: str) -> None:
    headers = {"Content-Type": f'multipart/related; boundary="{boundary}"'}
    answer = await client.send("POST", "/v2/studies", framed(make_instance()), headers=headers)
    assert answer.status in (400, 415)


PATHS = [
    "studies/%00",
    "studies/" + "1" * 20_000,
    "studies/1/series/" + "%20" * 500,
    "partitions/%2e%2e/studies",
    "studies/%F0%9F%98%80",
    "x" * 9000,
]


@pytest.mark.parametrize("path", PATHS, ids=range(len(PATHS)))
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE", "PUT", "PATCH", "HEAD"])
async def test_hostile_paths(client: Client, path: str, method: str) -> None:
    for base in ("/v2/", "/v1/partitions/p/", "/"):
        assert (await client.send(method, base + path)).status in (400, 404, 405, 415)


async def test_parts_without_number(client: Client) -> None:
    piece = b"--b\r\nContent-Type: application/dicom\r\n\r\n\r\n" * 1000
    answer = await client.send("POST", "/v2/studies", itertools.repeat(piece, 101), headers={"Content-Type": MULTIPART})
    assert (answer.status, answer.headers["content-type"]) == (413, "text/plain; charset=utf-8")


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    with running_app(tmp_path_factory.mktemp("store")) as host:
        yield host


def _resident(host: Host, name: str = "VmHWM") -> int:
    """Peak memory of the process and those below it, in bytes."""
    pids, total = [host.process.pid], 0
    while pids:
        pid = pids.pop()
        status = Path(f"/proc/{pid}/status").read_text()
        total += 1024 * int(status.partition(f"{name}:")[2].split()[0])
        pids += map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())
    return total


def _bomb(element: bytes, repeat: int) -> bytes:
    """A deflated file whose data set goes on and on."""
    deflated, explicit = make_instance(transfer_syntax=DeflatedExplicitVRLittleEndian), make_instance()
    head = deflated[: read_header(deflated, complete=True).data_set_offset]
    data_set = explicit[read_header(explicit, complete=True).data_set_offset :]
    compressor = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    beginning = compressor.compress(data_set + element)
    megabytes = [compressor.compress(bytes(1024 * 1024)) for _ in range(repeat)]
    return b"".join([head, beginning, *megabytes, compressor.flush()])


def _uploads() -> Iterable[tuple[str, bytes]]:
    yield "deflated text of 256 MB", _bomb(_element(0x0040A160, "UT", b"", 1 << 28), 256)
    yield "deflated pixel data of 256 MB", _bomb(_element(0x7FE00010, "OB", b"", 1 << 28), 256)
    yield "deflated elements without end", _bomb(b"", 256)
    yield "a million elements", HOSTILE["a million elements"]
    yield "deep nesting", HOSTILE["nested 100000 deep"]
    yield "80 MB of text", _with(_element(0x0040A160, "UT", b"x" * 80_000_000))
    yield "80 MB of document", make_instance(study="1.2.4") + _element(0x00420011, "OB", b"x" * 80_000_000)


def test_memory_stays_bounded(host: Host) -> None:
    with Connection.to(host) as connection:
        assert connection.request("POST", "/v2/studies", make_instance(study="1.1"), headers=[f"Content-Type: {DICOM}"]).status == 200
        before = _resident(host)
        for name, body in _uploads():
            reply = connection.request("POST", "/v2/studies", body, headers=[f"Content-Type: {DICOM}"])
            assert reply.status in (200, 202, 409), name
        assert _resident(host) - before < 500 * 1024 * 1024
        assert len(json.loads(connection.request("GET", "/v2/studies").body)) == 3
        assert connection.request("GET", "/health/check").status == 200
