"""Text in every character set of DICOM."""

from __future__ import annotations

import pytest

from dicom_core.dicom.character_sets import DEFAULT, character_set


@pytest.mark.parametrize(
    ("term", "encoded", "text"),
    [
        ("", b"abc", "abc"),
        ("ISO_IR 6", b"abc", "abc"),
        ("ISO_IR 13", b"\xd4\xcf\xc0\xde", "ﾔﾏﾀﾞ"),
        ("ISO_IR 100", b"Buc^J\xe9r\xf4me", "Buc^Jérôme"),
        ("ISO_IR 101", b"Wa\xb3\xeasa", "Wałęsa"),
        ("ISO_IR 126", b"\xc4\xe9\xef\xed", "Διον"),
        ("ISO_IR 127", b"\xe2\xc8\xc7\xe6\xea", "قباني"),
        ("ISO_IR 138", b"\xf9\xf8\xe5\xef", "שרון"),
        ("ISO_IR 144", b"\xbb\xee\xda", "Люк"),
        ("ISO_IR 166", b"\xa1\xa2", "กข"),
        ("ISO_IR 192", "Wang^XiaoDong=王^小东".encode(), "Wang^XiaoDong=王^小东"),
        ("GB18030", "王^小东".encode("gb18030"), "王^小东"),
        ("GBK", "王^小东".encode("gbk"), "王^小东"),
        ("GB18030", "誠\\".encode("gb18030"), "誠\\"),
    ],
)
def test_single_character_sets(term: str, encoded: bytes, text: str) -> None:
    assert character_set(term).decode(encoded) == text


@pytest.mark.parametrize(
    ("terms", "encoded", "text"),
    [
        (
            "\\ISO 2022 IR 87",
            b"Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B=\x1b$B$d$^$@\x1b(B^\x1b$B$?$m$&\x1b(B",
            "Yamada^Tarou=山田^太郎=やまだ^たろう",
        ),
        (
            "ISO 2022 IR 13\\ISO 2022 IR 87",
            b"\xd4\xcf\xc0\xde^\xc0\xdb\xb3=\x1b$B;3ED\x1b(J^\x1b$BB@O:\x1b(J",
            "ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎",
        ),
        (
            "\\ISO 2022 IR 149",
            b"Hong^Gildong=\x1b$)C\xfb\xf3^\x1b$)C\xd1\xce\xd4\xd7",
            "Hong^Gildong=洪^吉洞",
        ),
        (
            "\\ISO 2022 IR 58",
            b"Zhang^XiaoDong=\x1b$)A\xd5\xc5^\x1b$)A\xd0\xa1\xb6\xab",
            "Zhang^XiaoDong=张^小东",
        ),
        ("ISO 2022 IR 100\\ISO 2022 IR 144", b"J\xe9r\xf4me \x1b-L\xbb\xee\xda", "Jérôme Люк"),
    ],
)
def test_code_extensions_in_names(terms: str, encoded: bytes, text: str) -> None:
    assert character_set(terms).decode(encoded, name=True) == text


def test_a_delimiter_ends_what_an_escape_sequence_began() -> None:
    extended = character_set("ISO 2022 IR 100\\ISO 2022 IR 144")
    assert extended.decode(b"\x1b-L\xbb\\\xe9") == "Л\\é"
    assert extended.decode(b"\x1b-L\xbb^\xe9", name=True) == "Л^é"
    assert extended.decode(b"\x1b-L\xbb^\xbb") == "Л^Л"


@pytest.mark.parametrize("term", ["ISO_IR_192", "iso ir 192", "ISO-IR 192", "UTF-8", "utf8"])
def test_misspelt_terms_are_understood(term: str) -> None:
    assert character_set(term).decode("ü".encode()) == "ü"


def test_an_unknown_term_is_the_default() -> None:
    assert character_set("KLINGON").codec == DEFAULT.codec


def test_bytes_beyond_ascii_in_the_default_set_are_latin() -> None:
    assert DEFAULT.decode(b"M\xfcller") == "Müller"


def test_undecodable_bytes_are_replaced() -> None:
    assert character_set("ISO_IR 192").decode(b"a\xffb") == "a\ufffdb"
    assert character_set("\\ISO 2022 IR 87").decode(b"\x1b$B\xff\xff\x1b(Bx").endswith("x")


def test_an_unknown_escape_sequence_stays() -> None:
    assert character_set("\\ISO 2022 IR 87").decode(b"a\x1b%Gb") == "a\x1b%Gb"
