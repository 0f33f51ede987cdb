"""The leaderboard, computed from a store."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache, partial
from typing import TYPE_CHECKING

import msgspec
import numpy as np
from threadpoolctl import threadpool_limits

from ecgbench.results.audit.records import verdicts
from ecgbench.results.board import gather, uncertainty
from ecgbench.results.board.front import front
from ecgbench.results.board.null import alarms, excess
from ecgbench.results.board.table import OVERALL, AgainstNull, Board, BoardScore, Row
from ecgbench.results.board.uncertainty import Resamples, Tests, folds
from ecgbench.results.exchange.provenance import origins
from ecgbench.results.exchange.sound import MAX_PEOPLE
from ecgbench.results.store.track import untracked

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from ecgbench.results.board.catalogue import Catalogue
    from ecgbench.results.board.gather import Ended
    from ecgbench.results.board.uncertainty import Sample
    from ecgbench.results.exchange.provenance import Origins
    from ecgbench.results.store.records import MetricRecord
    from ecgbench.results.store.store import Store
    from ecgbench.results.store.track import Track

WORST = {"ok": 0, "skipped": 1, "todo": 2, "failed": 3}


MAX_NOTES = 20
"""On a board beside its alarms, and of a score: a store may come from anywhere."""

OverSeeds = Callable[[str, tuple[int, ...]], "list[Sample | None]"]
"""Given a metric's label and seeds: what counts of each row."""

OfRow = dict[str, dict[int, "Ended"]]
"""How each metric, by label, ended on each seed."""


def boards(
    store: Store,
    catalogue: Catalogue,
    groups: list[list[gather.Used]] | None = None,
    track: Track = untracked,
) -> list[Board]:
    """Boards of a store, by dataset and study.

    Args:
        store: read only.
        catalogue: of the installed plugins (`ecgbench.harness.planning.facts.facts`).
        groups: the plans of each (`ecgbench.results.board.gather`); None for all.
        track: told how far it is.

    Raises:
        StoreError: a record cannot be read.
    """
    # more threads would wait for each other, and round otherwise on another machine
    with threadpool_limits(1):
        groups = gather.groups(store) if groups is None else groups
        known = origins(store)
        found = [_board(store, catalogue, known, group, track) for group in groups]
    return [board for board in found if board.rows]


def _board(
    store: Store, catalogue: Catalogue, known: Origins, group: list[gather.Used], track: Track
) -> Board:
    board, counted, over_seeds = read(store, catalogue, known, group, track)
    tests = Tests()
    for label, metric in track([*board.metrics.items()], f"{board.dataset.name}: ranks"):
        if metric.ranked:
            of_label = partial(over_seeds, label)
            _rank_by(label, metric, board, counted[label], of_label, tests)
    on_front = front(board.metrics, board.rows, counted, tests)
    _rank(board)
    board.front = [row.label for row in board.competitors if row.label in on_front]
    board.notes = [*notes(board.rows, board.metrics), *board.notes]
    return board


