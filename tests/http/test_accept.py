from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicom_core.errors import NotAcceptableError
from dicom_core.http.accept import (
    FILE,
    FILES,
    FRAMES,
    MORE_FILE,
    MORE_FILES,
    MORE_FRAMES,
    Representation,
    accept_dicom_json,
    negotiate,
    negotiate_image,
    negotiate_images,
)

_LITTLE = "1.2.840.10008.1.2.1"
_J2K = "1.2.840.10008.1.2.4.90"
_RELATED = 'multipart/related; type="application/dicom"'
_OCTETS = 'multipart/related; type="application/octet-stream"'

_RESOURCES = {"files": FILES, "file": FILE, "frames": FRAMES}


def _dicom(syntax: str, *, multipart: bool = True) -> Representation:
    return Representation("application/dicom", syntax, multipart)


def _frames(syntax: str, *, multipart: bool = True) -> Representation:
    return Representation("application/octet-stream", syntax, multipart)


@pytest.mark.parametrize(
    ("resource", "accept", "expected"),
    [
        ("files", "", _dicom("*")),
        ("files", "*/*", _dicom("*")),
        ("files", f"*/*; transfer-syntax={_LITTLE}", _dicom(_LITTLE)),
        ("files", _RELATED, _dicom(_LITTLE)),
        ("files", "Multipart/Related; Type=Application/Dicom", _dicom(_LITTLE)),
        ("files", f"{_RELATED}; transfer-syntax=*", _dicom("*")),
        ("files", f'{_RELATED}; transfer-syntax="{_J2K}"', _dicom(_J2K)),
        ("files", 'multipart/related; type="*/*"', _dicom("*")),
        ("file", "", _dicom("*")),
        ("file", "application/dicom", _dicom(_LITTLE, multipart=False)),
        ("file", "application/dicom; transfer-syntax=*", _dicom("*", multipart=False)),
        ("file", f"application/dicom; transfer-syntax={_J2K}", _dicom(_J2K, multipart=False)),
        ("file", _RELATED, _dicom(_LITTLE)),
        ("frames", "", _frames("*")),
        ("frames", "application/octet-stream", _frames(_LITTLE, multipart=False)),
        ("frames", f"{_OCTETS}; transfer-syntax=*", _frames("*")),
        ("frames", 'multipart/related; type="image/jp2"', Representation("image/jp2", _J2K, multipart=True)),
        # several entries
        ("file", f"text/html, {_RELATED};q=0.1", _dicom(_LITTLE)),
        ("file", f"application/dicom;q=0.5, {_RELATED};q=0.9", _dicom(_LITTLE)),
        ("file", f"application/dicom, {_RELATED}", _dicom(_LITTLE, multipart=False)),
        ("file", f"application/dicom, {_RELATED}; transfer-syntax=*", _dicom("*")),
        ("file", f"application/dicom, {_RELATED}; transfer-syntax=*;q=0.9", _dicom(_LITTLE, multipart=False)),
        ("file", "application/dicom;q=0, */*;q=0.1", _dicom("*")),
    ],
)
def test_representation(resource: str, accept: str, expected: Representation) -> None:
    assert negotiate(accept, _RESOURCES[resource]) == expected


@pytest.mark.parametrize(
    ("resource", "accept"),
    [
        ("files", "application/dicom"),
        ("files", "multipart/related"),
        ("files", "application/*"),
        ("files", _OCTETS),
        ("files", f"{_RELATED};q=0"),
        ("files", f"{_RELATED}; transfer-syntax=1.2.840.10008.1.2"),
        ("files", f"{_RELATED}; transfer-syntax="),
        ("file", "image/jp2"),
        ("file", 'multipart/related; type="*/*"'),
        ("frames", "image/jp2"),
        ("frames", f"{_OCTETS}; transfer-syntax={_J2K}"),
        ("frames", f'multipart/related; type="image/jp2"; transfer-syntax={_LITTLE}'),
        ("frames", "application/dicom"),
        ("frames", "nonsense"),
    ],
)
def test_nothing_acceptable(resource: str, accept: str) -> None:
    with pytest.raises(NotAcceptableError):
        negotiate(accept, _RESOURCES[resource])


_MORE = {"files": MORE_FILES, "file": MORE_FILE, "frames": MORE_FRAMES}
_JPEG_LS, _J2K_LOSSY = "1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.91"


