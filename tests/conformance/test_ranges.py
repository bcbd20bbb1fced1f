"""Ranges, validators, HEAD and the parameter `accept` of everything that is retrieved over HTTP."""

from __future__ import annotations

from email.utils import formatdate, parsedate_to_datetime
from urllib.parse import quote

import pytest

from tests.conformance.imaging import BIG_ENDIAN, DEFLATED, EXPLICIT, OCTETS, assert_text, multipart, put, single
from tests.conformance.place import DICOM, Place, instance_path
from tests.dicom.factories import make_instance

pytestmark = pytest.mark.asyncio(loop_scope="module")

FILE = make_instance(rows=8, columns=10, frames=3, bits=16)
HERE = instance_path()

# name -> path below the instance, Accept: single parts whose bytes can be had in ranges
SINGLE_PARTS = {
    "instance": ("", single(DICOM)),
    "instance as stored": ("", single(DICOM, "*")),
    "frame": ("/frames/2", OCTETS),
    "rendered": ("/rendered", "image/png"),
    "rendered frame": ("/frames/3/rendered", None),
    "thumbnail": ("/thumbnail", None),
    "value": ("/bulkdata/7FE00010", OCTETS),
    "pixel data": ("/pixeldata", OCTETS),
}
# name -> path below the instance, Accept: what comes whole only
WHOLE = {
    "parts": ("", None),
    "frames": ("/frames/1,2", None),
    "values": ("/bulkdata", None),
    "transcoded": ("", single(DICOM, "1.2.840.10008.1.2.4.90")),
}


def _satisfied(size: int) -> dict[str, tuple[int, int]]:
    """First byte and the one after the last, for ranges of so many bytes."""
    return {
        "bytes=0-0": (0, 1),
        "bytes=0-9": (0, 10),
        "bytes=5-": (5, size),
        "bytes=-7": (size - 7, size),
        "bytes=-999999999": (0, size),
        "bytes=0-999999999": (0, size),
        f"bytes={size - 1}-": (size - 1, size),
        "BYTES=1-2": (1, 3),
    }


@pytest.mark.parametrize("name", SINGLE_PARTS)
@pytest.mark.parametrize("syntax", [EXPLICIT, BIG_ENDIAN, DEFLATED])
async def test_ranges(place: Place, name: str, syntax: str) -> None:
    path = await put(place, make_instance(transfer_syntax=syntax, rows=8, columns=10, frames=3, bits=16))
    resource, accept = SINGLE_PARTS[name]
    if name == "instance":
        accept = single(DICOM, syntax)
    whole = await place.get(path + resource, accept)
    assert (whole.status, whole.headers["accept-ranges"]) == (200, "bytes")
    assert "content-range" not in whole.headers
    size = len(whole.body)
    for text, (start, end) in _satisfied(size).items():
        part = await place.get(path + resource, accept, Range=text)
        assert (part.status, part.body) == (206, whole.body[start:end]), text
        assert part.headers["content-range"] == f"bytes {start}-{end - 1}/{size}"
        assert part.headers["content-length"] == str(end - start)
        assert part.headers["content-type"] == whole.headers["content-type"]
        assert part.headers["etag"] == whole.headers["etag"]
    for text in [f"bytes={size}-", f"bytes={size}-{size + 5}", "bytes=-0", "bytes=999999999999-"]:
        refused = await place.get(path + resource, accept, Range=text)
        assert_text(refused, 416)
        assert refused.headers["content-range"] == f"bytes */{size}"
    for text in ["bytes=5-2", "bytes=", "bytes=x-y", "items=0-5", "0-5", "bytes=0-1,4-5", "bytes=-"]:
        ignored = await place.get(path + resource, accept, Range=text)
        assert (ignored.status, ignored.body) == (200, whole.body), text


@pytest.mark.parametrize("name", WHOLE)
async def test_multipart_and_transcoded_answers_come_whole(place: Place, name: str) -> None:
    await place.store(FILE)
    resource, accept = WHOLE[name]
    answer = await place.get(HERE + resource, accept, Range="bytes=0-3")
    assert answer.status == 200
    assert len(answer.body) > 100
    assert (await place.get(HERE + resource, accept, Range="bytes=999999999-")).status == 200


@pytest.mark.parametrize("name", SINGLE_PARTS)
async def test_if_range(place: Place, name: str) -> None:
    await place.store(FILE)
    resource, accept = SINGLE_PARTS[name]
    whole = await place.get(HERE + resource, accept)
    tag, modified = whole.headers["etag"], whole.headers["last-modified"]
    for condition, status in (
        (tag, 206),
        ('"other"', 200),
        (f"W/{tag}", 200),
        (modified, 206),
        (formatdate(0, usegmt=True), 200),
        ("x", 200),
    ):
        answer = await place.get(HERE + resource, accept, Range="bytes=1-4", If_Range=condition)
        assert (answer.status, answer.body) == (status, whole.body[1:5] if status == 206 else whole.body), condition


