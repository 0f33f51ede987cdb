"""Any number of runs on one store share its cells, and inherit the cells of a killed run."""

from __future__ import annotations

import signal
import time
from typing import TYPE_CHECKING

import pytest

from ecgbench.results.store.lease import owners

if TYPE_CHECKING:
    from subprocess import Popen

    from tests.store.conftest import Command

pytestmark = pytest.mark.slow


def finish(runners: list[Popen[str]]) -> None:
    for runner in runners:
        out, err = runner.communicate()
        assert runner.returncode == 0, out + err


@pytest.mark.parametrize("count", [2, pytest.param(8, marks=pytest.mark.long)])
def test_runners_on_one_store_fit_every_cell_once_and_all_end_well(
    command: Command, count: int
) -> None:
    seeds = count + 2
    finish([command.start("--seeds", f"0-{seeds - 1}", "--threads", "1") for _ in range(count)])
    assert sorted(command.fits) == list(range(seeds))
    assert command.done == list(range(seeds))
    assert list((command.store / "leases").iterdir()) == []
    assert not (command.store / "damaged").exists()


@pytest.mark.long
def test_the_cells_of_a_runner_that_is_killed_are_taken_over_by_the_others(
    command: Command,
) -> None:
    seeds = 7
    flags = ("--seeds", f"0-{seeds - 1}", "--threads", "1")
    slow = ("--set", "generator.jitter.seconds=0.5")
    victim = command.start(*flags, *slow)
    while not owners(command.store):
        assert victim.poll() is None
        time.sleep(0.02)
    others = [command.start(*flags, *slow) for _ in range(2)]
    # it has ended a cell, and works on another
    while not (command.fits and owners(command.store)):
        assert victim.poll() is None
        time.sleep(0.02)
    victim.send_signal(signal.SIGKILL)
    victim.communicate()
    assert victim.returncode == -signal.SIGKILL
    finish(others)
    assert set(command.fits) == set(range(seeds))
    # only the cell that it was about to record is fitted again
    assert len(command.fits) <= seeds + 1
    assert command.done == list(range(seeds))
    # if it is killed between recording a cell and returning its lease, nobody takes that lease over
    assert len(list((command.store / "leases").iterdir())) <= 1
    assert not (command.store / "damaged").exists()
