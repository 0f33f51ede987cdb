from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from ecgbench.contracts.errors import StoreError
from ecgbench.results.store import lease
from ecgbench.results.store.lease import STALE, Leases, owners
from tests.results.store.conftest import (
    LEASED,
    OTHER_LEASED,
    edit,
    grow_old,
    lease_files,
    leave,
    only,
    wait_for,
    wait_for_touch,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


# --- taking and giving back ------------------------------------------------------------------------


def test_a_cell_has_one_owner_until_it_is_given_back(tmp_path: Path) -> None:
    mine, theirs = Leases(tmp_path), Leases(tmp_path)
    taken = mine.take(LEASED)
    assert taken is not None
    assert (taken.cell, taken.lost) == (LEASED, False)
    assert theirs.take(LEASED) is None
    assert mine.take(LEASED) is None
    mine.give_back(taken)
    assert lease_files(tmp_path) == []
    assert theirs.take(LEASED) is not None


def test_the_leases_of_two_cells_are_two(tmp_path: Path) -> None:
    assert Leases(tmp_path).take(LEASED) is not None
    assert Leases(tmp_path).take(OTHER_LEASED) is not None


def test_leases_that_are_closed_give_everything_back(tmp_path: Path) -> None:
    with Leases(tmp_path) as leases:
        assert leases.take(LEASED) is not None
        assert leases.take(OTHER_LEASED) is not None
        assert len(lease_files(tmp_path)) == 2
    assert lease_files(tmp_path) == []


def test_a_lease_tells_who_has_it_and_no_host_user_or_path(tmp_path: Path) -> None:
    leases = Leases(tmp_path)
    assert leases.take(LEASED) is not None
    told = json.loads(only(tmp_path).read_bytes())
    assert 0 < told.pop("started") < time.time()
    assert told == {
        "cell": LEASED,
        "token": leases.token,
        "machine": lease.machine(),
        "pid": os.getpid(),
    }
    assert len(lease.machine()) == 12


def test_a_store_that_cannot_be_written_is_a_store_error(tmp_path: Path) -> None:
    (tmp_path / "leases").write_text("a file")
    with pytest.raises(StoreError, match=r"cannot write .*leases"):
        Leases(tmp_path).take(LEASED)


def test_a_lease_that_cannot_be_written_is_a_store_error_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = type(tmp_path).write_bytes

    def half(file: Path, content: bytes) -> int:
        write(file, content[:9])
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(type(tmp_path), "write_bytes", half)
        with pytest.raises(StoreError, match="No space left on device"):
            Leases(tmp_path).take(LEASED)
    assert lease_files(tmp_path) == []
    assert Leases(tmp_path).take(LEASED) is not None


@pytest.mark.usefixtures("without_links")
def test_without_hard_links_a_cell_has_one_owner_too(tmp_path: Path) -> None:
    mine = Leases(tmp_path)
    taken = mine.take(LEASED)
    assert taken is not None
    assert only(tmp_path) == taken.file
    assert Leases(tmp_path).take(LEASED) is None
    assert owners(tmp_path).keys() == {LEASED}
    mine.give_back(taken)
    assert Leases(tmp_path).take(LEASED) is not None


@pytest.mark.usefixtures("without_links")
def test_without_hard_links_a_lease_that_was_left_is_taken_over_too(tmp_path: Path) -> None:
    left = leave(tmp_path)
    taken = Leases(tmp_path).take(LEASED)
    assert taken is not None
    assert only(tmp_path) == taken.file != left


# --- owners that are gone --------------------------------------------------------------------------

HOLD = """
import sys, time
from pathlib import Path
from ecgbench.results.store.lease import Leases
with Leases(Path(sys.argv[1])) as leases:
    assert leases.take(sys.argv[2]) is not None
    print("held", flush=True)
    time.sleep(600)
"""


def test_the_lease_of_a_killed_process_is_taken_over_at_once(tmp_path: Path) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path), LEASED], stdout=subprocess.PIPE, text=True
    )
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        assert Leases(tmp_path).take(LEASED) is None
        holder.send_signal(signal.SIGKILL)
        # not waited for yet: a zombie works on nothing
        wait_for(lambda: Leases(tmp_path).take(LEASED) is not None)
    finally:
        holder.kill()
        holder.communicate()
    assert only(tmp_path).name.endswith(".1")
    assert owners(tmp_path).keys() == {LEASED}


