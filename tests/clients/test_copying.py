"""A client copies instances from one partition to another as metadata and bulk data, over the network."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from dicomweb_client.api import DICOMwebClient

from dicom_core.dicom.json_objects import read_objects
from dicom_core.dicom.native_model import to_xml
from tests.conformance.hosted import running_app
from tests.dicom.bundled import READABLE, path, quiet
from tests.local_host.running import Host

_OCTETS = "application/octet-stream"
_EXPLICIT, _BIG_ENDIAN = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2"
_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    with running_app(tmp_path_factory.mktemp("store")) as host:
        yield host


def _uris(value: Any) -> list[str]:
    if isinstance(value, dict):
        own = [value["BulkDataURI"]] if "BulkDataURI" in value else []
        return own + [uri for each in value.values() for uri in _uris(each)]
    return [uri for each in value for uri in _uris(each)] if isinstance(value, list) else []


def _without(value: Any, left_out: frozenset[str]) -> Any:
    """DICOM JSON without some attributes, and without the URIs."""
    if isinstance(value, dict):
        return {key: _without(each, left_out) for key, each in value.items() if key not in left_out}
    return [_without(each, left_out) for each in value] if isinstance(value, list) else value


def _values(uri: str, syntax: str = "*") -> list[tuple[str, bytes]]:
    """Content type and bytes of the parts of a value as it is stored, but in little endian."""
    answer = requests.get(uri, headers={"Accept": f'multipart/related; type="{_OCTETS}"; transfer-syntax={syntax}'}, timeout=30)
    assert answer.status_code == 200
    boundary = answer.headers["Content-Type"].partition("boundary=")[2].encode()
    _, *parts, _ = (b"\r\n" + answer.content).split(b"\r\n--" + boundary)
    split = (part.partition(b"\r\n\r\n") for part in parts)
    found = [(head.decode().split("Content-Type: ")[1].split("\r\n")[0], content) for head, _, content in split]
    return _values(uri, _EXPLICIT) if found[0][0].endswith(_BIG_ENDIAN) else found


def _body(kind: str, metadata: bytes, values: dict[str, list[tuple[str, bytes]]]) -> bytes:
    parts = [(f"Content-Type: {kind}", metadata)]
    parts += [(f"Content-Type: {each}\r\nContent-Location: {uri}", content) for uri, found in values.items() for each, content in found]
    return b"".join(b"--=b=\r\n%b\r\n\r\n%b\r\n" % (head.encode(), content) for head, content in parts) + b"--=b=--"


@pytest.mark.parametrize("kind", ["application/dicom+json", "application/dicom+xml"])
@pytest.mark.parametrize("name", READABLE)
def test_copies_are_equal(host: Host, name: str, kind: str) -> None:
    here, there = (f"{host.url}/v2/partitions/copy-{next(_numbers)}" for _ in range(2))
    response = requests.post(f"{here}/studies", path(name).read_bytes(), headers={"Content-Type": "application/dicom"}, timeout=30)
    if response.status_code == 409:
        return
    url = response.json()["00081199"]["Value"][0]["00081190"]["Value"][0]
    [document] = requests.get(f"{url}/metadata?bulkdata=uri", timeout=30).json()
    metadata = json.dumps([{"00100020": {"vr": "LO"}, **document}]).encode()  # metadata lacks an empty PatientID
    values = {uri: _values(uri) for uri in _uris(document)}
    body = _body(kind, metadata if kind.endswith("json") else to_xml(*read_objects(metadata)), values)
    headers = {"Content-Type": f'multipart/related; type="{kind}"; boundary="=b="'}
    answer = requests.post(f"{there}/studies", body, headers=headers, timeout=30)
    assert answer.status_code in (200, 202), answer.text
    [copy] = requests.get(f"{url.replace(here, there)}/metadata?bulkdata=uri", timeout=30).json()
    for each in (document, copy):  # compressed pixel data is OB, whatever the original says
        each.get("7FE00010", {}).pop("vr", None)
    left_out = frozenset(("00080005", "BulkDataURI"))  # text is in UTF-8 now, and the URIs are those of another partition
    assert _without(copy, left_out) == _without(document, left_out)
    assert sorted(uri.replace(there, here) for uri in _uris(copy)) == sorted(values)
    for uri in _uris(copy):
        assert _values(uri) == values[uri.replace(there, here)]


@pytest.mark.parametrize("name", ["CT_small.dcm", "SC_rgb_rle_2frame.dcm"])
def test_client_retrieves_bulk_data(host: Host, name: str) -> None:
    base = f"{host.url}/v2/partitions/copy-{next(_numbers)}"
    response = requests.post(f"{base}/studies", path(name).read_bytes(), headers={"Content-Type": "application/dicom"}, timeout=30)
    url = response.json()["00081199"]["Value"][0]["00081190"]["Value"][0]
    [document] = requests.get(f"{url}/metadata?bulkdata=uri", timeout=30).json()
    [alone] = [requests.get(f"{url}/pixeldata", headers={"Accept": _OCTETS}, timeout=30).content]
    with requests.Session() as session, quiet():
        client = DICOMwebClient(base, session=session)
        uri = document["7FE00010"]["BulkDataURI"]
        assert client.retrieve_bulkdata(uri) == [alone]
        assert client.retrieve_bulkdata(uri, media_types=((_OCTETS, "1.2.840.10008.1.2.1"),)) == [alone]
        assert list(client.iter_bulkdata(uri, media_types=(_OCTETS,))) == [alone]
