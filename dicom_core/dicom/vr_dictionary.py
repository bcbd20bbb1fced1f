"""The data dictionary, arranged for lookups by tag number: VR, multiplicity and keyword of standard attributes.

pydicom, whose dictionary it is, is loaded when first asked: importing it brings in numpy, and would double a cold start.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["LONG_LENGTH_VRS", "SHORT_LENGTH_VRS", "DictionaryEntry", "lookup", "private_block", "vr_of"]


def _by_code(vrs: str) -> dict[bytes, str]:
    return {vr.encode(): vr for vr in vrs.split()}


# Explicit VR: two-byte lengths, and two reserved bytes with a four-byte length. Standard: PS3.5 7.1.2
SHORT_LENGTH_VRS = _by_code("AE AS AT CS DA DS DT FD FL IS LO LT PN SH SL SS ST TM UI UL US")
LONG_LENGTH_VRS = _by_code("OB OD OF OL OV OW SQ SV UC UN UR UT UV")


@dataclass(frozen=True, slots=True)
class DictionaryEntry:
    """A standard attribute. Its number of values is at least `least`, at most `most` (None: any), in steps of `step`.

    The VR can be a choice, such as ``US or SS``.
    """

    vr: str
    keyword: str
    least: int
    most: int | None
    step: int

    def allows(self, number_of_values: int) -> bool:
        """Whether an element may have this many values, none being always allowed."""
        if number_of_values == 0:
            return True
        if number_of_values < self.least or (self.most is not None and number_of_values > self.most):
            return False
        return (number_of_values - self.least) % self.step == 0


class _Dictionary(dict[int, DictionaryEntry | None]):
    """Entries by tag, made when first asked for; only tags of the dictionary are kept, so it cannot grow at will."""

    def __missing__(self, tag: int) -> DictionaryEntry | None:
        if tag & 0x10000:
            return None
        from pydicom.datadict import get_entry

        try:
            vr, multiplicity, _, _, keyword = get_entry(tag)
        except KeyError:
            return None
        low, _, high = multiplicity.partition("-")
        step = int(high[:-1] or 1) if high.endswith("n") else 1
        most = None if high.endswith("n") else int(high or low)
        self[tag] = DictionaryEntry(vr, keyword, int(low), most, step)
        return self[tag]


lookup = _Dictionary().__getitem__
"""The entry of a standard tag, also of repeating groups; None for unknown and private tags."""


def private_block(tag: int) -> int | None:
    """The block that a private creator element (gggg,00bb) reserves, as 0xggggbb; None for other tags.

    The elements of the block are those with ``tag >> 8 == block``. Standard: PS3.5 7.8.1
    """
    if tag & 0x10000 and 0x10 <= tag & 0xFFFF <= 0xFF:
        return tag >> 16 << 8 | tag & 0xFF
    return None


def vr_of(tag: int) -> str:
    """The VR of an element whose file does not tell it; can be a choice such as ``US or SS``.

    Standard: PS3.5 6.2.2 (UN for what is not in the dictionary), 7.2, 7.8.1
    """
    if not tag & 0xFFFF:
        return "UL"
    entry = lookup(tag)
    if entry is not None:
        return entry.vr
    return "LO" if private_block(tag) is not None else "UN"