def test_a_lease_that_was_left_several_times_is_taken_over_again(tmp_path: Path) -> None:
    leave(tmp_path)
    for number in range(1, 12):
        assert Leases(tmp_path).take(LEASED) is not None
        assert only(tmp_path).name.endswith(f".{number}")
        edit(only(tmp_path), started=1.0)


def test_a_process_with_the_number_of_an_earlier_one_is_not_taken_for_it(tmp_path: Path) -> None:
    assert Leases(tmp_path).take(LEASED) is not None
    edit(only(tmp_path), started=1.0)
    assert Leases(tmp_path).take(LEASED) is not None


def test_an_owner_of_this_machine_that_lives_keeps_its_lease_however_old_the_touch(
    tmp_path: Path,
) -> None:
    assert Leases(tmp_path).take(LEASED) is not None
    grow_old(only(tmp_path))
    assert Leases(tmp_path).take(LEASED) is None


@pytest.mark.skipif(sys.platform != "linux", reason="it is Linux's psutil that is deceived here")
def test_an_owner_that_lives_keeps_its_lease_though_the_clock_is_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert Leases(tmp_path).take(LEASED) is not None
    booted = psutil.boot_time()
    monkeypatch.setattr("psutil._pslinux.boot_time", lambda: booted + 3600)
    assert psutil.Process().create_time() > time.time()
    assert Leases(tmp_path).take(LEASED) is None


@pytest.mark.parametrize(("silent", "taken"), [(STALE - 20, False), (STALE + 20, True)])
def test_a_lease_of_another_machine_is_taken_over_only_when_it_is_stale(
    tmp_path: Path, elsewhere: Callable[[], None], silent: float, *, taken: bool
) -> None:
    assert Leases(tmp_path).take(LEASED) is not None
    elsewhere()
    assert Leases(tmp_path).take(LEASED) is None
    grow_old(only(tmp_path), silent)
    assert (Leases(tmp_path).take(LEASED) is not None) == taken
    only(tmp_path)


