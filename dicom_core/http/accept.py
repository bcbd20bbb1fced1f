"""Content negotiation: which representation a client gets of the resources of the service.

Standard: PS3.18 8.7.4 to 8.7.8
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from dicom_core.dicom.transfer_syntaxes import (
    EXPLICIT_VR_LITTLE_ENDIAN,
    JPEG_2000_LOSSLESS,
    MEDIA_TYPE_DEFAULTS,
    OCTET_STREAM,
    TRANSFER_SYNTAXES,
    syntaxes_of_media_type,
)
from dicom_core.errors import NotAcceptableError
from dicom_core.http.media_types import MediaType, accepted_types, parse_accept

__all__ = [
    "ANY_SYNTAX",
    "BULK_DATA",
    "BULK_DATA_VALUE",
    "FILE",
    "FILES",
    "FRAMES",
    "MORE_FILE",
    "MORE_FILES",
    "MORE_FRAMES",
    "RENDERED",
    "THUMBNAIL",
    "Representation",
    "accept_dicom_json",
    "negotiate",
    "negotiate_image",
    "negotiate_images",
    "takes_documents_only",
]

ANY_SYNTAX: Final = "*"

_NO_IMAGE: Final = "There is no image of a type that the Accept header asks for."
_DICOM_JSON: Final = frozenset(("application/dicom+json", "application/json", "application/*", "*/*"))


@dataclass(frozen=True, slots=True)
class Representation:
    """What to send: media type of the body or of its parts, and the wanted transfer syntax.

    `ANY_SYNTAX` stands for the stored one or, where that has another media type, for the default of the media type.
    """

    media_type: str
    transfer_syntax: str
    multipart: bool


@dataclass(frozen=True, slots=True)
class _Offer:
    """An Accept entry that a resource understands, and what it stands for.

    `wanted` is the entry's media type, or, with `multipart`, its ``type`` parameter. The first of `syntaxes` is the default.
    """

    wanted: str
    multipart: bool
    answer: str
    syntaxes: tuple[str, ...]
    as_multipart: bool


def _offer(
    wanted: str, syntaxes: tuple[str, ...], *, multipart: bool = False, answer: str = "", as_multipart: bool | None = None
) -> _Offer:
    return _Offer(wanted, multipart, answer or wanted, syntaxes, multipart if as_multipart is None else as_multipart)


_DICOM: Final = "application/dicom"
_RELATED: Final = "multipart/related"
_NAMED: Final = (EXPLICIT_VR_LITTLE_ENDIAN, ANY_SYNTAX, JPEG_2000_LOSSLESS)
_AS_STORED: Final = (ANY_SYNTAX, EXPLICIT_VR_LITTLE_ENDIAN, JPEG_2000_LOSSLESS)

FILES: Final = (
    _offer(_DICOM, _NAMED, multipart=True),
    _offer("*/*", _AS_STORED, multipart=True, answer=_DICOM),
    _offer("*/*", _AS_STORED, answer=_DICOM, as_multipart=True),
)
FILE: Final = (
    _offer(_DICOM, _NAMED, multipart=True),
    _offer(_DICOM, _NAMED),
    _offer("*/*", _AS_STORED, answer=_DICOM, as_multipart=True),
)
FRAMES: Final = (
    _offer(OCTET_STREAM, (EXPLICIT_VR_LITTLE_ENDIAN, ANY_SYNTAX), multipart=True),
    _offer(OCTET_STREAM, (EXPLICIT_VR_LITTLE_ENDIAN, ANY_SYNTAX)),
    _offer("image/jp2", (JPEG_2000_LOSSLESS,), multipart=True),
    _offer("*/*", (ANY_SYNTAX, EXPLICIT_VR_LITTLE_ENDIAN), answer=OCTET_STREAM, as_multipart=True),
)

BULK_DATA: Final = (
    _offer(OCTET_STREAM, (EXPLICIT_VR_LITTLE_ENDIAN, ANY_SYNTAX), multipart=True),
    _offer("*/*", (EXPLICIT_VR_LITTLE_ENDIAN, ANY_SYNTAX), multipart=True, answer=OCTET_STREAM),
    _offer("*/*", (EXPLICIT_VR_LITTLE_ENDIAN, ANY_SYNTAX), answer=OCTET_STREAM, as_multipart=True),
)
BULK_DATA_VALUE: Final = (*BULK_DATA, _offer(OCTET_STREAM, (EXPLICIT_VR_LITTLE_ENDIAN, ANY_SYNTAX)))

# What the standard has beyond the Microsoft service, for clients that name nothing else: every known transfer syntax of
# files, and the media types of compressed frames.
_EVERY_SYNTAX: Final = (ANY_SYNTAX, *TRANSFER_SYNTAXES)
MORE_FILES: Final = (_offer(_DICOM, _EVERY_SYNTAX, multipart=True), _offer("application/zip", _EVERY_SYNTAX))
MORE_FILE: Final = (*MORE_FILES, _offer(_DICOM, _EVERY_SYNTAX))
MORE_FRAMES: Final = (
    _offer("*/*", (ANY_SYNTAX, EXPLICIT_VR_LITTLE_ENDIAN), multipart=True, answer=OCTET_STREAM),  # as dicomweb-client asks
    _offer("image/jp2", syntaxes_of_media_type("image/jp2"), multipart=True),  # the Microsoft service refuses other forms of it
    *(
        _offer(name.lower(), (ANY_SYNTAX, *syntaxes_of_media_type(name)), multipart=multipart, answer=name)
        for name in MEDIA_TYPE_DEFAULTS
        for multipart in (True, False)
        if name not in (OCTET_STREAM, "image/jp2")
    ),
)

RENDERED: Final = ("image/jpeg", "image/png", "image/gif", "image/jp2")
THUMBNAIL: Final = RENDERED[:2]
DOCUMENTS: Final = ("application/pdf", "text/xml", "text/html", "text/plain")


def negotiate(accept: str, offers: tuple[_Offer, ...], more: tuple[_Offer, ...] = ()) -> Representation:
    """Choose among a resource's offers (`FILES`, `FILE`, `FRAMES`) by an Accept header.

    The first understood entry of the highest weight wins, unless a later one of that weight asks for any transfer syntax.
    `more` is offered to clients that take none of `offers`.

    Raises:
        NotAcceptableError: no entry is understood, or only with weight 0.

    Differs: as the Microsoft service does, and other than RFC 9110 says, the more specific entry has no precedence.
    """
    best = _best(accept, offers) or _best(accept, more)
    if best is None:
        raise NotAcceptableError("The resource has no representation that the Accept header asks for.")
    return best


def _best(accept: str, offers: tuple[_Offer, ...]) -> Representation | None:
    best: Representation | None = None
    weight = 0.0
    for entry in parse_accept(accept):
        if entry.weight < weight or entry.weight == 0:
            continue
        if entry.weight == weight and entry.parameters.get("transfer-syntax") != ANY_SYNTAX:
            continue
        understood = _understand(entry, offers)
        if understood is not None:
            best, weight = understood, entry.weight
    return best


def negotiate_image(accept: str, images: tuple[str, ...] = RENDERED) -> str:
    """Choose an image type by ordinary content negotiation; the earlier in the header, then in `images`, wins a tie.

    Raises:
        NotAcceptableError: none of them is acceptable.

    Standard: RFC 9110 12.5.1
    """
    entries = parse_accept(accept)
    ranked = []
    for order, image in enumerate(images):
        covering = [(_specificity(entry.type, image), -place) for place, entry in enumerate(entries) if _specificity(entry.type, image)]
        if covering:
            place = -max(covering)[1]
            ranked.append((-entries[place].weight, place, order))
    if not ranked or min(ranked)[0] == 0:
        raise NotAcceptableError(_NO_IMAGE)
    return images[min(ranked)[2]]


def negotiate_images(accept: str, images: tuple[str, ...] = THUMBNAIL) -> str:
    """Choose the image type of the parts of multipart/related, likewise; ``*/*`` is good for it, too.

    Raises:
        NotAcceptableError: none of them is acceptable.
    """
    ranked = [
        (-entry.weight, place, order)
        for place, entry in enumerate(parse_accept(accept))
        for order, image in enumerate(images)
        if entry.weight > 0 and (entry.type == "*/*" or _specificity(_type_of_parts(entry), image))
    ]
    if not ranked:
        raise NotAcceptableError(_NO_IMAGE)
    return images[min(ranked)[2]]


