"""ASP.NET route templates, matched as the Functions host matches them.

A template is a list of segments. A segment is a literal, one parameter, or several parts such as ``{name}.{extension}``.
Parameters: ``{x}``, ``{x?}`` optional, ``{x=default}``, ``{*rest}`` everything that is left, each with constraints after colons.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from local_host.constraints import Constraint

__all__ = ["Parameter", "Segment", "Template", "ascii_lower"]

_ASCII_LOWER = {upper: upper + 32 for upper in range(ord("A"), ord("Z") + 1)}


def ascii_lower(text: str) -> str:
    """Lower the letters A to Z only: no other character is a case variant of one of them to the host."""
    return text.lower() if text.isascii() else text.translate(_ASCII_LOWER)


@dataclass(frozen=True, slots=True)
class Parameter:
    """A named hole of a template."""

    name: str
    constraints: tuple[Constraint, ...] = ()
    optional: bool = False
    catch_all: bool = False
    default: str | None = None

    @property
    def may_be_absent(self) -> bool:
        return self.optional or self.catch_all or self.default is not None


Segment = tuple[str | Parameter, ...]


@dataclass(frozen=True, slots=True)
class Template:
    """A parsed template. Its literal text is in lower case and matches without regard to case."""

    text: str
    segments: tuple[Segment, ...]
    _parameters: tuple[Parameter, ...] = field(init=False)
    _simple: tuple[tuple[int, Parameter], ...] = field(init=False)
    _compound: tuple[int, ...] = field(init=False)

    def __post_init__(self) -> None:
        single = [(index, segment[0]) for index, segment in enumerate(self.segments) if len(segment) == 1]
        parameters = tuple(part for segment in self.segments for part in segment if isinstance(part, Parameter))
        object.__setattr__(self, "_parameters", tuple(part for part in parameters if part.constraints))
        object.__setattr__(self, "_simple", tuple((index, part) for index, part in single if isinstance(part, Parameter)))
        object.__setattr__(self, "_compound", tuple(index for index, segment in enumerate(self.segments) if len(segment) > 1))

    @property
    def literals(self) -> frozenset[str]:
        """The segments that are nothing but text."""
        return frozenset(segment[0] for segment in self.segments if len(segment) == 1 and isinstance(segment[0], str))

    def may_match(self, form: Sequence[str | None]) -> bool:
        """Tell whether a path of this form can match, apart from constraints and compound segments.

        `form` has an entry for each segment of the path: "" for an empty one, the text in lower case if it equals a literal of
        some template, else None. More entries than segments of the template say only that the path is longer.
        """
        for segment, given in zip(self.segments, form, strict=False):
            part = segment[0]
            if given == "":
                return False
            if len(segment) > 1:
                continue
            if isinstance(part, Parameter):
                if part.catch_all:
                    return True
            elif part != given:
                return False
        missing = self.segments[len(form) :]
        return len(form) <= len(self.segments) and all(
            len(segment) == 1 and isinstance(segment[0], Parameter) and segment[0].may_be_absent for segment in missing
        )

    def capture(self, path: str, segments: Sequence[str]) -> dict[str, str] | None:
        """Read the parameters of a path whose form may match; None when a constraint or compound segment says no.

        `segments` is the path without its first slash and without one at its end, split at the slashes.
        """
        values: dict[str, str] = {}
        for index, parameter in self._simple:
            if parameter.catch_all and index < len(segments):
                values[parameter.name] = path.split("/", index + 1)[index + 1]
            elif index < len(segments):
                values[parameter.name] = segments[index]
            elif parameter.default is not None:
                values[parameter.name] = parameter.default
        for index in self._compound:
            captured = _capture_compound(self.segments[index], segments[index])
            if captured is None:
                return None
            values |= captured
        for parameter in self._parameters:
            value = values.get(parameter.name)
            if value is None:
                if not parameter.optional:
                    return None
                continue
            for constraint in parameter.constraints:
                if not constraint(value):
                    return None
        return values


def _capture_compound(segment: Segment, text: str) -> dict[str, str] | None:
    """Match a segment of several parts; a last optional one goes together with the dot before it."""
    captured = _capture_parts(segment, text)
    last = segment[-1]
    if captured is None and isinstance(last, Parameter) and last.optional and not text.endswith("."):
        return _capture_parts(segment[:-2], text)
    return captured


def _capture_parts(parts: Segment, text: str) -> dict[str, str] | None:
    """Match from the right, each literal at the last place where it occurs, never trying another place."""
    values: dict[str, str] = {}
    folded = ascii_lower(text)
    end = len(text)
    pending: Parameter | None = None
    for part in reversed(parts):
        if isinstance(part, Parameter):
            pending = part
            continue
        start = folded.rfind(part, 0, end - 1 if pending else end)
        if start < 0 or (end == len(text) and pending is None and not folded.endswith(part)):
            return None
        if pending is not None:
            values[pending.name] = text[start + len(part) : end]
            pending = None
        end = start
    if pending is None:
        return values if end == 0 else None
    values[pending.name] = text[:end]
    return values if end > 0 else None
