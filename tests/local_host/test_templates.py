from __future__ import annotations

import pytest

from local_host.routing import Route, Router
from local_host.template_parser import parse_template


def _match(template: str, path: str) -> dict[str, str] | None:
    found = Router([Route("only", frozenset({"GET"}), parse_template(template), None)]).find("GET", path)
    return None if found is None else found[1]


@pytest.mark.parametrize(
    ("template", "path", "expected"),
    [
        pytest.param("", "/", {}, id="root"),
        pytest.param("", "/a", None, id="root is only the root"),
        pytest.param("Studies", "/sTUDIES", {}, id="literals ignore case"),
        pytest.param("studies", "/studies/", {}, id="one slash at the end does not count"),
        pytest.param("studies", "/studies//", None, id="two slashes at the end are an empty segment"),
        pytest.param("studies", "//studies", None, id="an empty first segment"),
        pytest.param("k", "/\u212a", None, id="the Kelvin sign is no k"),
        pytest.param("$bulkUpdate", "/$BULKUPDATE", {}, id="a dollar sign is text"),
        pytest.param("{{x}}", "/{X}", {}, id="doubled braces are text"),
        pytest.param("{a}/b/{c}", "/X/B/Y", {"a": "X", "c": "Y"}, id="values keep their case"),
        pytest.param("{a}/{b}", "/x", None, id="a parameter needs a value"),
        pytest.param("{a}/{b}", "/x//", None, id="an empty value is none"),
        pytest.param("{a}/{b?}", "/x", {"a": "x"}, id="optional, absent"),
        pytest.param("{a}/{b?}", "/x/y", {"a": "x", "b": "y"}, id="optional, given"),
        pytest.param("{a}/{b=z}", "/x", {"a": "x", "b": "z"}, id="default"),
        pytest.param("{a=x}/{b=z}", "/", {"a": "x", "b": "z"}, id="two defaults"),
        pytest.param("{b:int?}", "/", {}, id="constraints spare an absent optional"),
        pytest.param("{b:int?}", "/x", None, id="constraints bind a given optional"),
        pytest.param("a/{*rest}", "/a", {}, id="catch-all of nothing"),
        pytest.param("a/{*rest}", "/a/b//c/", {"rest": "b//c/"}, id="catch-all takes the text as it stands"),
        pytest.param("{*rest}", "/", {}, id="catch-all of the root"),
        pytest.param("{*rest}", "//x", None, id="not even catch-all takes an empty first segment"),
        pytest.param("{*rest:int}", "/", None, id="a constrained catch-all needs a value"),
        pytest.param("{**rest}", "/a/b", {"rest": "a/b"}, id="two stars"),
        pytest.param("{a}.{b}", "/x.y.z", {"a": "x.y", "b": "z"}, id="the last dot divides"),
        pytest.param("{a}.{b}", "/.z", None, id="a part needs a value"),
        pytest.param("{a}.{b?}", "/x", {"a": "x"}, id="optional extension, absent"),
        pytest.param("{a}.{b?}", "/x.y", {"a": "x", "b": "y"}, id="optional extension, given"),
        pytest.param("{a}.{b?}", "/x.", None, id="a dot without extension"),
        pytest.param("v{version}", "/V2", {"version": "2"}, id="prefix"),
        pytest.param("v{version}", "/xv2", None, id="a prefix comes first"),
        pytest.param("{name}-end", "/ab-END", {"name": "ab"}, id="suffix"),
        pytest.param("{name}-end", "/ab-endx", None, id="a suffix comes last"),
        pytest.param("x{a}x{b}", "/xaxbxc", None, id="no second try at another place"),
        pytest.param("{a}-{b}-{c}", "/1-2-3-4", {"a": "1-2", "b": "3", "c": "4"}, id="three parts"),
    ],
)
def test_template_matches_as_in_asp_net(template: str, path: str, expected: dict[str, str] | None) -> None:
    assert _match(template, path) == expected


@pytest.mark.parametrize(
    ("constraint", "good", "bad"),
    [
        ("int", ["0", "-5", "+7", "2147483647"], ["2147483648", "1.0", "x", "٣", "9" * 5000]),
        ("long", ["9223372036854775807"], ["9223372036854775808"]),
        ("guid", ["8d0c9c1e-0000-4000-8000-000000000000", "{8D0C9C1E00004000800000000000000f}"], ["8d0c9c1e"]),
        ("bool", ["true", "FALSE"], ["1"]),
        ("alpha", ["abcXYZ"], ["a1", "é"]),
        ("regex(^(v1|v2)$)", ["v1", "V2"], ["v3", "av1"]),
        ("regex(v[0-9]{{1,2}})", ["xv12x"], ["v"]),
        ("regex(^(?:a:b=c)$)", ["a:b=c"], ["a"]),
        ("length(2)", ["ab"], ["a", "abc"]),
        ("length(2,3)", ["ab", "abc"], ["a", "abcd"]),
        ("minlength(2)", ["ab"], ["a"]),
        ("maxlength(2)", ["ab"], ["abc"]),
        ("min(3)", ["3", "99"], ["2", "x"]),
        ("max(3)", ["3", "-9"], ["4"]),
        ("range(2, 3)", ["2", "3"], ["1", "4"]),
        ("required", ["x"], []),
        ("int:min(3)", ["3"], ["2"]),
    ],
)
def test_constraint(constraint: str, good: list[str], bad: list[str]) -> None:
    template = "{x:" + constraint + "}"
    assert [value for value in good if _match(template, f"/{value}") != {"x": value}] == []
    assert [value for value in bad if _match(template, f"/{value}") is not None] == []


def test_default_follows_constraint() -> None:
    assert _match("{x:regex(^(v1|v2)$)=v2}", "/") == {"x": "v2"}


@pytest.mark.parametrize(
    "template",
    [
        "a//b",
        "{a",
        "a}",
        "{a}{b}",
        "{a}/{A}",
        "{*a}/b",
        "{a?}/b",
        "x{*a}",
        "x{a=1}",
        "x{a?}",
        "{a?=1}",
        "{*a?}",
        "{}",
        "{a/b}",
        "what?",
        "{a:datetime}",
        "{a:length}",
        "{a:length(x)}",
        "{a:length(1,2,3)}",
    ],
)
def test_malformed_template_is_refused(template: str) -> None:
    with pytest.raises(ValueError, match=r"route|invalid literal"):
        parse_template(template)
