"""Query parameters that steer a request: integers, booleans and moments. Their names ignore letter case, unknown ones do no harm."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Final

from starlette.requests import Request

from dicom_core.errors import BadRequestError

__all__ = ["Parameters"]

_INTEGER: Final = re.compile(r"\s*[+-]?[0-9]{1,40}\s*", re.ASCII)
_MOMENT: Final = re.compile(
    r"(?P<date>[0-9]{4}-?[0-9]{2}-?[0-9]{2})"  # extended or basic format
    r"(?:[T ](?P<time>[0-9]{2}:?[0-9]{2}(?::?[0-9]{2})?)(?:[.,](?P<fraction>[0-9]{1,20}))?)?"
    r"(?P<zone>Z|[+-][0-9]{2}(?::?[0-9]{2})?)?",
    re.ASCII | re.IGNORECASE,
)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Parameters:
    """The query parameters of a request; of a repeated one the first counts."""

    def __init__(self, request: Request) -> None:
        self._values: dict[str, str] = {}
        for name, value in request.query_params.multi_items():
            self._values.setdefault(name.lower(), value)

    def integer(self, name: str, default: int, least: int, most: int) -> int:
        """A whole number.

        Raises:
            BadRequestError: it is not one, or not within the bounds.
        """
        text = self._values.get(name.lower())
        if text is None:
            return default
        if _INTEGER.fullmatch(text) is None or not least <= int(text) <= most:
            raise BadRequestError(f"{name} must be a whole number from {least} to {most}.")
        return int(text)

    def boolean(self, name: str, *, default: bool) -> bool:
        """`true` or `false`, in any letter case.

        Raises:
            BadRequestError: it is neither.
        """
        text = self._values.get(name.lower())
        if text is None:
            return default
        if text.strip().lower() not in ("true", "false"):
            raise BadRequestError(f"{name} must be true or false.")
        return text.strip().lower() == "true"

    def moment(self, name: str) -> int | None:
        """A moment in ISO 8601 with a time zone, as microseconds since 1970 (the next whole one); None when absent or empty.

        Raises:
            BadRequestError: it is not one, or has no time zone.
        """
        text = self._values.get(name.lower(), "").strip()
        if not text:
            return None
        match = _MOMENT.fullmatch(text)
        if match is None:
            raise BadRequestError(f"{name} must be a date and time such as 2024-01-31T12:00:00Z; write + as %2B.")
        if match["zone"] is None:
            raise BadRequestError(f"{name} must have a time zone: Z or an offset such as %2B01:00.")
        try:
            moment = datetime.fromisoformat(f"{match['date']}T{match['time'] or '00:00'}{match['zone'].upper()}")
        except ValueError:
            raise BadRequestError(f"{name} is not a date and time of the calendar.") from None
        digits = (match["fraction"] or "").ljust(6, "0")
        return (moment - _EPOCH) // timedelta(microseconds=1) + int(digits[:6]) + bool(digits[6:].strip("0"))