def takes_documents_only(accept: str) -> bool:
    """Whether a client takes documents (`DOCUMENTS`) and no pictures."""

    def takes(media_types: tuple[str, ...]) -> bool:
        return any(entry.weight > 0 and _specificity(entry.type, each) for entry in parse_accept(accept) for each in media_types)

    return takes(DOCUMENTS) and not takes(RENDERED)


def accept_dicom_json(accept: str) -> None:
    """Check that a client takes DICOM JSON; parameters, weights included, do not matter.

    Raises:
        NotAcceptableError: no entry of the Accept header covers it.
    """
    if _DICOM_JSON.isdisjoint(accepted_types(accept)):
        raise NotAcceptableError("")


def _understand(entry: MediaType, offers: tuple[_Offer, ...]) -> Representation | None:
    multipart = entry.type == _RELATED
    wanted = _type_of_parts(entry) if multipart else entry.type
    for offer in offers:
        if offer.wanted == wanted and offer.multipart == multipart:
            syntax = entry.parameters.get("transfer-syntax", offer.syntaxes[0])
            return Representation(offer.answer, syntax, offer.as_multipart) if syntax in offer.syntaxes else None
    return None


def _type_of_parts(entry: MediaType) -> str:
    return entry.parameters.get("type", "").lower() if entry.type == _RELATED else ""


def _specificity(media_range: str, image: str) -> int:
    """3 for the type itself, 2 for ``image/*``, 1 for ``*/*``, 0 for ranges that do not cover it."""
    return {image: 3, f"{image.partition('/')[0]}/*": 2, "*/*": 1}.get(media_range, 0)
