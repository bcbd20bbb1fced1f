"""How much a search reads before it goes about things differently."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

__all__ = ["DEFAULT_EFFORT", "Effort"]


@dataclass(frozen=True, slots=True)
class Effort:
    """Numbers that trade storage calls against rows; results do not depend on them, except on the first.

    `rows_examined`: a search with a condition that no search row answers gives up after so many rows.
    `few`: matches of a condition that are collected and sorted; more are met soon enough when walking newest first.
    `at_once`: studies or series whose rows are read at the same time.
    `many`: studies or series that are worth a short walk in search of the page before each of them is read,
    `trial`: and the rows of that walk for each result wanted.
    `deep`: results to skip, from which on rows are read without their documents.
    `page`: rows to read with one call, at most.
    `spare`: rows beyond those wanted, so that small result sets are known whole.
    """

    rows_examined: int = 50_000
    few: int = 1_000
    at_once: int = 16
    many: int = 64
    trial: int = 10
    deep: int = 1_000
    page: int = 1_000
    spare: int = 24


DEFAULT_EFFORT: Final = Effort()
