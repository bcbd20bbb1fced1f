"""What only shows on the wire: chunks, keep-alive, early answers, and paths as they are written."""

from __future__ import annotations

import itertools
import json
import socket
import threading
from collections.abc import Iterator

import pytest

from tests.conformance.hosted import Connection, running_app
from tests.conformance.place import MULTIPART, framed, instance_path
from tests.dicom.factories import INSTANCE, SERIES, STUDY, make_instance
from tests.local_host.running import Host

LIMIT = 1_000_000
TYPE = f"Content-Type: {MULTIPART}"
_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    with running_app(tmp_path_factory.mktemp("store"), max_file_bytes=str(LIMIT)) as host:
        yield host


@pytest.fixture
def connection(host: Host) -> Iterator[Connection]:
    with Connection.to(host) as connection:
        yield connection


@pytest.fixture
def base() -> str:
    """A partition that nobody has used before."""
    return f"/v2/partitions/wire-{next(_numbers)}"


def _count(connection: Connection, base: str) -> int:
    reply = connection.request("GET", f"{base}/instances")
    return len(json.loads(reply.body)) if reply.status == 200 else 0


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64, 1000, 10**6])
def test_chunked_upload(connection: Connection, base: str, size: int) -> None:
    body = framed(make_instance(), make_instance(instance="1.1"))
    chunks = [body[at : at + size] for at in range(0, len(body), size)]
    reply = connection.request("POST", f"{base}/studies", chunks, headers=[TYPE])
    assert reply.status == 200
    got = connection.request("GET", f"{base}/{instance_path()}", headers=["Accept: application/dicom"])
    assert got.body == make_instance()


@pytest.mark.parametrize("cut", range(0, 40, 3))
def test_chunks_that_end_anywhere_in_a_delimiter(connection: Connection, base: str, cut: int) -> None:
    first = framed(make_instance()).removesuffix(b"--b--\r\n")
    body = first + framed(make_instance(instance="1.1"))
    at = len(first) - 5 + cut
    assert connection.request("POST", f"{base}/studies", [body[:at], body[at:]], headers=[TYPE]).status == 200
    assert _count(connection, base) == 2


def test_chunked_single_file(connection: Connection, base: str) -> None:
    reply = connection.request("POST", f"{base}/studies", [make_instance()], headers=["content-type: application/dicom"])
    assert reply.status == 200


@pytest.mark.parametrize(
    "lines", [["Accept: text/html", "Accept: application/dicom+json"], ["ACCEPT: a/b, application/json"], ["accept:*/*"]]
)
def test_accept_in_several_lines(connection: Connection, base: str, lines: list[str]) -> None:
    assert connection.request("POST", f"{base}/studies", framed(make_instance()), headers=[TYPE, *lines]).status == 200


def test_problem_details_are_asked_for_in_any_accept_line(connection: Connection) -> None:
    reply = connection.request("GET", "/v2/studies/x", headers=["Accept: application/dicom", "Accept: application/problem+json"])
    assert (reply.status, reply.headers["content-type"]) == (400, "application/problem+json")


def test_urls_have_the_host_of_the_request(connection: Connection, base: str) -> None:
    reply = connection.request("POST", f"{base}/studies", framed(make_instance()), headers=[TYPE, "X-Forwarded-Host: evil.test"])
    [item] = json.loads(reply.body)["00081199"]["Value"]
    assert item["00081190"]["Value"] == [f"http://dicom.test{base}/{instance_path()}"]


def test_expect_continue(connection: Connection, base: str) -> None:
    body = framed(make_instance())
    head = f"POST {base}/studies HTTP/1.1\r\nHost: h\r\n{TYPE}\r\nContent-Length: {len(body)}\r\nExpect: 100-continue\r\n\r\n"
    connection.send(head.encode())
    assert connection.receive_line().startswith(b"HTTP/1.1 100")
    connection.send(body)
    assert connection.receive("POST").status == 200


