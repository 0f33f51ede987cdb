"""The leaderboard, computed from the records of a store."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache, partial
from typing import TYPE_CHECKING

import numpy as np
from threadpoolctl import threadpool_limits

from ecgbench.contracts.families import OVERALL
from ecgbench.results.board import gather, notes, pairs, scores, uncertainty
from ecgbench.results.board.front import front
from ecgbench.results.board.headline import headline
from ecgbench.results.board.index import Index
from ecgbench.results.board.null import excess, set_against_null
from ecgbench.results.board.plans import groups
from ecgbench.results.board.table import Board, Row
from ecgbench.results.board.uncertainty import Resamples, folds
from ecgbench.results.exchange.provenance import origins
from ecgbench.results.store.track import untracked

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from ecgbench.results.board.catalogue import Catalogue
    from ecgbench.results.board.gather import Gathered
    from ecgbench.results.board.plans import BoardPlan
    from ecgbench.results.board.uncertainty import Sample
    from ecgbench.results.store.records import MetricRecord
    from ecgbench.results.store.store import Store
    from ecgbench.results.store.track import Track


def boards(
    store: Store,
    catalogue: Catalogue,
    chosen: list[list[BoardPlan]] | None = None,
    track: Track = untracked,
) -> list[Board]:
    """Return the boards of a store, by dataset and study.

    Args:
        store: read only, its index excepted (`ecgbench.results.board.index`).
        catalogue: facts of the installed plugins (`ecgbench.harness.planning.facts.facts`).
        chosen: the plans of each board (`ecgbench.results.board.plans`); None for all boards.
        track: told how far it is.

    Raises:
        StoreError: a record cannot be read.
    """
    # more threads would wait for each other, and round otherwise on another machine
    with threadpool_limits(1):
        chosen = groups(store) if chosen is None else chosen
        known = origins(store)
        index = Index(store, catalogue, known)
        made = []
        for group in chosen:
            place = index.place(group)
            board = place.board()
            if board is None:
                gathered = gather.read(store, group, catalogue, known, track)
                board = _ranked(Scored(gathered, track), track).board
                place.keep(board)
            made.append(board)
    return [board for board in made if board.rows]


@dataclass(frozen=True)
class Whole:
    """A board with all that is behind it.

    Attributes:
        board: as `boards` returns it.
        gathered: read from the store; its rows are not in the order of the board.
        ahead: labels of the competitors ahead of each one, by metric label and row label.
    """

    board: Board
    gathered: Gathered
    ahead: dict[str, dict[str, list[str]]]


def wholes(
    store: Store,
    catalogue: Catalogue,
    chosen: list[list[BoardPlan]],
    track: Track = untracked,
) -> list[Whole]:
    """Return boards with all that is behind them, from the records; the arguments are those of `boards`."""
    with threadpool_limits(1):
        known = origins(store)
        made = [
            _ranked(Scored(gather.read(store, group, catalogue, known, track), track), track)
            for group in chosen
        ]
    return [whole for whole in made if whole.board.rows]


class Scored:
    """A board without ranks and the notes of its rows, and the samples behind its scores.

    Args:
        gathered: read from the store (`ecgbench.results.board.gather.read`).
        track: told how far it is.

    Attributes:
        gathered: as given.
        board: without ranks.
        samples: the value of each row for ranks, by metric label; under a metric with a null, its
            excess over the null (`ecgbench.results.board.null.excess`).
    """

    def __init__(self, gathered: Gathered, track: Track = untracked) -> None:
        self.gathered = gathered
        plan, dataset, _ = gathered.group[0]
        metrics = gathered.metrics
        counting = [of_row for row, of_row in gathered.rows if row.counts]
        people, self._ends = scores.resampled_people(
            counting, [of_row for _, of_row in gathered.rows]
        )
        self._resamples = Resamples(people)
        rows = [
            Row(
                generator=row.generator,
                label=row.label,
                counts=row.counts,
                merged=gather.mark(of_row, row),
                left_out=tuple(sorted(set(row.cells) - set(gathered.seeds))),
                lacking=tuple(sorted(set(gathered.seeds) - set(row.cells))),
                notes=notes.of_seeds(
                    {
                        seed: end.cell.notes
                        for of_metric in of_row.values()
                        for seed, end in of_metric.items()
                        if end.cell is not None
                    }
                ),
            )
            for row, of_row in gathered.rows
        ]
        self.samples: dict[str, list[Sample | None]] = {}
        for label, metric in track([*metrics.items()], f"{dataset.name}: metrics"):
            ends = [of_row[label] for of_row in self._ends]
            self.samples[label] = samples = [
                scores.sample_of(of_row, self._resamples) for of_row in ends
            ]
            intervals = uncertainty.intervals(samples)
            for row, of_row, sample, interval in zip(rows, ends, samples, intervals, strict=True):
                row.scores[label] = scores.summary(
                    of_row, sample, interval, metric, gathered.terms[label]
                )
        set_against_null(metrics, rows, self.samples)
        self.board = Board(
            key=plan.board_key,
            dataset=dataset,
            study=plan.study,
            settings=plan.settings,
            metrics=metrics,
            rows=rows,
            seeds=gathered.seeds,
            people=len(people),
            audit=gathered.audit,
            notes=[*notes.of_code(counting), *notes.of_libraries(counting)],
        )

    def over(self, label: str, seeds: tuple[int, ...]) -> list[Sample | None]:
        """Return `samples` of a metric over some seeds; None for a row without a value on one of them."""
        metric = self.board.metrics[label]
        if metric.needs_both_folds and folds(seeds) < 2:
            return [None] * len(self._ends)
        samples = [
            scores.sample_of({seed: of_row[label][seed] for seed in seeds}, self._resamples)
            if all(of_row[label][seed].status == "ok" for seed in seeds)
            else None
            for of_row in self._ends
        ]
        if metric.null is None:
            return samples
        competing = [
            sample if row.competes else None
            for row, sample in zip(self.board.rows, samples, strict=True)
        ]
        return excess(competing, metric.null, metric.better)


def _ranked(scored: Scored, track: Track) -> Whole:
    """Return the board with its ranks, its front and the notes of its rows."""
    board = scored.board
    tests = pairs.Tests()
    ahead = {}
    for label, metric in track([*board.metrics.items()], f"{board.dataset.name}: ranks"):
        if metric.ranked:
            over = partial(scored.over, label)
            ahead[label] = _rank_by(label, metric, board, scored.samples[label], over, tests)
    on_front = front(board.metrics, board.rows, scored.samples, tests)
    _rank(board)
    board.front = [row.label for row in board.competitors if row.label in on_front]
    stated = (member.plan.headline for member in scored.gathered.group if member.own)
    board.headline = headline(board.metrics, board.rows, next(filter(None, stated), ()))
    board.notes = [*notes.notes(board.rows, board.metrics), *board.notes]
    return Whole(board, scored.gathered, ahead)


def _rank_by(
    label: str,
    metric: MetricRecord,
    board: Board,
    samples: list[Sample | None],
    over_seeds: Callable[[tuple[int, ...]], list[Sample | None]],
    tests: pairs.Tests,
) -> dict[str, list[str]]:
    """Rank the competitors by one metric, and return who is ahead of each, by label.

    A score without status ``ok`` counts as absent.

    A row without plans for some of the board's seeds is ranked by its other seeds.  A score still to do
    is behind as well, but counts for nobody: an abandoned try must not change the ranks of others.
    """
    rows = board.rows
    competing = [place for place, row in enumerate(rows) if row.competes]
    over_seeds = cache(over_seeds)

    def counting(place: int) -> Sample | None:
        row = rows[place]
        own = tuple(seed for seed in board.seeds if seed not in row.lacking)
        if row.lacking and own:
            return over_seeds(own)[place]
        return samples[place] if row.scores[label].status == "ok" else None

    def among(seeds: tuple[int, ...]) -> list[Sample | None]:
        of_all = over_seeds(seeds)
        return [of_all[place] for place in places]

    samples_of = {place: counting(place) for place in competing}
    places = [p for p in competing if samples_of[p] or rows[p].scores[label].status != "todo"]
    ranked = [samples_of[place] for place in places]
    if not any(ranked):
        return {}
    behind = pairs.behind(ranked, metric.better, among, tests)
    ranks = dict(zip(places, (1 + behind.sum(axis=1)).tolist(), strict=True))
    last = 1 + sum(sample is not None for sample in ranked)
    for place in competing:
        score = rows[place].scores[label]
        rows[place].scores[label] = replace(score, rank=ranks.get(place, last))
    labels = np.array([rows[place].label for place in places], dtype=object)
    return {
        label: labels[ahead].tolist() for label, ahead in zip(labels.tolist(), behind, strict=True)
    }


def _rank(board: Board) -> None:
    """Rank the competitors by family and overall, and sort the rows.

    A metric without a value of any competitor is a tie: were it left out, the competitor with its last
    value could gain by losing it.  A family of such metrics only has no ranks.
    """
    competitors = board.competitors
    means: dict[str, NDArray[np.float64]] = {}
    for family in dict.fromkeys(metric.family for metric in board.metrics.values()):
        ranked = [k for k, m in board.metrics.items() if m.family == family and m.ranked]
        scores = [[row.scores[label] for label in ranked] for row in competitors]
        if any(score.status == "ok" for of_row in scores for score in of_row):
            means[family] = np.mean([[score.rank or 1 for score in row] for row in scores], axis=1)
    counted = [mean for family, mean in means.items() if family in OVERALL]
    if counted:
        means["overall"] = np.mean(counted, axis=0)
    places = {family: pairs.order(mean.tolist()) for family, mean in means.items()}
    for place, row in enumerate(competitors):
        row.ranks = {family: ranks[place] for family, ranks in places.items()}
    competitors.sort(key=lambda row: (row.ranks.get("overall", 0), row.label))
    board.rows = [*competitors, *board.references, *board.shown]
