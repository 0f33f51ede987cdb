from __future__ import annotations

from ecgbench.harness.cli.progress.tally import Tally
from tests.harness.cli.progress.conftest import Clock, cell


def work(tally: Tally, clock: Clock, seed: int, generator: str, seconds: float) -> None:
    tally.begin(cell(seed, generator=generator))
    clock.now += seconds
    tally.end(cell(seed, "done", generator=generator))


def test_what_is_left_is_not_guessed_before_a_cell_has_ended(clock: Clock) -> None:
    tally = Tally(4)
    tally.begin(cell(0))
    clock.now += 100
    assert tally.left() is None


def test_cells_of_one_generator_cost_alike(clock: Clock) -> None:
    tally = Tally(4)
    work(tally, clock, 0, "slow", 100)
    work(tally, clock, 0, "fast", 10)
    tally.begin(cell(1, generator="slow"))
    tally.begin(cell(1, generator="fast"))
    clock.now += 4
    assert tally.left() == 96  # the longer of the two, for they run side by side


def test_cells_that_nothing_is_known_of_cost_the_mean_of_all_kinds(clock: Clock) -> None:
    tally = Tally(13)
    work(tally, clock, 0, "slow", 100)
    for seed in range(9):
        work(tally, clock, seed, "fast", 10)
    tally.begin(cell(0, generator="other"))
    assert tally.left() == 55 + 2 * 55


def test_what_is_left_is_divided_by_the_cells_that_run_side_by_side(clock: Clock) -> None:
    tally = Tally(11)
    work(tally, clock, 0, "jitter", 10)
    for seed in range(1, 6):
        tally.begin(cell(seed))
    assert tally.left() == (5 * 10 + 5 * 10) / 5


def test_cells_that_other_runs_ended_do_not_make_all_look_cheap(clock: Clock) -> None:
    tally = Tally(4)
    work(tally, clock, 0, "jitter", 10)
    tally.begin(cell(1, "done"))
    tally.end(cell(1, "done"))
    tally.begin(cell(2))
    assert tally.left() == 20


def test_a_cell_that_was_left_is_still_to_do(clock: Clock) -> None:
    tally = Tally(2)
    tally.begin(cell(0))
    tally.end(cell(0))
    assert tally.ended().total() == 0
    work(tally, clock, 0, "jitter", 1)
    assert tally.ended() == {"done": 1}
