"""Frames and pictures over the network, as dicomweb-client and browser viewers ask for them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from io import BytesIO

import numpy as np
import pytest
import requests
from dicomweb_client.api import DICOMwebClient
from PIL import Image

from dicom_core.dicom.codecs import decode
from tests.conformance.hosted import running_app
from tests.dicom.bundled import quiet
from tests.dicom.pixel_files import BUNDLED, StoredFile, make_file
from tests.local_host.running import Host

_UIDS = ("2.25.1", "2.25.2", "2.25.3")
_EXPLICIT, _JPEG_2000, _JPEG_LS = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.4.80"
_SAMPLES = np.arange(3 * 40 * 60, dtype="u2").reshape(3, 40, 60)


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    with running_app(tmp_path_factory.mktemp("store")) as host:
        for data in (make_file(_SAMPLES), BUNDLED["SC_rgb_rle_2frame.dcm"].read_bytes()):
            answer = requests.post(f"{host.url}/v2/studies", data, headers={"Content-Type": "application/dicom"}, timeout=30)
            assert answer.status_code in (200, 202)
        yield host


@pytest.fixture
def client(host: Host) -> Iterator[DICOMwebClient]:
    with requests.Session() as session, quiet():
        yield DICOMwebClient(f"{host.url}/v2", session=session, permissive_uid=True)


@pytest.mark.parametrize("media_types", [None, (("application/octet-stream", "*"),), (("application/octet-stream", _EXPLICIT),)])
def test_client_retrieves_frames(client: DICOMwebClient, media_types: tuple[tuple[str, str], ...] | None) -> None:
    for frames in (
        client.retrieve_instance_frames(*_UIDS, frame_numbers=[3, 1], media_types=media_types),
        list(client.iter_instance_frames(*_UIDS, frame_numbers=[3, 1], media_types=media_types)),
    ):
        assert frames == [_SAMPLES[2].tobytes(), _SAMPLES[0].tobytes()]


@pytest.mark.parametrize(("media_type", "syntax"), [("image/jp2", _JPEG_2000), ("image/jls", _JPEG_LS)])
def test_client_retrieves_compressed_frames(client: DICOMwebClient, media_type: str, syntax: str) -> None:
    [frame] = client.retrieve_instance_frames(*_UIDS, frame_numbers=[2], media_types=((media_type, syntax),))
    assert np.array_equal(decode(frame, syntax, StoredFile.of(make_file(_SAMPLES)).pixels), _SAMPLES[1])


@pytest.mark.parametrize("media_type", ["image/jpeg", "image/png", "image/gif"])
def test_client_retrieves_pictures(client: DICOMwebClient, media_type: str) -> None:
    picture = client.retrieve_instance_rendered(*_UIDS, media_types=(media_type,))
    assert Image.open(BytesIO(picture)).size == (60, 40)
    fitted = client.retrieve_instance_frames_rendered(*_UIDS, frame_numbers=[2], media_types=(media_type,), params={"viewport": "30,30"})
    assert Image.open(BytesIO(fitted)).size == (30, 20)


def test_viewer_finds_the_transfer_syntax_of_a_part(host: Host) -> None:
    """Cornerstone looks for these very letters, letter case included."""
    study, series, instance = (str(uid) for uid in _uids_of("SC_rgb_rle_2frame.dcm"))
    url = f"{host.url}/v2/studies/{study}/series/{series}/instances/{instance}/frames/1"
    answer = requests.get(url, headers={"Accept": "multipart/related; type=application/octet-stream; transfer-syntax=*"}, timeout=30)
    assert answer.status_code == 200
    head, _, rest = answer.content.partition(b"\r\n\r\n")
    assert re.search(rb"\r\nContent-Type: application/octet-stream; transfer-syntax=1\.2\.840\.10008\.1\.2\.5$", head)
    boundary = answer.headers["content-type"].partition("boundary=")[2].encode()
    assert rest.partition(b"\r\n--" + boundary)[0] == StoredFile.of(BUNDLED["SC_rgb_rle_2frame.dcm"].read_bytes()).frame(1)


def test_browser_shows_a_picture(host: Host) -> None:
    url = f"{host.url}/v2/studies/{_UIDS[0]}/series/{_UIDS[1]}/thumbnail"
    accept = "image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8"
    answer = requests.get(url, headers={"Accept": accept}, timeout=30)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/jpeg")


def _uids_of(name: str) -> list[str]:
    header = StoredFile.of(BUNDLED[name].read_bytes()).header
    return [bytes(header.find(tag) or b"").decode().rstrip("\0") for tag in (0x0020000D, 0x0020000E, 0x00080018)]
