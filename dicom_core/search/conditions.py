"""Conditions as data: what a search asks of one attribute. All texts in tests are normalised (`dicom.values`)."""

from __future__ import annotations

from dataclasses import dataclass

from dicom_core.index.attributes import Attribute

__all__ = [
    "AnyOf",
    "Anything",
    "Between",
    "Condition",
    "Empty",
    "Equal",
    "InItem",
    "Instants",
    "Like",
    "Member",
    "Test",
    "Words",
]


@dataclass(frozen=True, slots=True)
class Equal:
    """The value is one of these. Standard: PS3.4 C.2.2.2.1, C.2.2.2.2"""

    values: frozenset[str]


@dataclass(frozen=True, slots=True)
class Between:
    """The value lies in a range, both ends included, None being open. Standard: PS3.4 C.2.2.2.5"""

    first: str | None
    last: str | None


@dataclass(frozen=True, slots=True)
class Like:
    """The value matches a pattern: `*` is any run of characters, `?` exactly one. Standard: PS3.4 C.2.2.2.4"""

    pattern: str


@dataclass(frozen=True, slots=True)
class Words:
    """Each of these is a prefix of a word of the name: of consecutive words in this order, or of any with `any_order`."""

    words: tuple[str, ...]
    any_order: bool = False


@dataclass(frozen=True, slots=True)
class Empty:
    """The attribute is absent or has no value. Standard: PS3.4 C.2.2.2.7"""


@dataclass(frozen=True, slots=True)
class Anything:
    """Always true, for absent attributes too. Standard: PS3.4 C.2.2.2.3"""


@dataclass(frozen=True, slots=True)
class AnyOf:
    """One of several tests is true. Standard: PS3.4 C.2.2.3"""

    tests: tuple[Test, ...]


@dataclass(frozen=True, slots=True)
class Instants:
    """A date, and the time in another attribute, together lie in a range. Standard: PS3.4 C.2.2.2.5.1

    The ends are a normalised date followed by a normalised time.
    """

    time_tag: str
    first: str | None
    last: str | None


@dataclass(frozen=True, slots=True)
class Member:
    """A test on an attribute of a sequence item; `any_value`: any of several values may pass, not just the first."""

    tag: str
    vr: str
    test: Test
    any_value: bool = False


@dataclass(frozen=True, slots=True)
class InItem:
    """Some item of the sequence passes all these tests. Standard: PS3.4 C.2.2.2.6"""

    members: tuple[Member, ...]


Test = Equal | Between | Like | Words | Empty | Anything | AnyOf | Instants | InItem


@dataclass(frozen=True, slots=True)
class Condition:
    """A test on a searchable attribute; `name` is the attribute as the request spelled it."""

    name: str
    attribute: Attribute
    test: Test
    any_value: bool = False
