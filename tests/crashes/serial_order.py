"""A model of studies under one request after the other, and the search for an order that explains what requests at once did."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

__all__ = ["Request", "Studies", "explained"]

Ids = tuple[str, str, str]


@dataclass(frozen=True)
class Request:
    """A store of one instance, or a delete of what `ids` name, with its answer and when it ran.

    The answer is whether an instance was stored, or something was deleted.
    """

    ids: tuple[str, ...]
    deletes: bool = False
    replaces: bool = False
    of_study: dict[str, str] = field(default_factory=dict)
    of_series: dict[str, str] = field(default_factory=dict)
    answer: bool = False
    start: int = 0
    end: int = 0


@dataclass(frozen=True)
class Studies:
    """What is stored, the oldest first, and what its studies and series show: the latest value of every attribute."""

    instances: tuple[Ids, ...] = ()
    shown: tuple[tuple[tuple[str, ...], tuple[tuple[str, str], ...]], ...] = ()

    def after(self, request: Request) -> tuple[Studies, bool]:
        """The studies after a request, and its answer."""
        if request.deletes:
            left = tuple(ids for ids in self.instances if ids[: len(request.ids)] != request.ids)
            alive = {ids[:depth] for ids in left for depth in (1, 2)}
            return Studies(left, tuple((ids, values) for ids, values in self.shown if ids in alive)), len(left) < len(self.instances)
        study, series, instance = ids = request.ids
        if ids in self.instances and not request.replaces:
            return self, False
        shown = dict(self.shown)
        for level, changed in (((study,), request.of_study), ((study, series), request.of_series)):
            shown[level] = tuple(sorted({**dict(shown.get(level, ())), **changed}.items()))
        return Studies((*(each for each in self.instances if each != ids), (study, series, instance)), tuple(shown.items())), True

    @property
    def seen(self) -> tuple[object, ...]:
        """What a client can see of them."""
        return set(self.instances), dict(self.shown), [ids for ids, _ in self.shown if len(ids) == 1]


def explained(before: Studies, requests: Sequence[Request], seen: object) -> bool:
    """Whether the requests, in some order that keeps those apart that did not overlap, answer as they did and end in what is seen.

    Deletes at once may share the work, and all of them have deleted something then.
    """
    sharing = {
        number
        for number, one in enumerate(requests)
        if one.deletes and any(other.deletes and other is not one and one.start < other.end and other.start < one.end for other in requests)
    }
    tried: set[tuple[frozenset[int], Studies]] = set()

    def search(studies: Studies, left: frozenset[int]) -> bool:
        if not left:
            return studies.seen == seen
        if (left, studies) in tried:
            return False
        tried.add((left, studies))
        earliest = min(requests[number].end for number in left)
        for number in left:
            if requests[number].start <= earliest:
                after, answer = studies.after(requests[number])
                right = answer == requests[number].answer or (requests[number].answer and number in sharing)
                if right and search(after, left - {number}):
                    return True
        return False

    return search(before, frozenset(range(len(requests))))
