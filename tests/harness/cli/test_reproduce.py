from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.harness.cli.conftest import Command


def test_a_cell_that_comes_out_the_same_is_said_to_be_reproduced(ecgbench: Command) -> None:
    assert ecgbench.tiny("--seeds", "0") == 0
    assert ecgbench("reproduce", "tiny/jitter/seed-0", "--plugin", ecgbench.stubs) == 0
    assert "synthetic windows: the same to the byte" in ecgbench.out
    assert "versions and processor are those of then" in ecgbench.out
    assert "it is reproduced" in ecgbench.out
    (line,) = [line for line in ecgbench.out.splitlines() if line.split()[:1] == ["peak"]]
    assert line.split()[-1] == "equal"
    assert "it never [red]applies[/red]" in ecgbench.out


def test_a_cell_that_comes_out_otherwise_exits_with_1(ecgbench: Command) -> None:
    other = ecgbench.folder / "stubs.py"
    other.write_text(ecgbench.stubs.read_text())
    ecgbench.stubs = other
    assert ecgbench.tiny("--seeds", "0") == 0
    text = other.read_text().replace('name="jitter", target', 'name="jitter", version=2, target')
    other.write_text(text.replace("signals + self.config.sigma", "3 * signals + self.config.sigma"))
    assert ecgbench("reproduce", "tiny/jitter/seed-0", "--plugin", ecgbench.stubs) == 1
    assert "synthetic windows: others than then" in ecgbench.out
    assert "differs" in ecgbench.out
    assert "generator jitter version" in ecgbench.out
    assert "it is not reproduced" in ecgbench.out


def test_a_cell_that_is_not_there_is_a_usage_error(ecgbench: Command) -> None:
    assert ecgbench.tiny("--seeds", "0") == 0
    assert ecgbench("reproduce", "tiny/jitter/seed-7", "--plugin", ecgbench.stubs) == 2
    assert "has no cell 'tiny/jitter/seed-7'; did you mean" in ecgbench.err
