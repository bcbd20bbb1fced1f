"""Parses ASP.NET route templates: ``studies/{study:regex(^[0-9.]+$)}/{*rest}``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from local_host.constraints import Constraint, parse_constraint
from local_host.templates import Parameter, Segment, Template, ascii_lower

__all__ = ["parse_template"]


def parse_template(text: str) -> Template:
    """Parse a route template.

    Raises:
        ValueError: the host would refuse the template, or it uses something that this host does not know.
    """
    segments: list[list[str | Parameter]] = [[]]
    for part in _parts(text.strip("/")):
        if part == "/":
            segments.append([])
        else:
            segments[-1].append(part)
    if segments == [[]]:
        return Template(text, ())
    _check_template(text, segments)
    return Template(text, tuple(_checked_segment(text, segment) for segment in segments))


def _parts(text: str) -> Iterator[str | Parameter]:
    """Yield slashes, parameters, and the text between them; a doubled brace stands for itself."""
    literal = ""
    position = 0
    while position < len(text):
        character = text[position]
        if text[position : position + 2] in ("{{", "}}"):
            literal += character
            position += 2
        elif character in "/{":
            if literal:
                yield _parse_text(literal)
                literal = ""
            if character == "/":
                yield character
                position += 1
            else:
                inside, position = _inside_braces(text, position + 1)
                yield _parse_parameter(inside)
        elif character == "}":
            raise ValueError(f"route '{text}' has a closing brace too many")
        else:
            literal += character
            position += 1
    if literal:
        yield _parse_text(literal)


def _inside_braces(text: str, start: int) -> tuple[str, int]:
    """Return what stands before the closing brace, with single braces, and the position after it."""
    inside = ""
    position = start
    while position < len(text):
        if text[position : position + 2] in ("{{", "}}"):
            inside += text[position]
            position += 2
        elif text[position] == "}":
            return inside, position + 1
        else:
            inside += text[position]
            position += 1
    raise ValueError(f"route '{text}' has a parameter without end")


def _parse_text(text: str) -> str:
    if "?" in text:
        raise ValueError(f"route text '{text}' must not hold a question mark")
    return ascii_lower(text)


def _parse_parameter(text: str) -> Parameter:
    optional = text.endswith("?")
    catch_all = text.startswith("*")
    name, constraints, default = _parse_policies(text.removesuffix("?").lstrip("*"))
    if not name or set(name) & set("/{}?*"):
        raise ValueError(f"route parameter '{{{text}}}' has no valid name")
    if optional and (catch_all or default is not None):
        raise ValueError(f"route parameter '{{{text}}}' cannot be optional and also catch all or have a default")
    return Parameter(name, constraints, optional=optional, catch_all=catch_all, default=default)


def _parse_policies(text: str) -> tuple[str, tuple[Constraint, ...], str | None]:
    """Take ``name:constraint(arguments):constraint=default`` apart; the arguments of a constraint may hold anything."""
    pieces: list[str] = [""]
    default: str | None = None
    for position, character in enumerate(text):
        inside = "(" in pieces[-1] and not (text[position - 1] == ")" and character in ":=")
        if character == ":" and not inside:
            pieces.append("")
        elif character == "=" and not inside:
            default = text[position + 1 :]
            break
        else:
            pieces[-1] += character
    return pieces[0], tuple(parse_constraint(piece) for piece in pieces[1:] if piece), default


def _check_template(text: str, segments: Sequence[Sequence[str | Parameter]]) -> None:
    names = [part.name.lower() for segment in segments for part in segment if isinstance(part, Parameter)]
    if len(names) != len(set(names)):
        raise ValueError(f"route '{text}' names a parameter twice")
    inner = (part for segment in segments[:-1] for part in segment if isinstance(part, Parameter))
    if any(part.catch_all or part.optional for part in inner):
        raise ValueError(f"route '{text}': only the last segment may be optional or catch all")


def _checked_segment(text: str, parts: Sequence[str | Parameter]) -> Segment:
    if not parts:
        raise ValueError(f"route '{text}' has an empty segment")
    for position, part in enumerate(parts):
        if isinstance(part, str) or len(parts) == 1:
            continue
        if position > 0 and isinstance(parts[position - 1], Parameter):
            raise ValueError(f"route '{text}' has two parameters without text between them")
        if part.catch_all or part.default is not None:
            raise ValueError(f"route '{text}': a parameter beside other text cannot catch all or have a default")
        if part.optional and (position != len(parts) - 1 or parts[position - 1] != "."):
            raise ValueError(f"route '{text}': an optional parameter beside other text must come last, after a dot")
    return tuple(parts)
