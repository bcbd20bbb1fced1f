"""Text in the corners of a picture: whose it is, and how it was taken.

The one font at hand has the letters of ASCII: letters with accents lose these, others become question marks.

Standard: PS3.18 8.3.5.1.1
"""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, Final

from dicom_core.dicom.attributes import Attributes
from dicom_core.dicom.character_sets import character_set

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["ANNOTATIONS", "annotate"]

_SPECIFIC_CHARACTER_SET, _PATIENT_NAME = 0x00080005, 0x00100010
_TEXTS: Final = {
    "patient": (("", _PATIENT_NAME), ("ID ", 0x00100020), ("Born ", 0x00100030), ("Sex ", 0x00100040)),
    "technique": (
        ("", 0x00080060),  # Modality
        ("Study ", 0x00080020),
        ("", 0x00081030),  # Study and Series Description
        ("", 0x0008103E),
        ("Series ", 0x00200011),
        ("Image ", 0x00200013),
        ("Position ", 0x00200032),
    ),
}
ANNOTATIONS: Final = tuple(_TEXTS)

_LEAST_HEIGHT, _LINES = 10, 40  # of letters, in pixels, and how many of them a picture is high
_LONGEST = 64


def annotate(image: Image, attributes: Attributes, wanted: tuple[str, ...], frame: int | None) -> None:
    """Write into a picture: the patient at the top, the technique at the bottom, `frame` being its number if there are several."""
    from PIL.ImageDraw import Draw
    from PIL.ImageFont import load_default

    height = max(_LEAST_HEIGHT, image.height // _LINES)
    font, draw, margin = load_default(height), Draw(image), height // 2
    for kind in wanted:
        lines = _lines(attributes, kind)
        if kind == "technique" and frame is not None:
            lines.append(f"Frame {frame}")
        anchor, top = ("la", margin) if kind == "patient" else ("ld", image.height - margin)
        draw.multiline_text((margin, top), "\n".join(lines), "white", font, anchor, stroke_width=1, stroke_fill="black")


def _lines(attributes: Attributes, kind: str) -> list[str]:
    charset = character_set(str(bytes(attributes.value(_SPECIFIC_CHARACTER_SET)), "ascii", "replace"))
    lines = []
    for label, tag in _TEXTS[kind]:
        text = charset.decode(attributes.value(tag), name=tag == _PATIENT_NAME)
        if tag == _PATIENT_NAME:
            text = text.partition("=")[0].replace("^", " ")
        if text := _drawable(text.replace("\\", ", ").strip(" \0")):
            lines.append((label + text)[:_LONGEST])
    return lines


def _drawable(text: str) -> str:
    """Give a text in letters that the font has."""
    letters = (letter for letter in unicodedata.normalize("NFKD", text) if not unicodedata.combining(letter))
    return "".join(letter if " " <= letter <= "~" else "?" for letter in letters)
