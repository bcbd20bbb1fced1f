"""Retrieve frames.

Standard: PS3.18 10.4.1.1.4
"""

from __future__ import annotations

from starlette.responses import Response

from dicom_core.errors import BadRequestError
from dicom_core.http.accept import FRAMES, MORE_FRAMES, negotiate
from dicom_core.http.call import Call
from dicom_core.http.frame_answers import frames_answer
from dicom_core.http.frame_numbers import check_frame_numbers, parse_frame_numbers
from dicom_core.retrieve.lookup import settled

__all__ = ["retrieve_frames"]


async def retrieve_frames(call: Call) -> Response:
    """Retrieve frames of an instance, in the order of the path."""
    numbers = parse_frame_numbers(call.request.path_params["frames"])
    partition = await call.partition()
    ids = call.identifiers()
    check_frame_numbers(numbers)
    wanted = negotiate(call.accept, FRAMES, MORE_FRAMES)
    if len(numbers) > 1 and not wanted.multipart:
        raise BadRequestError("Only one frame can be sent as a single part; multipart/related takes several.")
    service = call.services.frames

    async def attempt() -> Response:
        found = await service.find(partition, ids, numbers, wanted.media_type, wanted.transfer_syntax)
        return await frames_answer(call.request, service, found, wanted)

    return await settled(attempt)