def read(
    store: Store,
    catalogue: Catalogue,
    known: Origins,
    group: list[gather.Used],
    track: Track = untracked,
) -> tuple[Board, dict[str, list[Sample | None]], OverSeeds]:
    """Read a board without ranks and the notes of its rows.

    Returns:
        The board; what counts of each row's value by metric label, which is of a metric with a null its
        excess over the null (`ecgbench.results.board.null.excess`); and what gives the same over some seeds.

    Raises:
        StoreError: a record cannot be read.
    """
    plan, dataset, _ = group[0]
    audited = verdicts(store, dataset)
    metrics = gather.metrics(group, audited, catalogue)
    asked = gather.asked(group, catalogue, known)
    seeds = gather.seeds(asked)
    counting = [each for each in asked if each.counts]
    found = [
        (each, gather.ended(store, each, metrics, seeds, known))
        for each in track(asked, f"{dataset.name}: rows")
    ]
    found = [
        (each, of_row)
        for each, of_row in found
        if each.counts or gather.adds(of_row, each, counting)
    ]
    metrics = gather.with_values(metrics, group, [of_row for _, of_row in found])
    rows = [
        Row(
            generator=each.generator,
            label=each.label,
            counts=each.counts,
            merged=gather.mark(of_row, each),
            left_out=tuple(sorted(set(each.cells) - set(seeds))),
            lacking=tuple(sorted(set(seeds) - set(each.cells))),
            notes=_of_seeds(
                {
                    seed: end.cell.notes
                    for of in of_row.values()
                    for seed, end in of.items()
                    if end.cell is not None
                }
            ),
        )
        for each, of_row in found
    ]
    ended = [of_row for _, of_row in found]
    counted_ended = [of_row for each, of_row in found if each.counts]
    people, ended = _people(counted_ended, ended)
    resamples = Resamples(people)
    counted: dict[str, list[Sample | None]] = {}
    for label, metric in track([*metrics.items()], f"{dataset.name}: metrics"):
        counted[label] = samples = [_sample(of_row[label], resamples) for of_row in ended]
        intervals = uncertainty.intervals(samples)
        for row, of_row, sample, interval in zip(rows, ended, samples, intervals, strict=True):
            row.scores[label] = _summary(of_row[label], sample, interval, metric)
    _set_against_null(metrics, rows, counted)
    board = Board(
        key=plan.board_key,
        dataset=dataset,
        study=plan.study,
        settings=plan.settings,
        metrics=metrics,
        rows=rows,
        seeds=seeds,
        people=len(resamples.people),
        audit={
            label: verdict
            for label, metric in metrics.items()
            if (verdict := audited.get(metric.key))
        },
        notes=[*gather.code_notes(counted_ended), *gather.library_notes(counted_ended)],
    )

    def over_seeds(label: str, chosen: tuple[int, ...]) -> list[Sample | None]:
        """What counts of a metric over some seeds, of rows that have ended well on all of them."""
        metric = metrics[label]
        if metric.needs_both_folds and folds(chosen) < 2:
            return [None] * len(rows)
        samples = [
            _sample({seed: of_row[label][seed] for seed in chosen}, resamples)
            if all(of_row[label][seed].status == "ok" for seed in chosen)
            else None
            for of_row in ended
        ]
        if metric.null is None:
            return samples
        competing = [
            sample if row.competes else None for row, sample in zip(rows, samples, strict=True)
        ]
        return excess(competing, metric.null, metric.better)

    return board, counted, over_seeds


# --- one metric on one row ---------------------------------------------------------------------


def people_of(ended: Iterable[dict[str, dict[int, Ended]]]) -> NDArray[np.int64]:
    """All people who contributed to a value of the board, ascending."""
    # all scores of a split are of the same people
    found: dict[bytes, NDArray[np.int64]] = {}
    for of_row in ended:
        for of_metric in of_row.values():
            for each in of_metric.values():
                if each.score is not None and each.score.contributions is not None:
                    people = each.score.contributions.people
                    found[people.tobytes()] = people
    return np.unique(np.concatenate([*found.values(), np.zeros(0, dtype=np.int64)]))


def _people(counting: list[OfRow], all_rows: list[OfRow]) -> tuple[NDArray[np.int64], list[OfRow]]:
    """The people of a board's resamples, and the rows without contributions of anybody else.

    They are those of the rows that count: with one more person all draws are others, and so are the
    intervals and ranks that rest on them.
    """
    people = people_of(counting)
    if not len(people):
        people = people_of(all_rows)
    if len(people) > MAX_PEOPLE and not len(people_of(counting)):
        people = people[:0]
    known: dict[bytes, bool] = {}

    def kept(end: Ended) -> Ended:
        if end.score is None or end.score.contributions is None:
            return end
        of_score = end.score.contributions.people
        key = of_score.tobytes()
        if key not in known:
            known[key] = bool(np.isin(of_score, people).all())
        if known[key]:
            return end
        score = msgspec.structs.replace(end.score, contributions=None)
        note = (
            "its contributions are of people whom no row has that counts, so there is no interval"
        )
        return msgspec.structs.replace(end, score=score, notes=(*end.notes, note))

    return people, [
        {label: {seed: kept(end) for seed, end in of.items()} for label, of in of_row.items()}
        for of_row in all_rows
    ]


def _sample(of_seed: dict[int, Ended], resamples: Resamples) -> Sample | None:
    """What is known of the value and its error; None without a value."""
    scores = {seed: ended.score for seed, ended in of_seed.items() if ended.score is not None}
    if not scores:
        return None
    values = {seed: score.value for seed, score in scores.items()}
    known = {seed: score.contributions for seed, score in scores.items() if score.contributions}
    return uncertainty.sample(values, known, resamples)