@pytest.mark.parametrize("name", [*SINGLE_PARTS, "parts", "frames", "values"])
async def test_validators(any_place: Place, name: str) -> None:
    await any_place.store(FILE)
    resource, accept = {**SINGLE_PARTS, **WHOLE}[name]
    path = HERE + resource
    answer = await any_place.get(path, accept)
    tag, modified = answer.headers["etag"], answer.headers["last-modified"]
    opaque = tag.removeprefix("W/")
    assert opaque.startswith('"')
    assert opaque.endswith('"')
    time = parsedate_to_datetime(modified).timestamp()
    known = [
        *({"If_None_Match": text} for text in (tag, opaque, f"W/{opaque}", opaque.strip('"'), f'"x", {tag}', "*")),
        *({"If_Modified_Since": formatdate(time + later, usegmt=True)} for later in (0, 1, 3600)),
        {"If_None_Match": tag, "If_Modified_Since": formatdate(time - 3600, usegmt=True)},
        {"If_None_Match": tag, "Range": "bytes=0-1"},
    ]
    for condition in known:
        same = await any_place.get(path, accept, **condition)
        assert (same.status, same.body, same.headers["etag"]) == (304, b"", tag), condition
    changed = [
        *({"If_None_Match": text} for text in ('"other"', '""', "x")),
        *({"If_Modified_Since": text} for text in (formatdate(time - 1, usegmt=True), "yesterday", "")),
        {"If_None_Match": '"other"', "If_Modified_Since": formatdate(time + 3600, usegmt=True)},
    ]
    for condition in changed:
        assert (await any_place.get(path, accept, **condition)).status == 200, condition


async def test_tags_tell_representations_apart(place: Place) -> None:
    await place.store(FILE)
    requests = [
        *(("/rendered", accept) for accept in ("image/png", "image/jpeg")),
        *((f"/rendered?{query}", "image/jpeg") for query in ("quality=5", "viewport=5,5", "window=1,2,linear")),
        *((f"/frames/{frame}/rendered", "image/jpeg") for frame in (2, 3)),
        *((f"/frames/{frames}", multipart()) for frames in ("1", "2", "1,2", "2,1")),
        ("/frames/1", OCTETS),
        ("", single(DICOM)),
        ("", multipart(DICOM)),
    ]
    tags = [(await place.get(HERE + path, accept)).headers["etag"] for path, accept in requests]
    assert len(set(tags)) == len(tags)


async def test_state_changes_when_replaced(place: Place) -> None:
    await place.store(FILE)
    tags = {name: (await place.get(HERE + resource, accept)).headers["etag"] for name, (resource, accept) in SINGLE_PARTS.items()}
    await place.delete(HERE)
    for resource, accept in SINGLE_PARTS.values():
        assert_text(await place.get(HERE + resource, accept, If_None_Match="*"), 404)
    await place.store(FILE)
    for name, (resource, accept) in SINGLE_PARTS.items():
        assert (await place.get(HERE + resource, accept, If_None_Match=tags[name])).status == 200


@pytest.mark.parametrize("name", [*SINGLE_PARTS, *WHOLE])
async def test_head(any_place: Place, name: str) -> None:
    await any_place.store(FILE)
    resource, accept = {**SINGLE_PARTS, **WHOLE}[name]
    headers = {} if accept is None else {"Accept": accept}
    answer = await any_place.get(HERE + resource, accept)
    head = await any_place.client.send("HEAD", any_place.url(HERE + resource), headers={**headers, "Range": "bytes=0-1"})
    assert (head.status, head.body) == (200, b"")
    same = {"etag", "last-modified", "content-length", "accept-ranges", "vary"} & answer.headers.keys()
    assert {key: head.headers[key] for key in same} == {key: answer.headers[key] for key in same}
    assert head.headers["content-type"].partition("boundary")[0] == answer.headers["content-type"].partition("boundary")[0]
    known = await any_place.client.send(
        "HEAD", any_place.url(HERE + resource), headers={**headers, "If-None-Match": answer.headers["etag"]}
    )
    assert (known.status, known.body) == (304, b"")
    missing = await any_place.client.send("HEAD", any_place.url(instance_path(instance="9.9") + resource), headers=headers)
    assert (missing.status, missing.body) == (404, b"")


ACCEPTS = [
    ("/rendered", "image/png", "image/png"),
    ("/rendered", "image/png, image/jpeg;q=0.5", "image/png"),
    ("/rendered", "image/webp", None),
    ("/thumbnail", "image/png", "image/png"),
    ("/frames/1", OCTETS, f"{OCTETS}; transfer-syntax={EXPLICIT}"),
    ("/frames/1,2", OCTETS, ""),
    ("/frames/1", "text/html", None),
    ("", DICOM, f"{DICOM}; transfer-syntax={EXPLICIT}"),
    ("", f"{DICOM}; transfer-syntax=*", f"{DICOM}; transfer-syntax={EXPLICIT}"),
    ("", "image/png", None),
    ("/metadata", "application/dicom+json", "application/dicom+json"),
    ("/metadata", "text/html", None),
    ("/bulkdata/7FE00010", OCTETS, f"{OCTETS}; transfer-syntax={EXPLICIT}"),
]


@pytest.mark.parametrize("header", [None, "*/*", ""])
@pytest.mark.parametrize(("resource", "accept", "content_type"), ACCEPTS)
async def test_accept_parameter(any_place: Place, resource: str, accept: str, content_type: str | None, header: str | None) -> None:
    await any_place.store(FILE)
    for text in (quote(accept), quote(accept, safe="/*;=,")):
        answer = await any_place.get(f"{HERE}{resource}?accept={text}", header)
        if content_type:
            assert (answer.status, answer.headers["content-type"]) == (200, content_type)
        else:
            assert answer.status == (406 if content_type is None else 400)


async def test_header_goes_before_accept_parameter(place: Place) -> None:
    await place.store(FILE)
    assert (await place.get(f"{HERE}/rendered?accept=image/png", "image/jpeg")).headers["content-type"] == "image/jpeg"
    assert_text(await place.get(f"{HERE}/rendered?accept=image/png", "text/css"), 406)
