"""Stop before and after every write of a request, once or for good; sweep; all invariants hold, and the request works again."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count
from pathlib import Path

import pytest

from dicom_core.identifiers import Identifiers
from dicom_core.storage.ports import StorageUnavailable
from tests.crashes.processes import Operation, deleting, recover, run, storing, sweeping
from tests.dicom.factories import data_element
from tests.faulty import Fault, Moment
from tests.index.factories import open_storage
from tests.store.requests import file_of

MiB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Case:
    """A request on what `before` has stored; afterwards `present` are stored and `absent` are not."""

    request: Operation
    before: tuple[bytes, ...] = ()
    present: frozenset[str] = frozenset()
    absent: frozenset[str] = frozenset()
    stride: int = 1  # every n-th write, where there are many alike
    replacing: bool = False


def case(request: Operation, *before: bytes, present: str = "", absent: str = "", stride: int = 1, replacing: bool = False) -> Case:
    return Case(request, before, frozenset(present.split()), frozenset(absent.split()), stride, replacing)


_MANY = [file_of(f"1.{number % 7}", f"2.{number % 7}.{number % 3}", f"3.{number}") for number in range(120)]
_OLD = [file_of("1", "2", "1", PatientName="Old"), file_of("1", "2", "2"), file_of("1", "3", "3"), file_of("9", "9", "9")]
_NEW = [file_of("1", "2", "1", PatientName="New"), file_of("1", "2", "4"), file_of("1", "2", "1", PatientName="Newer")]
_LONG = data_element("TextValue", "UT", "".join(f"{number * number % 9973:x}" for number in range(350_000)))
_STUDY_UIDS = " ".join(f"3.{number}" for number in range(35))
_STUDY = [file_of("1", f"2.{number % 6}", f"3.{number}", Modality=f"M{number % 6}") for number in range(35)]

CASES = {
    "store a new study": case(storing(file_of("1", "2", "3")), present="3"),
    "store in a series": case(storing(file_of("1", "2", "5", PatientName="New")), *_OLD, present="1 2 3 5 9"),
    "store many": case(storing(*_MANY), present=" ".join(f"3.{number}" for number in range(120)), stride=37),
    "store what exists": case(storing(file_of("1", "2", "1"), file_of("1", "2", "6")), *_OLD, present="1 2 3 6 9"),
    "replace": case(storing(*_NEW, replaces=True), *_OLD, present="1 2 3 4 9", replacing=True),
    "replace the newest": case(storing(file_of("1", "3", "3", PatientName="New"), replaces=True), *_OLD, present="1 2 3 9", replacing=True),
    "store a streamed file": case(storing(file_of("1", "2", "3", size=2 * MiB)), present="3"),
    "store a cut file": case(storing(file_of("1", "2", "3", size=3 * MiB)[: 2 * MiB], file_of("1", "2", "4")), present="4", absent="3"),
    "store large metadata": case(storing(file_of("1", "2", "3", elements=[_LONG])), present="3"),
    "delete an instance": case(deleting(Identifiers("1", "2", "1")), *_OLD, present="2 3 9", absent="1"),
    "delete the newest instance": case(deleting(Identifiers("1", "3", "3")), *_OLD, present="1 2 9", absent="3"),
    "delete the last instance": case(deleting(Identifiers("9", "9", "9")), *_OLD, present="1 2 3", absent="9"),
    "delete a series": case(deleting(Identifiers("1", "2")), *_OLD, present="3 9", absent="1 2"),
    "delete a study": case(
        deleting(Identifiers("1")), *_STUDY, file_of("9", "9", "9"), present="9", absent=" ".join(f"3.{n}" for n in range(35))
    ),
}


@pytest.mark.parametrize(
    ("moment", "lasting", "shards"),
    [(Moment.BEFORE, False, 1), (Moment.AFTER, False, 8), (Moment.AFTER, True, 1), (Moment.AFTER, True, 8)],
    ids=["before", "after", "after-for-good", "after-for-good-8-shards"],
)
@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
async def test_a_stop_at_any_write_leaves_everything_right(tmp_path: Path, case: Case, moment: Moment, lasting: bool, shards: int) -> None:
    for number in count(1, case.stride):
        async with open_storage(tmp_path / str(number), shards) as storage:
            await run(storage, storing(*case.before))
            fault = Fault("write", number, moment, lambda: StorageUnavailable("down"), lasting=lasting)
            acknowledged, writes = await run(storage, case.request, fault)
            found = await recover(storage, replacing=case.replacing)
            assert acknowledged.stored <= found, "what was acknowledged is lost"
            assert not acknowledged.deleted or not case.absent & found
            assert found <= case.present | case.absent
            await run(storage, case.request)
            found = await recover(storage, replacing=case.replacing)
            assert case.present <= found
            assert not case.absent & found
        if writes < number:
            return


@pytest.mark.parametrize("moment", [Moment.BEFORE, Moment.AFTER])
async def test_a_sweep_may_stop_at_any_write(tmp_path: Path, moment: Moment) -> None:
    for number in count(1):
        async with open_storage(tmp_path / str(number)) as storage:
            await run(storage, storing(*_OLD))
            requests = [
                storing(file_of("1", "2", "5"), file_of("1", "2", "6")),
                deleting(Identifiers("1", "2")),
                storing(file_of("1", "2", "1")),
            ]
            for write, request in enumerate(requests, 3):
                await run(storage, request, Fault("write", write, Moment.AFTER, lambda: StorageUnavailable("down"), lasting=True))
            fault = Fault("write", number, moment, lambda: StorageUnavailable("down"), lasting=True)
            _, writes = await run(storage, sweeping, fault)
            await recover(storage)
        if writes < number:
            return
