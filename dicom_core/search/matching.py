"""Testing conditions on documents: one predicate per condition, made once and called for every row.

Standard: PS3.4 C.2.2.2; single-valued attributes are matched by their first value, as the Microsoft service does
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

import orjson

from dicom_core.dicom.comparison import comparable
from dicom_core.dicom.document import first_text
from dicom_core.dicom.values import person_name_words
from dicom_core.search.conditions import AnyOf, Anything, Between, Condition, Empty, Equal, InItem, Instants, Like, Test, Words

__all__ = ["Fragment", "document_test", "text_test"]

Fragment = Callable[[str], bytes | None]  # the fragment of a tag in some document

_NOTHING: Final = ""


def document_test(condition: Condition) -> Callable[[Fragment], bool]:
    """A predicate on documents, each given as a function from tag to fragment."""
    tag, vr, test = condition.attribute.tag, condition.attribute.vr, condition.test
    if isinstance(test, Instants):
        return _instants_test(tag, test)
    if isinstance(test, InItem):
        in_item = _item_test(test)
        return lambda get: any(map(in_item, _items(get(tag))))
    accepts = text_test(vr, test)
    if condition.any_value:
        return lambda get: any(map(accepts, _texts(get(tag), vr)))
    return lambda get: accepts(_value(get(tag), vr))


def text_test(vr: str, test: Test) -> Callable[[str], bool]:
    """A predicate on normalised values of a VR; an absent or empty one is the empty text."""
    match test:
        case Equal(values):
            return values.__contains__
        case Between(first, last):
            least, most = first or "", last
            return lambda value: bool(value) and least <= value and (most is None or value <= most)
        case Like(pattern):
            matches = _like(pattern).fullmatch
            return lambda value: bool(value) and matches(value) is not None
        case Words(words, any_order):
            return _any_order_test(words) if any_order else _phrase_test(words)
        case AnyOf(tests):
            predicates = [text_test(vr, each) for each in tests]
            return lambda value: any(predicate(value) for predicate in predicates)
        case Empty():
            return lambda value: not value
        case Anything():
            return lambda value: True
        case _:
            raise AssertionError(f"{type(test).__name__} is not about one value")


def _value(element: bytes | None, vr: str) -> str:
    text = first_text(element)
    return _NOTHING if text is None else comparable(vr, text)


def _like(pattern: str) -> re.Pattern[str]:
    """A pattern as a regular expression whose groups never backtrack, so that matching takes linear time."""
    first, *middle = (re.escape(part).replace(r"\?", ".") for part in re.split(r"\*+", pattern))
    if not middle:
        return re.compile(first, re.DOTALL)
    *middle, last = middle
    return re.compile(first + "".join(f"(?>.*?{part})" for part in middle) + ".*" + last, re.DOTALL)


def _phrase_test(words: tuple[str, ...]) -> Callable[[str], bool]:
    """Each query word is a prefix of a name word, and these follow one another."""

    def test(value: str) -> bool:
        names = person_name_words(value)
        starts = range(len(names) - len(words) + 1)
        return any(all(map(str.startswith, names[start:], words)) for start in starts)

    return test


def _any_order_test(words: tuple[str, ...]) -> Callable[[str], bool]:
    """Each query word is a prefix of a name word of its own.

    The longest query words choose first. That is right, because the name words that a query word fits are among those
    that a shorter prefix of it fits, and any others are out of its reach.
    """
    longest_first = sorted(words, key=len, reverse=True)

    def test(value: str) -> bool:
        names = list(person_name_words(value))
        for word in longest_first:
            found = next((name for name in names if name.startswith(word)), None)
            if found is None:
                return False
            names.remove(found)
        return True

    return test


def _instants_test(date_tag: str, test: Instants) -> Callable[[Fragment], bool]:
    within = text_test("DT", Between(test.first, test.last))

    def accepts(get: Fragment) -> bool:
        date, time = _value(get(date_tag), "DA"), _value(get(test.time_tag), "TM")
        return bool(date and time) and within(date + time)

    return accepts


def _items(element: bytes | None) -> list[dict[str, Any]]:
    """The items of a sequence; an absent or empty one counts as one empty item, in which only `Empty` holds."""
    return [item for item in ([] if element is None else orjson.loads(element).get("Value", [])) if item] or [{}]


def _item_test(test: InItem) -> Callable[[dict[str, Any]], bool]:
    """A predicate on an item of a sequence, as parsed from JSON."""
    predicates = [_member_test(member.tag, member.vr, member.test, any_value=member.any_value) for member in test.members]
    return lambda item: all(predicate(item) for predicate in predicates)


def _member_test(tag: str, vr: str, test: Test, *, any_value: bool) -> Callable[[dict[str, Any]], bool]:
    def element(item: dict[str, Any]) -> bytes | None:
        return orjson.dumps(item[tag]) if tag in item else None

    if isinstance(test, InItem):
        in_item = _item_test(test)
        return lambda item: any(map(in_item, _items(element(item))))
    accepts = text_test(vr, test)
    if any_value:
        return lambda item: any(map(accepts, _texts(element(item), vr)))
    return lambda item: accepts(_value(element(item), vr))


def _texts(element: bytes | None, vr: str) -> list[str]:
    """All values, normalised; one empty text when there is none."""
    if element is None:
        return [_NOTHING]
    values = orjson.loads(element).get("Value", [])
    one_each = (orjson.dumps({"vr": vr, "Value": [value]}) for value in values if value is not None)
    return [_value(each, vr) for each in one_each] or [_NOTHING]
