"""The table of transfer syntaxes."""

from __future__ import annotations

import pytest
from pydicom.uid import UID

from dicom_core.dicom.transfer_syntaxes import (
    MEDIA_TYPE_DEFAULTS,
    OCTET_STREAM,
    TRANSFER_SYNTAXES,
    syntaxes_of_media_type,
    transfer_syntax,
)

PREFIX = "1.2.840.10008.1.2"
REFERENCED = {f"{PREFIX}.4.94", f"{PREFIX}.4.95"}  # pixel data elsewhere, which pydicom counts as encapsulated


@pytest.mark.parametrize("uid", [uid for uid in TRANSFER_SYNTAXES if UID(uid).is_transfer_syntax and uid not in REFERENCED])
def test_the_table_agrees_with_pydicom(uid: str) -> None:
    syntax, known = TRANSFER_SYNTAXES[uid], UID(uid)
    assert syntax.encapsulated == known.is_encapsulated
    assert syntax.implicit_vr == known.is_implicit_VR
    assert syntax.big_endian == (not known.is_little_endian)
    assert syntax.deflated == known.is_deflated


def test_an_unknown_syntax_is_encapsulated_and_has_no_codec() -> None:
    syntax = transfer_syntax("1.2.3")
    assert (syntax.known, syntax.encapsulated, syntax.decoder, syntax.encoder) == (False, True, "", "")
    assert syntax.media_type == OCTET_STREAM


@pytest.mark.parametrize(
    ("media_type", "syntaxes"),
    [
        ("image/jpeg", [".4.70", ".4.50", ".4.51", ".4.57"]),
        ("image/dicom-rle", [".5"]),
        ("image/jls", [".4.80", ".4.81"]),
        ("image/jp2", [".4.90", ".4.91"]),
        ("image/jpx", [".4.92", ".4.93"]),
        ("image/jphc", [".4.201", ".4.202", ".4.203"]),
        ("image/jxl", [".4.110", ".4.111", ".4.112"]),
        ("video/h265", [".4.107", ".4.108"]),
        ("IMAGE/JP2", [".4.90", ".4.91"]),
        ("text/html", []),
    ],
)
def test_syntaxes_of_a_media_type_begin_with_the_default(media_type: str, syntaxes: list[str]) -> None:
    assert syntaxes_of_media_type(media_type) == tuple(PREFIX + uid for uid in syntaxes)


def test_every_default_carries_its_media_type() -> None:
    for media_type, uid in MEDIA_TYPE_DEFAULTS.items():
        assert transfer_syntax(uid).media_type == media_type
        assert transfer_syntax(uid).known


def test_films_are_videos() -> None:
    assert transfer_syntax(f"{PREFIX}.4.102").video
    assert not transfer_syntax(f"{PREFIX}.4.90").video
