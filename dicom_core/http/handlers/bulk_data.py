"""Retrieve bulk data and pixel data.

Standard: PS3.18 10.4.1.1.5, 10.4.1.1.6
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Iterable
from contextlib import aclosing
from functools import partial
from typing import Final

from starlette.responses import Response

from dicom_core.dicom.transfer_syntaxes import OCTET_STREAM
from dicom_core.errors import BadRequestError, NotAcceptableError, NotFoundError
from dicom_core.http.accept import BULK_DATA, BULK_DATA_VALUE, MORE_FRAMES, Representation, negotiate
from dicom_core.http.bulk_answers import multipart_values, single_value
from dicom_core.http.call import Call
from dicom_core.http.conditional import validators
from dicom_core.http.frame_answers import frames_answer
from dicom_core.identifiers import Identifiers, Partition
from dicom_core.retrieve.bulk_data import BulkValue, Selection
from dicom_core.retrieve.lookup import settled

__all__ = ["retrieve_bulk_data", "retrieve_pixel_data"]

_SEVERAL: Final = "Compressed frames cannot be sent as a single part; multipart/related takes them."
_PATH: Final = re.compile(r"[0-9A-F]{8}(?:\.[1-9][0-9]{0,9}\.[0-9A-F]{8}){0,64}", re.ASCII)


async def retrieve_bulk_data(call: Call) -> Response:
    """Retrieve all bulk data of a study, series or instance, or the one value that the path names."""
    return await _retrieve(call, pixel_data=False)


async def retrieve_pixel_data(call: Call) -> Response:
    """Retrieve the pixel data of a study, series or instance."""
    return await _retrieve(call, pixel_data=True)


async def _retrieve(call: Call, *, pixel_data: bool) -> Response:
    partition = await call.partition()
    ids = call.identifiers()
    selection = Selection(_path(call), pixel_data)
    one_value = selection.path is not None or (pixel_data and ids.instance is not None)
    more = MORE_FRAMES if one_value and selection.may_be_pixel_data else ()
    wanted = negotiate(call.accept, BULK_DATA_VALUE if one_value else BULK_DATA, more)
    if wanted.media_type != OCTET_STREAM:
        return await settled(partial(_in_frames, call, partition, ids, wanted))
    service = call.services.bulk_data

    async def attempt() -> Response:
        values = await service.find(partition, ids, selection, wanted.transfer_syntax, original=call.original)
        first = await anext(values, None)
        if first is None:
            raise NotFoundError("The specified bulk data was not found.")
        if ids.instance is None:
            return await multipart_values(service, partition, _together([first], values), call.base_url, {})
        others = [value async for value in values]
        state = validators(first.file.version, wanted, selection, weak=wanted.multipart)
        if state.is_known(call.request.headers):
            return state.not_modified()
        if wanted.multipart:
            return await multipart_values(service, partition, _together([first, *others], values), call.base_url, state.headers)
        if first.parts > 1:
            raise NotAcceptableError(_SEVERAL)
        return await single_value(call.request, service, partition, first, state)

    return await settled(attempt)


async def _in_frames(call: Call, partition: Partition, ids: Identifiers, wanted: Representation) -> Response:
    """Answer with the pixel data of an instance in a media type of frames, a part for each; a video is a single one."""
    service = call.services.frames
    found = await service.find(partition, ids, None, wanted.media_type, wanted.transfer_syntax)
    if len(found.numbers) > 1 and not wanted.multipart:
        raise NotAcceptableError(_SEVERAL)
    return await frames_answer(call.request, service, found, wanted)


def _path(call: Call) -> str | None:
    """The path of a value inside of its data set, as URLs of bulk data have it; None where they have none."""
    text: str | None = call.request.path_params.get("value")
    if text is None:
        return None
    if _PATH.fullmatch(text.upper()) is None:
        raise BadRequestError("The path of the bulk data must be a tag, or tags and item numbers, separated by dots.")
    return text.upper().replace(".", "/")


async def _together(first: Iterable[BulkValue], others: AsyncGenerator[BulkValue, None]) -> AsyncGenerator[BulkValue, None]:
    async with aclosing(others):
        for value in first:
            yield value
        async for value in others:
            yield value