def test_expect_continue_of_a_refused_request(connection: Connection, base: str) -> None:
    head = f"POST {base}/studies HTTP/1.1\r\nHost: h\r\nContent-Type: text/html\r\nContent-Length: 1000000\r\nExpect: 100-continue\r\n\r\n"
    connection.send(head.encode())
    assert connection.receive_line().split(b"\r\n")[0] in (b"HTTP/1.1 415 Unsupported Media Type", b"HTTP/1.1 415 ")


REFUSED = [
    ("studies", ["Content-Type: text/html"], 415),
    ("studies", [TYPE, "Accept: text/html"], 406),
    ("studies/x", [TYPE], 400),
    ("studies", [f"{TYPE}; start=x"], 400),
    ("studies", [], 415),
    ("studies", [TYPE], 400),
    ("nothing", [TYPE], 404),
]


@pytest.mark.parametrize(("path", "headers", "status"), REFUSED)
@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("size", [10, 3_000_000])
def test_connection_works_after_a_refusal(
    host: Host, base: str, path: str, headers: list[str], status: int, size: int, *, chunked: bool
) -> None:
    body = b"x" * size
    with Connection.to(host) as connection:
        for _ in range(3):
            reply = connection.request("POST", f"{base}/{path}", [body] if chunked else body, headers=headers)
            assert reply.status == status
        stored = connection.request("POST", f"{base}/studies", framed(make_instance()), headers=[TYPE])
        assert stored.status == 200


@pytest.mark.parametrize("kind", [TYPE, "Content-Type: application/dicom"])
@pytest.mark.parametrize("chunked", [False, True])
def test_too_large(host: Host, base: str, kind: str, *, chunked: bool) -> None:
    file = make_instance(rows=1000, columns=4000)
    body = framed(file) if kind == TYPE else file
    with Connection.to(host) as connection:
        reply = connection.request("POST", f"{base}/studies", [body] if chunked else body, headers=[kind])
        assert (reply.status, reply.headers["content-type"]) == (413, "text/plain; charset=utf-8")
    with Connection.to(host) as connection:
        assert _count(connection, base) == 0


def test_early_answer_while_the_body_arrives(host: Host, base: str) -> None:
    with Connection.to(host) as connection:
        head = f"POST {base}/studies HTTP/1.1\r\nHost: h\r\nContent-Type: text/html\r\nContent-Length: 100000000\r\n\r\n"
        connection.send(head.encode(), b"x" * 1000)
        assert connection.receive("POST").status == 415


