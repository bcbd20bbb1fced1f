from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from local_host.routing import Route, Router
from local_host.template_parser import parse_template

_LITERALS = st.sampled_from(["studies", "Series", "x", "1"])
_SIMPLE = st.sampled_from(["{%}", "{%:int}", "{%:regex(^[a-s]+$)}", "{%:length(1)}"])
_LAST = st.sampled_from(["{%?}", "{%=9}", "{*%}", "{%:int?}", "{*%:regex(s)}", "{%}-x", "v{%}"])


@st.composite
def _templates(draw: st.DrawFn) -> str:
    segments = draw(st.lists(st.one_of(_LITERALS, _SIMPLE), max_size=4))
    if draw(st.booleans()):
        segments.append(draw(_LAST))
    return "/".join(segment.replace("%", f"p{index}") for index, segment in enumerate(segments))


_ROUTES = st.lists(
    st.tuples(_templates(), st.frozensets(st.sampled_from(["GET", "POST"]), min_size=1), st.text("aA_b1", min_size=1, max_size=3)),
    max_size=12,
)
_PATHS = st.lists(st.sampled_from(["studies", "STUDIES", "series", "x", "1", "23", "", "a-x", "v2", "é"]), max_size=7).map(
    lambda segments: "/" + "/".join(segments)
)


@given(_ROUTES, st.lists(_PATHS, max_size=8), st.sampled_from(["GET", "POST", "PUT"]))
def test_router_answers_as_trying_every_route_in_name_order(
    definitions: list[tuple[str, frozenset[str], str]], paths: list[str], method: str
) -> None:
    routes = [
        Route(f"f{name}{number}", methods, parse_template(template), number) for number, (template, methods, name) in enumerate(definitions)
    ]
    router = Router(routes)
    for path in paths:
        expected = None
        for route in sorted(routes, key=lambda route: route.name.upper()):
            alone = Router([route]).find(method, path)
            if alone is not None:
                expected = alone
                break
        assert router.find(method, path) == expected


def test_first_name_wins_whatever_is_more_specific() -> None:
    def find(names: tuple[str, str]) -> str | None:
        everything, exact = names
        router = Router(
            [
                Route(exact, frozenset({"GET"}), parse_template("studies/$bulk"), "exact"),
                Route(everything, frozenset({"GET"}), parse_template("studies/{study}"), "everything"),
            ]
        )
        found = router.find("GET", "/studies/$bulk")
        return found and found[0]

    assert find(("a", "B")) == "everything"
    assert find(("b", "A")) == "exact"
    assert find(("ab", "a_")) == "everything"


def test_remembered_forms_are_bounded() -> None:
    router = Router([Route("f", frozenset({"GET"}), parse_template("{a}/{*rest}"), 0)])
    for number in range(10_000):
        router.find(f"M{number}", "/" + "a/" * (number % 50))
    assert len(router._candidates) <= 4096