def _summary(
    of_seed: dict[int, Ended],
    sample: Sample | None,
    interval: tuple[float, float] | None,
    metric: MetricRecord,
) -> BoardScore:
    status = max((ended.status for ended in of_seed.values()), key=WORST.__getitem__)
    reason = "" if status == "ok" else _reason(of_seed, status)
    notes = {seed: ended.notes for seed, ended in of_seed.items()}
    if sample is None:
        return BoardScore(status=status, reason=reason, notes=_of_seeds(notes))
    if metric.needs_both_folds and folds(sample.seeds) < 2:
        return BoardScore(
            status="skipped",
            reason="it needs both folds: seeds 0 and 1, or more",
            notes=_of_seeds(notes),
        )
    least, most = (-np.inf if metric.bounds[0] is None else metric.bounds[0]), metric.bounds[1]
    low, high = interval or (None, None)
    n = [ended.score.n for ended in of_seed.values() if ended.score is not None]
    p, why_none = _p_of_people(of_seed) if metric.needs_both_folds else (None, {})
    return BoardScore(
        status=status,
        value=sample.value,
        low=None if low is None else max(low, least),
        high=None if high is None else min(high, np.inf if most is None else most),
        spread=sample.spread,
        p=p,
        n=n[0],
        seeds=sample.seeds,
        reason=reason,
        notes=_of_seeds({seed: (*notes[seed], *why_none.get(seed, ())) for seed in notes}),
    )


def _p_of_people(of_seed: dict[int, Ended]) -> tuple[float | None, dict[int, tuple[str, ...]]]:
    """How likely members would be so much nearer than unseen people, if nobody had been learnt.

    Returns:
        p, and by seed why there is none.
    """
    scores = {
        seed: ended.score.contributions
        for seed, ended in of_seed.items()
        if ended.score is not None and ended.score.contributions is not None
    }
    why_none: dict[int, tuple[str, ...]] = {
        seed: (f"p needs {uncertainty.FLIPPED_TERMS} terms of each person's, it has {terms}",)
        for seed, found in scores.items()
        if (terms := len(found.coefficients)) < uncertainty.FLIPPED_TERMS
    }
    return None if why_none else uncertainty.role_flips(scores), why_none


def _reason(of_seed: dict[int, Ended], status: str) -> str:
    """Why seeds have this status: the reason, and which seeds it is of where it is not all."""
    seeds: dict[str, list[int]] = {}
    for seed, ended in of_seed.items():
        if ended.status == status:
            seeds.setdefault(ended.reason, []).append(seed)
    if [*seeds.values()] == [[*of_seed]]:
        return next(iter(seeds))
    return "; ".join(f"{seed_list(of)}: {reason}" for reason, of in seeds.items())


def seed_list(seeds: Iterable[int]) -> str:
    """Seeds in words.

    >>> seed_list([3]), seed_list([0, 1]), seed_list([0, 1, 2, 3, 5])
    ('seed 3', 'seeds 0, 1', 'seeds 0–3, 5')
    """
    runs: list[list[int]] = []
    for seed in sorted(seeds):
        if runs and seed == runs[-1][-1] + 1:
            runs[-1].append(seed)
        else:
            runs.append([seed])
    parts = [
        part
        for run in runs
        for part in ([f"{run[0]}–{run[-1]}"] if len(run) > 2 else map(str, run))
    ]
    return f"{'seed' if sum(map(len, runs)) == 1 else 'seeds'} {', '.join(parts)}"


# --- the null and the notes ---------------------------------------------------------------------


def _set_against_null(
    metrics: Mapping[str, MetricRecord],
    rows: Sequence[Row],
    samples: dict[str, list[Sample | None]],
) -> None:
    """Put in place of each value what counts of it, where its metric has a null.

    Competitors are corrected for each other alone, and so are reference rows, and rows that do not count.
    Only competitors raise alarms: an alarm asks where windows come from, which of a reference row is known
    and of what nobody verified is the first question anyway.
    """
    nulls = {label: (m.null, m.better) for label, m in metrics.items() if m.null is not None}
    competing = [place for place, row in enumerate(rows) if row.competes]
    references = [place for place, row in enumerate(rows) if row.counts and not row.competes]
    shown = [place for place, row in enumerate(rows) if not row.counts]
    raised = alarms(
        {
            (rows[place].label, label): sample
            for label in nulls
            for place in competing
            if (sample := samples[label][place]) and rows[place].scores[label].value is not None
        },
        nulls,
        sum(any(_counts(rows[place].scores[label]) for label in nulls) for place in competing),
    )
    for label, (null, better) in nulls.items():
        for of_kind in (competing, references, shown):
            places = [p for p in of_kind if rows[p].scores[label].status != "todo"]
            ok = [
                samples[label][place] if rows[place].scores[label].status == "ok" else None
                for place in places
            ]
            for place, before, after in zip(places, ok, excess(ok, null, better), strict=True):
                row = rows[place]
                against: AgainstNull | None = None
                if after is not None:
                    samples[label][place] = after
                    against = "worse" if after is before else "equal"
                row.scores[label] = replace(row.scores[label], against_null=against)
        for place in competing:
            row = rows[place]
            if (row.label, label) in raised:
                row.scores[label] = replace(row.scores[label], against_null="better")


