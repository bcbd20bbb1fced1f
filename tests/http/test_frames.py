"""Frames over HTTP: as stored, uncompressed, compressed otherwise; one and many."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pydicom.encaps import encapsulate

from dicom_core.dicom.codecs import decode
from dicom_core.dicom.transcoding import transcode_frame
from tests.dicom.factories import make_instance
from tests.dicom.pixel_files import BUNDLED, StoredFile, make_file
from tests.http.driver import Client, open_client
from tests.http.storing import store_file

_PREFIX = "1.2.840.10008.1.2"
_EXPLICIT, _BIG_ENDIAN, _DEFLATED, _RLE = f"{_PREFIX}.1", f"{_PREFIX}.2", f"{_PREFIX}.1.99", f"{_PREFIX}.5"
_JPEG, _JPEG_2000, _JPEG_LS, _MPEG = f"{_PREFIX}.4.50", f"{_PREFIX}.4.90", f"{_PREFIX}.4.80", f"{_PREFIX}.4.102"
_OCTETS = "application/octet-stream"


def _parts(media_type: str = _OCTETS, syntax: str = "") -> str:
    return f'multipart/related; type="{media_type}"' + (f"; transfer-syntax={syntax}" if syntax else "")


def _random(*shape: int, dtype: str = "u1") -> np.ndarray[Any, Any]:
    return np.random.default_rng(1).integers(0, 200, shape, dtype=dtype)


def _encapsulated(frames: list[bytes], syntax: str, **image: Any) -> bytes:
    return make_instance(rows=4, columns=4, frames=len(frames), transfer_syntax=syntax, pixel_data=frames, **image)


@pytest.mark.parametrize("name", ["CT_small.dcm", "SC_rgb_rle_2frame.dcm", "MR_small_bigendian.dcm", "image_dfl.dcm", "JPEG2000.dcm"])
async def test_as_stored(client: Client, name: str) -> None:
    stored = await store_file(client, BUNDLED[name].read_bytes())
    file = StoredFile.of(stored.data)
    syntax = file.header.transfer_syntax_uid
    single = await client.get(f"{stored.url}/frames/1", f"{_OCTETS}; transfer-syntax=*")
    assert (single.status, single.headers["content-type"]) == (200, f"{_OCTETS}; transfer-syntax={syntax}")
    assert single.body == file.frame(1)
    for accept in (None, "*/*", _parts(syntax="*")):
        several = await client.get(f"{stored.url}/frames/{','.join('1' * 3)}", accept)
        assert several.headers["content-type"].startswith('multipart/related; type="application/octet-stream"; boundary=')
        assert several.parts() == [(f"{_OCTETS}; transfer-syntax={syntax}", file.frame(1))] * 3


@pytest.mark.parametrize(
    "name", ["SC_rgb_rle_2frame.dcm", "MR_small_bigendian.dcm", "image_dfl.dcm", "MR_small_implicit.dcm", "CT_small.dcm"]
)
async def test_uncompressed(client: Client, name: str) -> None:
    stored = await store_file(client, BUNDLED[name].read_bytes())
    file = StoredFile.of(stored.data)
    source = file.header.transfer_syntax_uid
    numbers = range(file.layout.number_of_frames, 0, -1)
    answer = await client.get(f"{stored.url}/frames/{','.join(map(str, numbers))}", _parts())
    expected = [transcode_frame(file.frame(number), source, _EXPLICIT, file.pixels) for number in numbers]
    assert answer.parts() == [(f"{_OCTETS}; transfer-syntax={_EXPLICIT}", frame) for frame in expected]
    single = await client.get(f"{stored.url}/frames/1", _OCTETS)
    assert (single.body, single.headers["content-type"]) == (expected[-1], f"{_OCTETS}; transfer-syntax={_EXPLICIT}")


@pytest.mark.parametrize(
    ("stored_syntax", "accept", "media_type", "syntax"),
    [
        (_EXPLICIT, _parts("image/jp2"), "image/jp2", _JPEG_2000),
        (_EXPLICIT, "image/jls", "image/jls", _JPEG_LS),
        (_EXPLICIT, f"image/jpeg; transfer-syntax={_JPEG}", "image/jpeg", _JPEG),
        (_EXPLICIT, "image/jpeg", "image/jpeg", f"{_PREFIX}.4.70"),
        (_EXPLICIT, _parts("image/dicom-rle"), "image/dicom-rle", _RLE),
        (_EXPLICIT, _parts("image/jphc"), "image/jphc", f"{_PREFIX}.4.201"),
        (_RLE, _parts("image/jp2"), "image/jp2", _JPEG_2000),
        (_DEFLATED, _parts("image/jp2"), "image/jp2", _JPEG_2000),
    ],
)
async def test_compressed(client: Client, stored_syntax: str, accept: str, media_type: str, syntax: str) -> None:
    samples = _random(1, 32, 48)
    pixels = StoredFile.of(make_file(samples)).pixels
    if stored_syntax == _RLE:
        frame = transcode_frame(samples[0].tobytes(), _EXPLICIT, _RLE, pixels)
        data = make_file(samples, syntax=_RLE, PixelData=encapsulate([frame]))
    else:
        data = make_file(samples, syntax=stored_syntax)
    stored = await store_file(client, data)
    answer = await client.get(f"{stored.url}/frames/1", accept)
    [(kind, body)] = answer.parts() if "multipart" in accept else [(answer.headers["content-type"], answer.body)]
    assert kind == f"{media_type}; transfer-syntax={syntax}"
    if syntax != _JPEG:
        assert np.array_equal(decode(body, syntax, pixels), samples[0])
    if media_type == "image/jp2":
        assert body.startswith(b"\xff\x4f\xff\x51")


@pytest.mark.parametrize(
    ("syntax", "accept", "media_type"),
    [
        (_JPEG, "image/jpeg", "image/jpeg"),
        (f"{_PREFIX}.4.81", _parts("image/jls"), "image/jls"),
        (_JPEG_2000, _parts("image/jp2"), "image/jp2"),
        (f"{_PREFIX}.4.91", _parts("image/jp2", f"{_PREFIX}.4.91"), "image/jp2"),
        (_MPEG, _parts("video/mp4"), "video/mp4"),
        (_MPEG, f"video/mp4; transfer-syntax={_MPEG}", "video/mp4"),
        ("1.2.3.4", _parts(syntax="*"), _OCTETS),
    ],
)
async def test_stored_compression_passes_as_it_is(client: Client, syntax: str, accept: str, media_type: str) -> None:
    stored = await store_file(client, _encapsulated([b"something"], syntax))
    answer = await client.get(f"{stored.url}/frames/1", accept)
    assert answer.status == 200
    [(kind, body)] = answer.parts() if "multipart" in accept else [(answer.headers["content-type"], answer.body)]
    assert (kind, body.rstrip(b"\0")) == (f"{media_type}; transfer-syntax={syntax}", b"something")


async def test_order_and_repetition(client: Client) -> None:
    frames = [bytes([number]) * (number % 7 + 1) * 2 for number in range(40)]
    stored = await store_file(client, _encapsulated(frames, _JPEG))
    wanted = [7, 3, 3, 40, 1, 2, 39, 7]
    answer = await client.get(f"{stored.url}/frames/{' , '.join(map(str, wanted))}".replace(" ", "%20").replace(",", "%2C"))
    assert [body for _, body in answer.parts()] == [frames[number - 1] for number in wanted]


async def test_frames_of_many_fragments(client: Client) -> None:
    value = encapsulate([b"\xff\xd8" + b"a" * 98, b"\xff\xd8" + b"b" * 50, b"\xff\xd8" + b"c" * 70], fragments_per_frame=3)
    data = make_file(_random(3, 4, 4), syntax=_JPEG, PixelData=value, SOPInstanceUID="2.25.9", StudyInstanceUID="2.25.8")
    stored = await store_file(client, data)
    answer = await client.get(f"{stored.url}/frames/2,3,1")
    assert [body[2:4].strip(b"\0") for _, body in answer.parts()] == [b"bb", b"cc", b"aa"]


@pytest.mark.parametrize("syntax", [_EXPLICIT, _DEFLATED])
async def test_single_bits(client: Client, syntax: str) -> None:
    bits = _random(3, 5, 7) & 1
    packed = np.packbits(bits.ravel(), bitorder="little").tobytes()
    data = make_file(bits, syntax=syntax, BitsAllocated=1, BitsStored=1, PixelData=packed + b"\0" * (len(packed) % 2))
    stored = await store_file(client, data)
    answer = await client.get(f"{stored.url}/frames/3,1,2", _parts())
    expected = [np.packbits(bits[number].ravel(), bitorder="little").tobytes() for number in (2, 0, 1)]
    assert [body for _, body in answer.parts()] == expected


async def test_odd_lengths_are_not_padded(client: Client) -> None:
    samples = _random(3, 3, 5)
    stored = await store_file(client, make_file(samples))
    answer = await client.get(f"{stored.url}/frames/1,2,3")
    assert [body for _, body in answer.parts()] == [frame.tobytes() for frame in samples]
    assert "content-length" in answer.headers


async def test_words_of_big_endian_files(client: Client) -> None:
    samples = _random(2, 3, 5)
    data = bytearray(make_file(samples, syntax=_BIG_ENDIAN))
    at = data.rindex(b"OB", 0, len(data) - 30)
    data[at : at + 2] = b"OW"
    data[-30:] = np.frombuffer(bytes(data[-30:]), "u2").byteswap().tobytes()
    stored = await store_file(client, bytes(data))
    answer = await client.get(f"{stored.url}/frames/1,2", _parts())
    assert [body for _, body in answer.parts()] == [frame.tobytes() for frame in samples]


async def test_long_frames_are_streamed(client: Client) -> None:
    samples = _random(2, 2000, 2000)
    stored = await store_file(client, make_file(samples))
    answer = await client.get(f"{stored.url}/frames/2,1")
    assert [body for _, body in answer.parts()] == [samples[1].tobytes(), samples[0].tobytes()]
    part = await client.get(f"{stored.url}/frames/2", _OCTETS, Range="bytes=1000000-3999999")
    assert (part.status, part.body) == (206, samples[1].tobytes()[1_000_000:])


@pytest.mark.parametrize(
    ("path", "accept", "status"),
    [
        ("v2/partitions/none/studies/x/series/x/instances/x/frames/x", "image/png", 400),
        ("v2/studies/x/series/2.25.2/instances/2.25.3/frames/1", "image/png", 400),
        ("v2/studies/2.25.1/series/2.25.2/instances/2.25.3/frames/0", "image/png", 400),
        ("v2/studies/2.25.1/series/2.25.2/instances/2.25.3/frames/1,-1", None, 400),
        ("v2/studies/2.25.1/series/2.25.2/instances/2.25.3/frames/1,,2", None, 400),
        ("v2/studies/2.25.1/series/2.25.2/instances/2.25.3/frames/1.0", None, 400),
        ("v2/studies/2.25.1/series/2.25.2/instances/9/frames/1", "image/png", 406),
        ("v2/studies/2.25.1/series/2.25.2/instances/9/frames/1,2", "image/png", 406),
        ("v2/studies/2.25.1/series/2.25.2/instances/9/frames/1,2", _OCTETS, 400),
        ("v2/studies/2.25.1/series/2.25.2/instances/9/frames/1", _OCTETS, 404),
        ("v2/studies/2.25.1/series/9/instances/2.25.3/frames/1", _OCTETS, 404),
        ("v2/studies/2.25.1/series/2.25.2/instances/2.25.3/frames/3", _OCTETS, 404),
        ("v2/studies/2.25.1/series/2.25.2/instances/2.25.3/frames/1,3", None, 404),
        ("v1/studies/2.25.1/series/2.25.2/instances/2.25.3/frames/1%20,%202", None, 200),
    ],
)
async def test_order_of_checks(client: Client, path: str, accept: str | None, status: int) -> None:
    await store_file(client, make_file(_random(2, 4, 4)))
    assert (await client.get(f"/{path}", accept)).status == status


async def test_instance_without_pixel_data(client: Client) -> None:
    stored = await store_file(client, make_instance())
    for accept in (None, _OCTETS, _parts("image/jp2")):
        assert (await client.get(f"{stored.url}/frames/1", accept)).status == 404


@pytest.mark.parametrize(
    ("syntax", "accept", "status"),
    [
        (_MPEG, _OCTETS, 406),
        (_MPEG, _parts("image/jp2"), 406),
        ("1.2.3.4", _OCTETS, 406),
        (_JPEG, _parts("video/mp4"), 406),
        (_JPEG, _OCTETS, 406),  # damaged
        (_JPEG, _parts(), 406),
        (_JPEG, f"{_OCTETS}; transfer-syntax=*", 200),
    ],
)
async def test_frames_that_cannot_be_had(client: Client, syntax: str, accept: str, status: int) -> None:
    stored = await store_file(client, _encapsulated([b"no image"], syntax))
    assert (await client.get(f"{stored.url}/frames/1", accept)).status == status


async def test_frames_that_nobody_can_find(client: Client) -> None:
    value = encapsulate([b"aaaa", b"bbbb"], fragments_per_frame=2, has_bot=False)
    stored = await store_file(client, make_file(_random(3, 4, 4), syntax=_RLE, PixelData=value))
    assert (await client.get(f"{stored.url}/frames/1")).status == 406
    assert (await client.get(f"{stored.url}/frames/4")).status == 404


async def test_limit_of_what_is_held_in_memory(tmp_path: Any) -> None:
    async with open_client(tmp_path, max_converted_bytes=3000) as client:
        stored = await store_file(client, make_file(_random(2, 64, 64), syntax=_DEFLATED))
        assert (await client.get(f"{stored.url}/frames/1")).status == 406
        stored = await store_file(client, make_file(_random(2, 64, 64), SOPInstanceUID="2.25.4"))
        assert (await client.get(f"{stored.url}/frames/1", _OCTETS)).status == 200
        assert (await client.get(f"{stored.url}/frames/1", _parts("image/jp2"))).status == 406


async def test_validators_and_head(client: Client) -> None:
    stored = await store_file(client, make_file(_random(2, 4, 4)))
    for accept, weak in ((_OCTETS, False), (_parts(), True)):
        answer = await client.get(f"{stored.url}/frames/1", accept)
        tag = answer.headers["etag"]
        assert tag.startswith("W/") == weak
        assert answer.headers["vary"] == "Accept"
        head = await client.send("HEAD", f"{stored.url}/frames/1", headers={"Accept": accept})
        assert (head.status, head.body, head.headers["content-length"]) == (200, b"", answer.headers["content-length"])
        for condition in ({"If-None-Match": tag}, {"If-Modified-Since": answer.headers["last-modified"]}):
            known = await client.send("GET", f"{stored.url}/frames/1", headers={"Accept": accept, **condition})
            assert (known.status, known.body) == (304, b"")
        assert (await client.get(f"{stored.url}/frames/2", accept, if_none_match=tag)).status == 200


async def test_range_of_a_converted_frame(client: Client) -> None:
    stored = await store_file(client, make_file(_random(1, 8, 8, dtype="u2"), syntax=_BIG_ENDIAN))
    whole = await client.get(f"{stored.url}/frames/1", _OCTETS)
    part = await client.get(f"{stored.url}/frames/1", _OCTETS, Range="bytes=-10")
    assert (part.status, part.body) == (206, whole.body[-10:])
    assert (await client.get(f"{stored.url}/frames/1", _OCTETS, Range="bytes=128-")).status == 416
