"""Finds the function for a request the way the Functions host does.

The host knows no "more specific" route. It sorts functions by name, ignoring case, and takes the first whose template, constraints
and method match. Trying a hundred templates for each request would be slow, so those that can match are looked up by the form of the
path: which of its segments equal a literal of some template. They keep the order of names, so the answer is the same.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

from local_host.templates import Template, ascii_lower

__all__ = ["Route", "Router"]

T = TypeVar("T")

_CACHED_FORMS = 4096  # far more than clients produce; bounds what a scan of random paths can make us keep


@dataclass(frozen=True, slots=True)
class Route(Generic[T]):
    """A template with the methods and the target that it leads to; `name` decides its place in the order."""

    name: str
    methods: frozenset[str]
    template: Template
    target: T


class Router(Generic[T]):
    """All routes of an app, ready to be searched."""

    def __init__(self, routes: Iterable[Route[T]]) -> None:
        # ignoring case means comparing capitals: "_" sorts after letters
        self.routes = tuple(sorted(routes, key=lambda route: route.name.upper()))
        literals = frozenset[str]().union(*(route.template.literals for route in self.routes))
        self._known = {"": ""} | {literal: literal for literal in literals}
        self._longest = 1 + max((len(route.template.segments) for route in self.routes), default=0)
        self._candidates: dict[tuple[str | None, ...], tuple[Route[T], ...]] = {}

    def find(self, method: str, path: str) -> tuple[T, dict[str, str]] | None:
        """Return the target and the parameters of the first route that matches, or None.

        `path` starts with a slash and is decoded; one slash at its end does not count.
        """
        segments = path[1:-1].split("/") if path[-1] == "/" else path[1:].split("/")
        if len(path) == 1:
            segments = []
        folded = ascii_lower(path)[1:].split("/", self._longest)[: min(len(segments), self._longest)]
        form = (method, *map(self._known.get, folded))
        candidates = self._candidates.get(form)
        if candidates is None:
            candidates = self._select(form)
        for route in candidates:
            values = route.template.capture(path, segments)
            if values is not None:
                return route.target, values
        return None

    def _select(self, form: tuple[str | None, ...]) -> tuple[Route[T], ...]:
        method, *segments = form
        candidates = tuple(route for route in self.routes if method in route.methods and route.template.may_match(segments))
        if len(self._candidates) < _CACHED_FORMS:
            self._candidates[form] = candidates
        return candidates
