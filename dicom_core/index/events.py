"""Change feed events as commits produce them, before they have a sequence number."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import NamedTuple

import orjson

__all__ = ["Action", "Event", "dump_events", "load_events"]


class Action(StrEnum):
    """What happened to an instance, in the words of the change feed."""

    CREATE = "Create"
    UPDATE = "Update"
    DELETE = "Delete"


class Event(NamedTuple):
    """One change of one instance; `version` is the instance version that it made or removed."""

    action: Action
    partition: str
    study: str
    series: str
    instance: str
    version: int


def dump_events(events: Iterable[Event]) -> bytes:
    """Events as bytes for a table property."""
    return orjson.dumps([tuple(event) for event in events])


def load_events(data: bytes) -> list[Event]:
    """The events of `dump_events`."""
    return [Event(Action(action), *rest) for action, *rest in orjson.loads(data)]
