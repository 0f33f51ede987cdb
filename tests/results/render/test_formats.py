from __future__ import annotations

import json
from typing import TYPE_CHECKING

from ecgbench.results.render import FORMATS, render, write_boards
from tests.results.board.samples import people

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.results.conftest import Bench


def test_the_same_runs_in_another_order_give_the_same_bytes(
    new_bench: Callable[[str], Bench],
) -> None:
    def runs(bench: Bench) -> list[Callable[[], object]]:
        references = {
            name: {"mmd": {s: people(bench, 1.0, s) for s in (0, 1)}} for name in ("real", "copy")
        }
        return [
            lambda: bench.run(references | {"gmm": {"mmd": {0: people(bench, 2.0), 1: 2.5}}}),
            lambda: bench.run(
                references
                | {"kde": {"auc": {0: 1.0}, "mmd": {s: people(bench, 3.0, s) for s in (0, 1)}}}
            ),
        ]

    first, second = new_bench("first"), new_bench("second")
    for run in runs(first):
        run()
    for run in reversed(runs(second)):
        run()
    for form in FORMATS:
        assert render(first.boards, form) == render(second.boards, form)


def test_every_format_is_written_for_every_dataset(bench: Bench) -> None:
    for name in ("mitdb", "ecgsyn"):
        for study in ("quick", "standard"):
            bench.run({"gmm": {"mmd": {0: 1.0}}}, bench.dataset(name), study=study)
    paths = write_boards(bench.boards, bench.store)
    assert [p.relative_to(bench.store.path).as_posix() for p in paths] == [
        f"board/{name}.{suffix}"
        for name in ("ecgsyn", "mitdb")
        for suffix in ("md", "csv", "json", "tex")
    ]
    written = json.loads(paths[-2].read_text())
    assert [board["study"] for board in written["boards"]] == ["quick", "standard"]
