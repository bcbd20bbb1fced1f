"""Rendered instances, frames, series and studies, and thumbnails of all of them.

Standard: PS3.18 10.4.1.1.3, 10.4.1.1.5
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace
from functools import partial
from typing import Final

from starlette.responses import Response

from dicom_core.errors import BadRequestError
from dicom_core.http.accept import RENDERED, THUMBNAIL, negotiate_image, negotiate_images, takes_documents_only
from dicom_core.http.call import Call
from dicom_core.http.conditional import validators
from dicom_core.http.frame_numbers import check_frame_numbers, parse_frame_numbers
from dicom_core.http.multipart import Framing
from dicom_core.http.ranges import bytes_answer
from dicom_core.http.render_parameters import render_options, thumbnail_options
from dicom_core.http.streaming import begun
from dicom_core.identifiers import Identifiers, Partition
from dicom_core.retrieve.lookup import settled
from dicom_core.retrieve.rendering import Picture

__all__ = ["retrieve_rendered", "retrieve_rendered_parts", "retrieve_thumbnail"]

_GIF: Final = "image/gif"


async def retrieve_rendered(call: Call) -> Response:
    """Render an instance's frame that the path names, or the first one; as GIF, an instance with several becomes a film."""
    options, frame = render_options(call.request), _frame(call)
    partition = await call.partition()
    ids = call.identifiers()
    check_frame_numbers([1 if frame is None else frame])
    if frame is None and takes_documents_only(call.accept):
        return await settled(partial(_document, call, partition, ids))
    options = replace(options, media_type=negotiate_image(call.accept, RENDERED))
    service = call.services.rendering

    async def attempt() -> Response:
        file = await service.find(partition, ids, frame or 1)
        state = validators(file.version, options, frame)
        if state.is_known(call.request.headers):
            return state.not_modified()
        if options.media_type == _GIF and frame is None and file.frames > 1:
            content = await service.animation(file, options)
        else:
            content = (await service.picture(file, frame or 1, options)).content
        return bytes_answer(call.request, content, options.media_type, state)

    return await settled(attempt)


async def _document(call: Call, partition: Partition, ids: Identifiers) -> Response:
    """Answer with an instance that is a document, to clients that take no pictures; of all others they take nothing."""
    service = call.services.documents
    row = await service.find(partition, ids)
    media_type = negotiate_image(call.accept, service.forms(row))
    assert row is not None, "nothing has no forms"
    state = validators(row.version, media_type)
    if state.is_known(call.request.headers):
        return state.not_modified()
    content_type = f"{media_type}; charset=utf-8" if media_type in ("text/html", "text/plain") else media_type
    return bytes_answer(call.request, await service.document(row, media_type), content_type, state)


async def retrieve_rendered_parts(call: Call) -> Response:
    """Render every frame of a study or series, one part each."""
    options = render_options(call.request)
    partition = await call.partition()
    ids = call.identifiers()
    options = replace(options, media_type=negotiate_images(call.accept))
    framing = Framing(options.media_type)
    pictures = call.services.rendering.pictures(partition, ids, options)
    return await begun(_parts(framing, call.base_url, pictures), {"Content-Type": framing.content_type, "Vary": "Accept"})


async def retrieve_thumbnail(call: Call) -> Response:
    """Render a small image that stands for the study, series, instance or frame."""
    options, frame = thumbnail_options(call.request), _frame(call)
    partition = await call.partition()
    ids = call.identifiers()
    check_frame_numbers([1 if frame is None else frame])
    options = replace(options, media_type=negotiate_image(call.accept, THUMBNAIL))
    service = call.services.rendering

    async def attempt() -> Response:
        file, number = await service.representative(partition, ids, frame)
        state = validators(file.version, options, file.instance, number)
        if state.is_known(call.request.headers):
            return state.not_modified()
        picture = await service.picture(file, number, options)
        return bytes_answer(call.request, picture.content, options.media_type, state)

    return await settled(attempt)


def _frame(call: Call) -> int | None:
    """The frame that the path names, or None when it names none.

    Raises:
        BadRequestError: it is not one whole number.
    """
    text = call.request.path_params.get("frame")
    if text is None:
        return None
    numbers = parse_frame_numbers(text)
    if len(numbers) > 1:
        raise BadRequestError("The frame in the path must be one whole number.")
    return numbers[0]


async def _parts(framing: Framing, base_url: str, pictures: AsyncGenerator[Picture, None]) -> AsyncGenerator[bytes | memoryview, None]:
    first = True
    async with aclosing(pictures):
        async for picture in pictures:
            yield framing.opening(framing.media_type, first=first, location=_url(base_url, picture)) + picture.content
            first = False
    yield framing.closing


def _url(base_url: str, picture: Picture) -> str:
    file = picture.file
    frame = f"/frames/{picture.frame}" if file.frames > 1 else ""
    return f"{base_url}/studies/{file.study}/series/{file.series}/instances/{file.instance}{frame}/rendered"
