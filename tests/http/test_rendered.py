"""Rendered resources and thumbnails over HTTP."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import numpy as np
import pytest
from PIL import Image

from dicom_core.dicom.attributes import Attributes
from dicom_core.dicom.render_options import RenderOptions
from dicom_core.dicom.rendering import render
from tests.dicom.factories import make_instance
from tests.dicom.pixel_files import BUNDLED, StoredFile, make_file
from tests.http.driver import Answer, Client, open_client
from tests.http.storing import Stored, store_file

_PREFIX = "1.2.840.10008.1.2"
_STUDY = "/v2/studies/2.25.1"
_INSTANCE = f"{_STUDY}/series/2.25.2/instances/2.25.3"


def _shades(frames: int = 3, rows: int = 20, columns: int = 30) -> np.ndarray[Any, Any]:
    """Frames that are each darker than the next."""
    return np.stack([np.full((rows, columns), 40 * frame, "u1") for frame in range(1, frames + 1)])


def _image(answer: Answer) -> Image.Image:
    assert answer.status == 200, answer.text
    return Image.open(BytesIO(answer.body))


def _middle(image: Image.Image) -> Any:
    return image.convert("L").getpixel((image.width // 2, image.height // 2))


async def _store(client: Client, samples: np.ndarray[Any, Any] | None = None, **attributes: Any) -> Stored:
    attributes = {"WindowCenter": 128, "WindowWidth": 256, **attributes}
    return await store_file(client, make_file(_shades() if samples is None else samples, **attributes))


@pytest.mark.parametrize(
    "name",
    [
        "CT_small.dcm",
        "SC_rgb_rle_2frame.dcm",
        "MR_small_bigendian.dcm",
        "image_dfl.dcm",
        "693_J2KI.dcm",
        "examples_ybr_color.dcm",
        "JPEG-lossy.dcm",
    ],
)
@pytest.mark.parametrize("media_type", ["image/jpeg", "image/png"])
async def test_picture_is_that_of_the_stored_frame(client: Client, name: str, media_type: str) -> None:
    stored = await store_file(client, BUNDLED[name].read_bytes())
    file = StoredFile.of(stored.data)
    answer = await client.get(f"{stored.url}/rendered", media_type)
    assert (answer.status, answer.headers["content-type"]) == (200, media_type)
    attributes, options = Attributes.of(file.header), RenderOptions(media_type=media_type)
    assert answer.body == render(file.frame(1), file.header.transfer_syntax_uid, file.pixels, attributes, options)


async def test_frames(client: Client) -> None:
    stored = await _store(client)
    shades = [_middle(_image(await client.get(f"{stored.url}/frames/{frame}/rendered", "image/png"))) for frame in (1, 2, 3)]
    assert shades == [40, 80, 120]
    assert _middle(_image(await client.get(f"{stored.url}/rendered", "image/png"))) == 40


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [(None, "JPEG"), ("*/*", "JPEG"), ("image/*", "JPEG"), ("image/png, image/jpeg;q=0.5", "PNG"), ("image/jp2", "JPEG2000")],
)
async def test_negotiation(client: Client, accept: str | None, media_type: str) -> None:
    image = _image(await client.get(f"{(await _store(client)).url}/rendered", accept))
    assert (image.format, image.size) == (media_type, (30, 20))


async def test_films(client: Client) -> None:
    stored = await _store(client)
    film = _image(await client.get(f"{stored.url}/rendered", "image/gif"))
    assert (film.format, getattr(film, "n_frames", 1)) == ("GIF", 3)
    still = _image(await client.get(f"{stored.url}/frames/2/rendered", "image/gif"))
    assert (getattr(still, "n_frames", 1), _middle(still)) == (1, 80)


async def test_films_of_too_many_pixels(client: Client) -> None:
    size = 5_800
    bits = bytes(2 * size * size // 8)
    data = make_file(np.zeros((2, 8, 8), "u1"), Rows=size, Columns=size, BitsAllocated=1, BitsStored=1, PixelData=bits)
    stored = await store_file(client, data)
    assert (await client.get(f"{stored.url}/rendered", "image/gif")).status == 406
    assert (await client.get(f"{stored.url}/thumbnail")).status == 200


async def test_parameters(client: Client) -> None:
    stored = await _store(client)
    fitted = _image(await client.get(f"{stored.url}/rendered?viewport=15,15"))
    assert fitted.size == (15, 10)
    windowed = _image(await client.get(f"{stored.url}/rendered?Window=20,2,linear", "image/png"))
    assert _middle(windowed) == 255
    coarse = await client.get(f"{stored.url}/rendered?QUALITY=1")
    fine = await client.get(f"{stored.url}/rendered?quality=100")
    assert len(coarse.body) <= len(fine.body)
    annotated = await client.get(f"{stored.url}/rendered?annotation=patient,technique")
    assert "warning" not in annotated.headers
    assert annotated.body != fine.body
    assert annotated.headers["etag"] != fine.headers["etag"]


@pytest.mark.parametrize(
    ("path", "accept", "status"),
    [
        ("/v2/partitions/none/studies/x/series/x/instances/x/rendered?quality=x", "text/html", 400),
        ("/v2/studies/x/series/2.25.2/instances/2.25.3/rendered", "text/html", 400),
        (f"{_INSTANCE}/frames/0/rendered", "text/html", 400),
        (f"{_INSTANCE}/frames/1,2/rendered", None, 400),
        (f"{_INSTANCE}/frames/x/rendered", None, 400),
        (f"{_STUDY}/series/2.25.2/instances/9/rendered?quality=0", "text/html", 400),
        (f"{_STUDY}/series/2.25.2/instances/9/rendered?quality=101", "image/png", 400),
        (f"{_STUDY}/series/2.25.2/instances/9/rendered?quality=x", "image/png", 400),
        (f"{_INSTANCE}/rendered?viewport=1", None, 400),
        (f"{_INSTANCE}/rendered?window=1,2", None, 400),
        (f"{_INSTANCE}/rendered?iccprofile=x", None, 400),
        (f"{_INSTANCE}/rendered?annotation=x", None, 400),
        (f"{_STUDY}/series/2.25.2/instances/9/rendered", "text/html", 406),
        (f"{_STUDY}/series/2.25.2/instances/9/rendered", None, 404),
        (f"{_INSTANCE}/frames/4/rendered", None, 404),
        (f"{_INSTANCE}/rendered", "image/webp", 406),
        (f"{_INSTANCE}/thumbnail?viewport=x", None, 400),
        (f"{_INSTANCE}/frames/4/thumbnail", None, 404),
        (f"{_STUDY}/series/9/thumbnail", None, 404),
        (f"{_STUDY}/thumbnail", "image/gif", 406),
        (f"{_STUDY}/rendered", "image/png", 406),
        ("/v2/studies/9/rendered", None, 404),
    ],
)
async def test_order_of_checks(client: Client, path: str, accept: str | None, status: int) -> None:
    await _store(client)
    assert (await client.get(path, accept)).status == status


async def test_nothing_to_show(client: Client) -> None:
    stored = await store_file(client, make_instance())
    for path in (stored.url, stored.series, stored.study):
        for resource in ("rendered", "thumbnail"):
            assert (await client.get(f"{path}/{resource}")).status == 404


@pytest.mark.parametrize("syntax", ["1.2.3.4", f"{_PREFIX}.4.102", f"{_PREFIX}.4.50"])
async def test_what_cannot_be_decoded(client: Client, syntax: str) -> None:
    stored = await store_file(client, make_instance(rows=4, columns=4, transfer_syntax=syntax, pixel_data=[b"no image"]))
    for path in (stored.url, f"{stored.url}/frames/1", stored.series, stored.study):
        for resource in ("rendered", "thumbnail"):
            assert (await client.get(f"{path}/{resource}")).status == 406


async def test_large_files_are_not_rendered(tmp_path: Any) -> None:
    async with open_client(tmp_path, max_converted_bytes=10_000) as client:
        stored = await _store(client, _shades(1, 100, 100))
        assert (await client.get(f"{stored.url}/rendered")).status == 406
        assert (await client.get(f"{stored.url}/frames/9/rendered")).status == 406
        assert (await client.get(f"{stored.study}/rendered")).status == 406


@pytest.mark.parametrize("rows", [100, 1500])
@pytest.mark.parametrize("syntax", [_PREFIX, f"{_PREFIX}.2", f"{_PREFIX}.1.99"])
async def test_frames_far_from_the_beginning(client: Client, rows: int, syntax: str) -> None:
    samples = np.zeros((4, rows, 500), "u2")
    samples[3] = 200
    stored = await _store(client, samples, syntax=syntax)
    assert _middle(_image(await client.get(f"{stored.url}/frames/4/rendered", "image/png"))) == 200
    assert _middle(_image(await client.get(f"{stored.url}/frames/1/rendered", "image/png"))) == 0


async def test_every_frame_of_a_study(client: Client) -> None:
    stored = await _store(client)
    await _store(client, _shades(1), SOPInstanceUID="2.25.4")
    await store_file(client, make_instance(study="2.25.1", series="2.25.2", instance="2.25.5"))
    damaged = make_instance(
        study="2.25.1", series="2.25.2", instance="2.25.6", rows=4, columns=4, transfer_syntax=f"{_PREFIX}.4.50", pixel_data=[b"no image"]
    )
    await store_file(client, damaged)
    for path in (stored.study, stored.series):
        answer = await client.get(f"{path}/rendered?viewport=10,10", 'multipart/related; type="image/png"')
        assert answer.status == 200
        assert answer.headers["content-type"].startswith('multipart/related; type="image/png"; boundary=')
        heads = [head.split("\r\n") for head, _ in answer.parts()]
        base = f"http://dicom.test{stored.series}/instances"
        assert heads == [
            ["image/png", f"Content-Location: {base}/{place}/rendered"]
            for place in ("2.25.3/frames/1", "2.25.3/frames/2", "2.25.3/frames/3", "2.25.4")
        ]
        assert {Image.open(BytesIO(content)).size for _, content in answer.parts()} == {(10, 7)}


async def test_thumbnails(client: Client) -> None:
    for number in range(1, 6):
        await _store(
            client, _shades(5)[number - 1 : number].repeat(20, 1).repeat(20, 2), SOPInstanceUID=f"2.25.{10 - number}", InstanceNumber=number
        )
    for path in (_STUDY, f"{_STUDY}/series/2.25.2"):
        thumbnail = _image(await client.get(f"{path}/thumbnail"))
        assert (thumbnail.format, thumbnail.size) == ("JPEG", (128, 85))
        assert abs(_middle(thumbnail) - 120) <= 1
    small = _image(await client.get(f"{_STUDY}/series/2.25.2/instances/2.25.9/thumbnail?viewport=20,20&quality=x", "image/png"))
    assert (small.format, small.size) == ("PNG", (20, 13))


async def test_thumbnail_of_many_frames_is_the_middle_one(client: Client) -> None:
    stored = await _store(client)
    assert abs(_middle(_image(await client.get(f"{stored.url}/thumbnail"))) - 80) <= 1
    assert abs(_middle(_image(await client.get(f"{stored.url}/frames/3/thumbnail"))) - 120) <= 1


async def test_validators_ranges_and_head(client: Client) -> None:
    stored = await _store(client)
    for resource in ("rendered", "frames/1/rendered", "thumbnail"):
        url = f"{stored.url}/{resource}"
        answer = await client.get(url)
        tag = answer.headers["etag"]
        assert (await client.get(url, if_none_match=tag)).status == 304
        assert (await client.get(url, if_modified_since=answer.headers["last-modified"])).status == 304
        assert (await client.get(f"{url}?viewport=9,9", if_none_match=tag)).status == 200
        part = await client.get(url, Range="bytes=0-9", If_Range=tag)
        assert (part.status, part.body) == (206, answer.body[:10])
        head = await client.send("HEAD", url)
        assert (head.status, head.body, head.headers["content-length"]) == (200, b"", str(len(answer.body)))


async def test_accept_parameter(client: Client) -> None:
    stored = await _store(client)
    assert _image(await client.get(f"{stored.url}/rendered?accept=image/png")).format == "PNG"
    assert _image(await client.get(f"{stored.url}/rendered?accept=image%2Fpng", "*/*")).format == "PNG"
    assert _image(await client.get(f"{stored.url}/rendered?accept=image/png", "image/jpeg")).format == "JPEG"
