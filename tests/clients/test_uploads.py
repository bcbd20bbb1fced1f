"""How programs send files: curl, .NET, JavaScript and Orthanc frame their requests differently."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest

from tests.conformance.hosted import Connection, running_app
from tests.dicom.factories import make_instance
from tests.local_host.running import Host

_CURL = 'Content-Disposition: attachment; name="file"; filename="CT_small.dcm"\r\nContent-Type: application/dicom'
_PLAIN = "Content-Type: application/dicom"
_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    with running_app(tmp_path_factory.mktemp("store")) as host:
        yield host


@pytest.mark.parametrize("chunked", [False, True], ids=["with its length", "chunked"])
@pytest.mark.parametrize(
    ("content_type", "boundary", "head"),
    [
        ('multipart/related; type="application/dicom"; boundary=----7d1', "----7d1", _CURL),
        ('multipart/related; boundary="3f2504e0-4f89"; type="application/dicom"', "3f2504e0-4f89", _PLAIN),
        ("multipart/related; type=application/dicom; boundary=3f2504e0", "3f2504e0", "Accept: application/json\r\n" + _PLAIN),
        ('multipart/related; type="application/dicom"; boundary="b b"', "b b", "content-type:application/dicom"),
        ("application/dicom", None, None),
    ],
    ids=["curl -F", ".NET", "Orthanc", "a boundary with a space", "curl -T"],
)
def test_upload(host: Host, content_type: str, boundary: str | None, head: str | None, chunked: bool) -> None:
    body = make_instance()
    if boundary is not None:
        body = f"--{boundary}\r\n{head}\r\n\r\n".encode() + body + f"\r\n--{boundary}--\r\n".encode()
    pieces = [body[:50], body[50:]] if chunked else body
    with Connection.to(host) as connection:
        path = f"/v2/partitions/upload-{next(_numbers)}/studies"
        reply = connection.request("POST", path, pieces, headers=[f"Content-Type: {content_type}", "Accept: application/dicom+json"])
        assert (reply.status, reply.headers["content-type"]) == (200, "application/dicom+json")
        again = connection.request("POST", path, pieces, headers=[f"Content-Type: {content_type}"])
        assert again.status == 409