def test_what_is_stale_is_told_by_the_file_systems_clock_and_not_by_this_machines(
    tmp_path: Path, elsewhere: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert Leases(tmp_path).take(LEASED) is not None
    elsewhere()
    monkeypatch.setattr(time, "time", lambda: only(tmp_path).stat().st_mtime + 100 * STALE)
    assert Leases(tmp_path).take(LEASED) is None


@pytest.mark.parametrize("content", [b"", b"{", b'{"cell": "x"}', b"\xff", b"[]", b"null"])
def test_a_lease_that_cannot_be_read_is_kept_until_it_is_stale(
    tmp_path: Path, content: bytes
) -> None:
    assert Leases(tmp_path).take(LEASED) is not None
    only(tmp_path).write_bytes(content)
    assert Leases(tmp_path).take(LEASED) is None
    assert owners(tmp_path) == {}
    grow_old(only(tmp_path))
    assert Leases(tmp_path).take(LEASED) is not None
    assert owners(tmp_path).keys() == {LEASED}


def test_a_takeover_that_was_killed_half_way_is_taken_over(tmp_path: Path) -> None:
    left = leave(tmp_path)
    half = left.with_suffix(".1")
    half.write_bytes(left.read_bytes())
    taken = Leases(tmp_path).take(LEASED)
    assert taken is not None
    assert only(tmp_path) == taken.file == left.with_suffix(".2")


# --- heartbeats ------------------------------------------------------------------------------------


def test_a_lease_is_touched_while_it_is_held_and_not_lost(tmp_path: Path) -> None:
    with Leases(tmp_path, beat=0.01) as leases:
        taken = leases.take(LEASED)
        assert taken is not None
        for _ in range(3):
            wait_for_touch(taken.file)
        assert not taken.lost


def test_an_owner_that_was_silent_for_too_long_notices_that_its_lease_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Leases(tmp_path, beat=0.01) as mine:
        taken, kept = mine.take(LEASED), mine.take(OTHER_LEASED)
        assert taken is not None
        assert kept is not None
        monkeypatch.setattr(lease, "_lives", lambda owner: owner.cell != LEASED)
        theirs = Leases(tmp_path).take(LEASED)
        assert theirs is not None
        wait_for(lambda: taken.lost)
        assert not kept.lost
        mine.give_back(taken)
        assert theirs.file.exists()
    assert only(tmp_path) == theirs.file


def test_an_owner_whose_lease_was_removed_notices_that_it_is_lost(tmp_path: Path) -> None:
    with Leases(tmp_path, beat=0.01) as leases:
        taken = leases.take(LEASED)
        assert taken is not None
        taken.file.unlink()
        wait_for(lambda: taken.lost)


def test_a_lease_that_looked_lost_stays_lost_and_is_given_back(tmp_path: Path) -> None:
    """Somebody who came late made a file beside it and removed that again."""
    with Leases(tmp_path, beat=0.01) as leases:
        taken, other = leases.take(LEASED), leases.take(OTHER_LEASED)
        assert taken is not None
        assert other is not None
        late = taken.file.with_suffix(".1")
        late.write_bytes(taken.file.read_bytes())
        wait_for(lambda: taken.lost)
        late.unlink()
        for _ in range(2):
            wait_for_touch(other.file)
        assert taken.lost
        leases.give_back(taken)
        assert leases.take(LEASED) is not None


def test_the_lease_of_another_is_not_given_back_with_ones_own(
    tmp_path: Path,
) -> None:
    mine, theirs = Leases(tmp_path), Leases(tmp_path)
    taken = mine.take(LEASED)
    assert taken is not None
    taken.file.unlink()
    again = theirs.take(LEASED)
    assert again is not None
    assert again.file == taken.file
    mine.give_back(taken)
    assert again.file.exists()


def test_a_file_system_that_is_away_for_a_moment_costs_no_lease(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    utime, away = os.utime, [True] * 3

    def fail(path: Path, times: Any = None) -> None:
        if times is None and away:
            away.pop()
            raise OSError(5, "Input/output error")
        utime(path, times)

    with Leases(tmp_path, beat=0.01) as leases:
        taken = leases.take(LEASED)
        assert taken is not None
        monkeypatch.setattr(os, "utime", fail)
        wait_for_touch(taken.file)
        assert not taken.lost


# --- who works on what -----------------------------------------------------------------------------


def test_owners_are_the_cells_that_are_worked_on_and_how_long_each_was_silent(
    tmp_path: Path, elsewhere: Callable[[], None]
) -> None:
    assert owners(tmp_path) == {}
    assert Leases(tmp_path).take(LEASED) is not None
    taken = Leases(tmp_path).take(OTHER_LEASED)
    assert taken is not None
    grow_old(taken.file, STALE / 2)
    elsewhere()
    found = owners(tmp_path)
    assert found.keys() == {LEASED, OTHER_LEASED}
    assert found[LEASED] >= 0
    assert found[OTHER_LEASED] >= STALE / 2 - 1


def test_an_owner_that_has_ended_is_none(tmp_path: Path) -> None:
    leave(tmp_path)
    assert owners(tmp_path) == {}


def test_an_owner_elsewhere_that_has_long_been_silent_is_none(
    tmp_path: Path, elsewhere: Callable[[], None]
) -> None:
    assert Leases(tmp_path).take(LEASED) is not None
    elsewhere()
    grow_old(only(tmp_path))
    assert owners(tmp_path) == {}


def test_importing_leases_costs_no_numpy() -> None:
    code = "import sys, ecgbench.results.store.lease; print(*{'numpy', 'torch'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_a_sleeper_whose_lease_has_been_taken_given_back_and_taken_anew_has_lost_it(
    tmp_path: Path,
) -> None:
    sleeper, other = Leases(tmp_path), Leases(tmp_path)
    lease = sleeper.take("a/b/seed-0")
    assert lease is not None
    assert sleeper.holds(lease)
    lease.file.unlink()  # it was left, taken over, and given back
    again = other.take("a/b/seed-0")
    assert again is not None
    assert again.file == lease.file
    assert not sleeper.holds(lease)
    assert other.holds(again)
    sleeper.give_back(lease)
    assert other.holds(again)
