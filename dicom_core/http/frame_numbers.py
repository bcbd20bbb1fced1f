"""Frame numbers as paths write them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final
from urllib.parse import unquote

from dicom_core.errors import BadRequestError

__all__ = ["check_frame_numbers", "parse_frame_numbers"]

_NUMBER: Final = re.compile(r" *[+-]?[0-9]{1,18} *", re.ASCII)


def parse_frame_numbers(text: str) -> list[int]:
    """Read whole numbers, separated by commas.

    Raises:
        BadRequestError: something else is there, or nothing.
    """
    numbers = unquote(text).split(",")
    if not all(map(_NUMBER.fullmatch, numbers)):
        raise BadRequestError("The frames in the path must be whole numbers, separated by commas.")
    return [int(number) for number in numbers]


def check_frame_numbers(numbers: Iterable[int]) -> None:
    """Refuse numbers of which there are no frames at all.

    Raises:
        BadRequestError: one of them is below 1.
    """
    if min(numbers) < 1:
        raise BadRequestError("The frames in the path must be 1 or above.")