@pytest.mark.parametrize(
    ("resource", "accept", "expected"),
    [
        ("files", f"{_RELATED}; transfer-syntax={_JPEG_LS}", _dicom(_JPEG_LS)),
        ("file", f"application/dicom; transfer-syntax={_JPEG_LS}", _dicom(_JPEG_LS, multipart=False)),
        ("file", f"application/dicom; transfer-syntax={_JPEG_LS}, {_RELATED};q=0.1", _dicom(_LITTLE)),
        ("frames", 'multipart/related; type="*/*"', _frames("*")),
        ("frames", "image/jls", Representation("image/jls", "*", multipart=False)),
        ("frames", f"image/jls; transfer-syntax={_JPEG_LS}", Representation("image/jls", _JPEG_LS, multipart=False)),
        ("frames", 'multipart/related; type="video/H265"', Representation("video/H265", "*", multipart=True)),
        ("frames", 'multipart/related; type="image/jp2"', Representation("image/jp2", _J2K, multipart=True)),
        (
            "frames",
            f'multipart/related; type="image/jp2"; transfer-syntax={_J2K_LOSSY}',
            Representation("image/jp2", _J2K_LOSSY, multipart=True),
        ),
        ("frames", "image/jls, application/octet-stream;q=0.1", _frames(_LITTLE, multipart=False)),
    ],
)
def test_more_representations_for_those_who_take_no_others(resource: str, accept: str, expected: Representation) -> None:
    assert negotiate(accept, _RESOURCES[resource], _MORE[resource]) == expected


@pytest.mark.parametrize(
    ("resource", "accept"),
    [
        ("files", f"application/dicom; transfer-syntax={_JPEG_LS}"),
        ("file", "application/dicom; transfer-syntax=1.2.3"),
        ("frames", "image/jp2"),
        ("frames", 'multipart/related; type="image/jp2"; transfer-syntax=*'),
        ("frames", f"image/jpeg; transfer-syntax={_JPEG_LS}"),
        ("frames", "image/png"),
    ],
)
def test_not_even_more_is_acceptable(resource: str, accept: str) -> None:
    with pytest.raises(NotAcceptableError):
        negotiate(accept, _RESOURCES[resource], _MORE[resource])


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("", "image/jpeg"),
        ("*/*", "image/jpeg"),
        ('multipart/related; type="image/png"', "image/png"),
        ("Multipart/Related; Type=Image/PNG", "image/png"),
        ('multipart/related; type="image/*"', "image/jpeg"),
        ('multipart/related; type="image/jpeg";q=0.5, multipart/related; type="image/png"', "image/png"),
        ('image/png, multipart/related; type="image/jpeg"', "image/jpeg"),
    ],
)
def test_images_as_parts(accept: str, expected: str) -> None:
    assert negotiate_images(accept) == expected


@pytest.mark.parametrize("accept", ["image/png", "multipart/related", 'multipart/related; type="text/html"', "*/*;q=0"])
def test_no_acceptable_images_as_parts(accept: str) -> None:
    with pytest.raises(NotAcceptableError):
        negotiate_images(accept)


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("", "image/jpeg"),
        ("*/*", "image/jpeg"),
        ("image/*", "image/jpeg"),
        ("image/png", "image/png"),
        ("image/png, image/jpeg", "image/png"),
        ("image/jpeg;q=0.5, image/png", "image/png"),
        ("image/jpeg;q=0.5, */*", "image/png"),
        ("image/jpeg;q=0, image/*", "image/png"),
        ("text/html, image/*;q=0.2", "image/jpeg"),
    ],
)
def test_image(accept: str, expected: str) -> None:
    assert negotiate_image(accept) == expected


@pytest.mark.parametrize("accept", ["text/html", "image/webp", "image/*;q=0", "*/*;q=0", "nonsense"])
def test_no_acceptable_image(accept: str) -> None:
    with pytest.raises(NotAcceptableError):
        negotiate_image(accept)


@pytest.mark.parametrize(
    "accept",
    [
        *("", "application/dicom+json", "APPLICATION/DICOM+JSON; x=1", "application/json", "application/*", "*/*", "text/html, */*;q=0.1"),
        *("application/dicom+json;q=0", "application/dicom+json;q=much", "application/json ;;="),
    ],
)
def test_dicom_json_is_acceptable(accept: str) -> None:
    accept_dicom_json(accept)


@pytest.mark.parametrize("accept", ["text/html", "application/dicom", "application/xml, text/*", "nonsense"])
def test_dicom_json_is_not_acceptable(accept: str) -> None:
    with pytest.raises(NotAcceptableError):
        accept_dicom_json(accept)


@given(
    st.lists(st.sampled_from(["*/*", "application/dicom", _RELATED, "image/png", ";q=0.5", ";q=0", "; transfer-syntax=*", ",", '"', "x"]))
)
def test_any_header_is_answered_or_refused(pieces: list[str]) -> None:
    for offers in _RESOURCES.values():
        with contextlib.suppress(NotAcceptableError):
            assert isinstance(negotiate("".join(pieces), offers), Representation)
    with contextlib.suppress(NotAcceptableError):
        assert negotiate_images("".join(pieces))
