"""Runs that want one lease at the same moment."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import psutil
import pytest

from ecgbench.results.store import lease
from ecgbench.results.store.lease import Leases, owners
from tests.results.store.conftest import LEASED, edit, leave, only

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


# --- races -----------------------------------------------------------------------------------------


def interrupt(
    leases: Leases, monkeypatch: pytest.MonkeyPatch, others: Callable[[], object]
) -> None:
    """Let others act when ``leases`` has looked and has not yet made its file."""
    make = leases._make

    def stall(file: Path, cell: str) -> bool:
        others()
        return make(file, cell)

    monkeypatch.setattr(leases, "_make", stall)


def test_of_two_that_see_no_lease_one_gets_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow, quick = Leases(tmp_path), Leases(tmp_path)
    interrupt(slow, monkeypatch, lambda: quick.take(LEASED))
    assert slow.take(LEASED) is None
    assert owners(tmp_path).keys() == {LEASED}


def test_of_two_that_see_a_lease_left_one_gets_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    leave(tmp_path)
    slow, quick = Leases(tmp_path), Leases(tmp_path)
    interrupt(slow, monkeypatch, lambda: quick.take(LEASED))
    assert slow.take(LEASED) is None
    assert owners(tmp_path).keys() == {LEASED}


def test_who_saw_a_lease_left_does_not_get_it_from_those_who_began_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    leave(tmp_path)
    slow, quick = Leases(tmp_path), Leases(tmp_path)

    def others() -> None:
        taken = quick.take(LEASED)
        assert taken is not None
        quick.give_back(taken)
        assert Leases(tmp_path).take(LEASED) is not None

    interrupt(slow, monkeypatch, others)
    assert slow.take(LEASED) is None
    assert only(tmp_path).name.endswith(".0")


def test_who_saw_a_takeover_left_does_not_get_it_from_those_who_began_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = leave(tmp_path)
    left.with_suffix(".1").write_bytes(left.read_bytes())
    slow, quick = Leases(tmp_path), Leases(tmp_path)

    def others() -> None:
        taken = quick.take(LEASED)
        assert taken is not None
        quick.give_back(taken)
        assert Leases(tmp_path).take(LEASED) is not None

    interrupt(slow, monkeypatch, others)
    assert slow.take(LEASED) is None
    assert only(tmp_path) == left


def test_who_saw_no_lease_does_not_get_one_that_was_taken_left_and_taken_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = Leases(tmp_path)

    def others() -> None:
        leave(tmp_path)
        assert Leases(tmp_path).take(LEASED) is not None

    interrupt(slow, monkeypatch, others)
    assert slow.take(LEASED) is None
    assert only(tmp_path).name.endswith(".1")


def test_who_saw_no_lease_does_not_get_one_that_is_taken_over_while_it_looks_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow, list_files = Leases(tmp_path), lease._files

    def others() -> None:
        leave(tmp_path)
        assert Leases(tmp_path).take(LEASED) is not None
        monkeypatch.setattr(lease, "_files", look)

    def look(folder: Path, key: str) -> list[Path]:
        monkeypatch.setattr(lease, "_files", list_files)
        found = list_files(folder, key)
        found[-1].rename(found[-1].with_suffix(".2"))
        return found

    interrupt(slow, monkeypatch, others)
    assert slow.take(LEASED) is None
    assert only(tmp_path).name.endswith(".2")


def test_an_owner_keeps_its_lease_though_somebody_who_came_late_died_beside_it(
    tmp_path: Path,
) -> None:
    left = leave(tmp_path)
    left.rename(left.with_suffix(".1"))
    own = {"pid": os.getpid(), "started": lease._started(psutil.Process())}
    left.write_bytes(left.with_suffix(".1").read_bytes())
    edit(left, **own)
    assert Leases(tmp_path).take(LEASED) is None
    edit(left, started=1.0)
    assert Leases(tmp_path).take(LEASED) is not None


RACE = """
import os, signal, sys, time
from pathlib import Path
import psutil
from ecgbench.results.store.lease import Leases

store, rounds, die_every = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])

def lives(pid):
    try:
        return psutil.Process(pid).status() not in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD)
    except psutil.NoSuchProcess:
        return False

def one_round(number):
    leases = Leases(store)
    while (lease := leases.take("one")) is None:
        time.sleep(0.001)
    mark = store / f"inside-{os.getpid()}"
    mark.touch()
    for other in store.glob("inside-*"):
        if other != mark and lives(int(other.name.split("-")[1])):
            os.write(1, b"two owners\\n")
        elif other != mark:
            other.unlink(missing_ok=True)
    os.write(1, b"got it\\n")
    if die_every and number % die_every == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    mark.unlink()
    leases.give_back(lease)

for number in range(rounds):
    pid = os.fork()
    if not pid:
        one_round(number)
        os._exit(0)
    os.waitpid(pid, 0)
"""


@pytest.mark.slow
@pytest.mark.parametrize("die_every", [0, 1, 3])
def test_of_eight_that_race_for_a_lease_one_has_it_at_a_time_and_each_gets_it_at_last(
    tmp_path: Path, die_every: int
) -> None:
    rounds = 25
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", RACE, str(tmp_path), str(rounds), str(die_every)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for _ in range(8)
    ]
    told = [racer.communicate()[0].splitlines() for racer in racers]
    assert told == [["got it"] * rounds] * 8
