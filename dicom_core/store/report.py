"""What a store request came to, item by item.

Standard: PS3.18 10.5.3
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["FailedItem", "StoreReport", "StoredItem"]


@dataclass(frozen=True, slots=True)
class StoredItem:
    """A stored instance; `warning` is a warning reason, `messages` the texts of its failed attributes."""

    sop_class: str
    study: str
    series: str
    instance: str
    warning: int | None
    messages: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FailedItem:
    """A file that was not stored, for the failure `reason`; UIDs are None when it could not be read or lacks them."""

    sop_class: str | None
    instance: str | None
    reason: int
    messages: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StoreReport:
    """The items in the order of the request; `multi_valued` are keywords of indexed attributes with several values."""

    items: list[StoredItem | FailedItem]
    multi_valued: frozenset[str]