def test_broken_off_upload_stores_nothing(host: Host, base: str) -> None:
    body = framed(make_instance())
    for part in (body[:10], body[: len(body) // 2], body[:-3]):
        with Connection.to(host) as connection:
            connection.send(
                f"POST {base}/studies HTTP/1.1\r\nHost: h\r\n{TYPE}\r\nContent-Length: {len(body) + 100}\r\n\r\n".encode(), part
            )
    with Connection.to(host) as connection:
        assert _count(connection, base) == 0


PATHS = [
    ("{base}/{instance}", 200),
    ("{base}/{instance}/", 200),
    ("{base}/{instance}?x=1", 200),
    ("{base}/{instance}?", 200),
    ("{base}/{instance}%20", 200),
    ("{base}/{instance}%20%20", 200),
    ("{base}/studies/{study}%20/series/{series}%20/instances/{uid}%20", 200),
    ("{base}/studies/{encoded}", 200),
    ("{base}/STUDIES/{study}/METADATA", 200),
    ("{base}/st%75dies/{study}", 200),
    ("{base}/studies/{study}%2E", 400),
    ("{base}/studies/1%2F2", 400),
    ("{base}/studies/1%2C2", 400),
    ("{base}/studies/%00", 400),
    ("{base}/studies/%FF", 400),
    ("{base}/studies/%31%20%20", 404),
    ("{base}/studies/{study}/foo", 404),
    ("{base}/studies/{study};x=1", 400),
    ("{base}/{instance}?x=%3Cscript", 400),
    ("{base}/studies/" + "1" * 5000, 400),
]


@pytest.mark.parametrize(("form", "status"), PATHS)
def test_paths(connection: Connection, base: str, form: str, status: int) -> None:
    connection.request("POST", f"{base}/studies", framed(make_instance()), headers=[TYPE])
    encoded = "".join(f"%{ord(character):02x}" for character in STUDY)
    path = form.format(base=base, instance=instance_path(), study=STUDY, series=SERIES, uid=INSTANCE, encoded=encoded)
    assert connection.request("GET", path).status == status


NO_RESOURCES = [
    "//v2/studies",
    "/v2//studies",
    "/v2/studies//",
    "/v2/studies//1",
    "/v2/studies/1//metadata",
    "/v2%2Fstudies",
    "/v2/partitions%2Fx/studies",
    "/v2/%C5%BFtudies",  # a long s
]


@pytest.mark.parametrize("method", ["GET", "PUT", "OPTIONS"])
@pytest.mark.parametrize("path", NO_RESOURCES)
def test_what_only_resembles_a_resource_is_none(connection: Connection, path: str, method: str) -> None:
    reply = connection.request(method, path)
    assert (reply.status, reply.body) == (404, b"")


@pytest.mark.parametrize("suffix", ["", "/metadata"])
def test_head(connection: Connection, base: str, suffix: str) -> None:
    connection.request("POST", f"{base}/studies", framed(make_instance()), headers=[TYPE])
    get = connection.request("GET", f"{base}/{instance_path()}{suffix}", headers=["Accept: application/dicom, application/dicom+json"])
    head = connection.request("HEAD", f"{base}/{instance_path()}{suffix}", headers=["Accept: application/dicom, application/dicom+json"])
    assert (head.status, head.body) == (200, b"")
    assert head.headers["content-length"] == get.headers["content-length"] == str(len(get.body))
    assert head.headers["content-type"] == get.headers["content-type"]


def test_not_modified_and_no_content_keep_the_connection(connection: Connection, base: str) -> None:
    connection.request("POST", f"{base}/studies", framed(make_instance()), headers=[TYPE])
    tag = connection.request("GET", f"{base}/studies/{STUDY}/metadata").headers["etag"]
    for _ in range(2):
        assert connection.request("GET", f"{base}/studies/{STUDY}/metadata", headers=[f"If-None-Match: {tag}"]).status == 304
        assert connection.request("POST", f"{base}/studies", b"--b--\r\n", headers=[TYPE]).status == 204
    assert connection.request("DELETE", f"{base}/studies/{STUDY}").status == 204
    assert connection.request("DELETE", f"{base}/studies/{STUDY}").status == 404


def test_slow_upload_does_not_hold_up_others(host: Host, base: str) -> None:
    body = framed(make_instance())
    with Connection.to(host) as slow, Connection.to(host) as other:
        slow.send(f"POST {base}/studies HTTP/1.1\r\nHost: h\r\n{TYPE}\r\nContent-Length: {len(body)}\r\n\r\n".encode(), body[:100])
        assert other.request("GET", "/v2/partitions").status == 200
        assert _count(other, base) == 0
        slow.send(body[100:])
        assert slow.receive("POST").status == 200


def test_the_same_instance_from_many_at_once(host: Host, base: str) -> None:
    statuses: list[int] = []

    def store() -> None:
        with Connection.to(host) as connection:
            statuses.append(connection.request("POST", f"{base}/studies", framed(make_instance()), headers=[TYPE]).status)

    threads = [threading.Thread(target=store) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [200] + [409] * 7


@pytest.mark.parametrize("junk", [b"\x16\x03\x01\x02\x00", b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"\0" * 1000])
def test_junk_on_the_connection_harms_nobody(host: Host, junk: bytes) -> None:
    with socket.create_connection(host.address, timeout=10) as connection:
        connection.sendall(junk)
        connection.shutdown(socket.SHUT_WR)
        assert b" 500 " not in connection.recv(1000)
    with Connection.to(host) as fresh:
        assert fresh.request("GET", "/health/check").status == 200