def _counts(score: BoardScore) -> bool:
    """Whether a score is one of those for which alarms are corrected: a try that was given up is not."""
    return score.status != "todo" or score.value is not None


def notes(rows: Iterable[Row], metrics: Mapping[str, MetricRecord]) -> list[str]:
    """Sentences that a reader of these rows must know: alarms, and what cells and scores say.

    Text of plugins and stores in them is as it came.
    """
    rows = list(rows)
    said = [f"{row.label} {note}" for row in rows for note in row.notes]
    said += [
        f"{row.label}, {label} {note}"
        for row in rows
        for label, score in row.scores.items()
        for note in score.notes
    ]
    return [*filter(None, (_alarm(row, metrics) for row in rows)), *_bounded(said)]


def _alarm(row: Row, metrics: Mapping[str, MetricRecord]) -> str:
    """What to ask of a row that is better than nothing learnt; empty for nothing."""
    better = [
        f"{label} {score.value:.3g} (null {metrics[label].null:.3g})"
        for label, score in row.scores.items()
        if score.against_null == "better"
    ]
    return (
        ""
        if not better
        else (
            f"{row.label}: {', '.join(better)}: significantly better than the null. These windows are "
            "nearer to windows outside train than chance allows: were they drawn from train alone?"
        )
    )


def _of_seeds(notes: Mapping[int, Iterable[str]]) -> tuple[str, ...]:
    """Notes of seeds as sentences, each once, behind the seeds that it is of."""
    seeds: dict[str, list[int]] = {}
    for seed, of_seed in notes.items():
        for note in dict.fromkeys(of_seed):
            seeds.setdefault(note, []).append(seed)
    return tuple(_bounded([f"({seed_list(of)}): {note}" for note, of in seeds.items()]))


def _bounded(notes: list[str]) -> list[str]:
    more = len(notes) - MAX_NOTES
    return notes if more <= 0 else [*notes[:MAX_NOTES], f"{more} more notes are in the store"]


# --- ranks -------------------------------------------------------------------------------------


def _rank_by(
    label: str,
    metric: MetricRecord,
    board: Board,
    samples: list[Sample | None],
    over_seeds: Callable[[tuple[int, ...]], list[Sample | None]],
    tests: Tests,
) -> None:
    """Rank the competitors by one metric; with a score that is not ok, one is as good as absent.

    A row of which nobody asked some of the board's seeds is ranked by those that it has. A score that is
    still to do is behind as well, but counts for nobody: a try that was given up must not change the ranks
    of others.
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
        found = over_seeds(seeds)
        return [found[place] for place in places]

    samples_of = {place: counting(place) for place in competing}
    places = [p for p in competing if samples_of[p] or rows[p].scores[label].status != "todo"]
    ranked = [samples_of[place] for place in places]
    if not any(ranked):
        return
    behind = 1 + sum(sample is not None for sample in ranked)
    found = uncertainty.ranks(ranked, metric.better, among, tests)
    ranks = dict(zip(places, found, strict=True))
    for place in competing:
        score = rows[place].scores[label]
        rows[place].scores[label] = replace(score, rank=ranks.get(place, behind))


def _rank(board: Board) -> None:
    """Rank the competitors by family and overall, and sort the rows.

    A metric that no competitor has a value of is a tie: were it left out, whoever lost its last value
    could gain by that.  A family of such metrics only has no ranks.
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
    places = {family: uncertainty.order(mean.tolist()) for family, mean in means.items()}
    for place, row in enumerate(competitors):
        row.ranks = {family: ranks[place] for family, ranks in places.items()}
    competitors.sort(key=lambda row: (row.ranks.get("overall", 0), row.label))
    board.rows = [*competitors, *board.references, *board.shown]
