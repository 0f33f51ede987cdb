"""Pictures of cells from their records and artefacts: people, ROC, training curves."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

import numpy as np

from ecgbench.contracts.errors import StoreError, UsageError
from ecgbench.results.board.roles import MEMBERS
from ecgbench.results.pictures.curves import Line, curves
from ecgbench.results.pictures.people import Guessed, people
from ecgbench.results.pictures.roc import Curve, roc
from ecgbench.results.store.contributions import contributions
from ecgbench.results.store.records import CURVE, ROC
from ecgbench.results.store.store import content_of, sha256

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from matplotlib.figure import Figure

    from ecgbench.results.board.catalogue import Catalogue
    from ecgbench.results.board.chosen import Choice
    from ecgbench.results.store.records import CellRecord, ScoreRecord
    from ecgbench.results.store.store import Store

PEOPLE = "patient-membership"
"""The metric of `people_picture` without another."""

UNSEEN = "unseen"
"""The term of a metric's contributions with the people who are no members."""

MOST_PANELS, MOST_GENERATORS = 48, 12

PARTS = ("part", "phase")
"""Columns of a training curve that name a part of the model."""


def people_picture(
    store: Store, choice: Choice, catalogue: Catalogue, *, metric: str | None, seed: int | None
) -> Figure:
    """Draw how often an attacker is right about each person.

    Args:
        store: of the cells.
        choice: the rows.
        catalogue: names the terms of the metric's contributions.
        metric: one with members and unseen people among its terms.
        seed: of the cells; None for the mean over all of a row.

    Raises:
        UsageError: no cell has such a score.
    """
    wanted = metric or PEOPLE
    guessed, seeds = [], set()
    for row in choice.rows:
        shares: dict[int, list[float]] = {}
        for number, record in row.cells.items():
            for score in _scores(store, record, wanted) if seed in (None, number) else ():
                seeds.add(number)
                for person, share in _shares(score, catalogue.terms(score.metric)).items():
                    shares.setdefault(person, []).append(share)
        if shares:
            mean = {person: float(np.mean(known)) for person, known in shares.items()}
            guessed.append(Guessed(row.label, mean))
    if not guessed:
        raise UsageError(
            f"no such cell has a score {wanted} with members and unseen people; ecgbench run --metrics "
            f"{wanted} makes one"
        )
    _check_count(len(guessed), "generators", MOST_GENERATORS)
    folds = {number % 2 for number in seeds}
    note = "½ is chance: each person was a member in one fold and unseen in the other."
    if len(folds) < 2:
        note = "One fold only: ½ is not chance for a single person or half."
    title = f"{choice.title}: {wanted}"
    return people(guessed, title=title, note=note)


def _shares(score: ScoreRecord, terms: Sequence[str]) -> dict[int, float]:
    """Return the attacker's share of right guesses by person; none without the terms."""
    if score.contributions is None or score.value is None or not {MEMBERS, UNSEEN} <= set(terms):
        return {}
    known = contributions(score.contributions, score.value)
    if len(known.coefficients) != len(terms):
        return {}
    columns = [terms.index(MEMBERS), terms.index(UNSEEN)]
    sums = known.numerators[:, columns].sum(axis=1)
    counts = known.denominators[:, columns].sum(axis=1)
    return {
        int(person): float(total / count)
        for person, total, count in zip(known.people, sums, counts, strict=True)
        if count > 0
    }


def roc_picture(store: Store, choice: Choice, *, metric: str | None, seed: int) -> Figure:
    """Draw the ROC of each attack with one in the store.

    Raises:
        UsageError: no cell has one.
    """
    attacks: dict[str, list[Curve]] = {}
    for row, record in choice.with_seed(seed):
        for score in _scores(store, record, metric):
            for name, digest in score.artefacts.items():
                if name.endswith(ROC):
                    table = _table(store, record, name, digest)
                    false, true = _numbers(table, "false_positives", "true_positives", name)
                    curve = Curve(row.label, false.astype(np.int64), true.astype(np.int64))
                    attacks.setdefault(score.metric.name, []).append(curve)
    if not attacks:
        wanted = metric or "an attack"
        raise UsageError(
            f"no such cell has the ROC of {wanted}: ecgbench run --metrics membership-inference stores one; "
            "if that metric has a score already, --fresh scores it again"
        )
    _check_count(max(map(len, attacks.values())), "generators", MOST_GENERATORS)
    return roc(
        list(attacks.items()), title=f"{choice.title}, seed {seed}: attacks on training windows"
    )


def curves_picture(store: Store, choice: Choice, *, seed: int | None) -> Figure:
    """Draw what the fits reported.

    Raises:
        UsageError: no cell has a training curve, or there are too many.
    """
    panels: dict[str, list[Line]] = {}
    for row in choice.rows:
        for number, record in row.cells.items():
            if CURVE not in record.artefacts or seed not in (None, number):
                continue
            table = _table(store, record, CURVE, record.artefacts[CURVE])
            for value, lines in _lines(table).items():
                own = panels.setdefault(f"{row.label}: {value}", [])
                own += [Line(f"seed {number}{part}", *line) for part, line in lines.items()]
    if not panels:
        raise UsageError(
            "no such cell has a training curve: its generator reports one step or none"
        )
    _check_count(len(panels), "panels", MOST_PANELS)
    return curves(list(panels.items()), title=f"{choice.title}: training")


def _lines(
    table: Mapping[str, list[str]],
) -> dict[str, dict[str, tuple[np.ndarray, np.ndarray]]]:
    """Return steps and values by name of the value and by part of the model; one report is no curve."""
    steps = table.get("step", [])
    parts = [
        "".join(f", {table[key][row]}" for key in PARTS if key in table)
        for row in range(len(steps))
    ]
    found: dict[str, dict[str, tuple[np.ndarray, np.ndarray]]] = {}
    for name, column in table.items():
        if name in (*PARTS, "step"):
            continue
        for part in dict.fromkeys(parts):
            rows = [
                (float(steps[row]), number)
                for row in range(len(steps))
                if parts[row] == part and (number := _number(column[row])) is not None
            ]
            if len(rows) > 1:
                x, y = np.array(rows).T
                found.setdefault(name, {})[part] = (x, y)
    return found


# --- reading ---------------------------------------------------------------------------------------


def _scores(store: Store, record: CellRecord, metric: str | None) -> Iterator[ScoreRecord]:
    for score in store.scores(record.cell.name):
        if score.status == "ok" and metric in (None, score.metric.name):
            yield score


def _table(store: Store, record: CellRecord, name: str, digest: str) -> dict[str, list[str]]:
    """Return the columns of a CSV among the artefacts, by name.

    Raises:
        StoreError: it is not there, or not as it was written.
    """
    file = store.folder(record.cell.name) / "artefacts" / name
    content = content_of(file)
    if content is None or sha256(content) != digest:
        raise StoreError(f"{file} is damaged or missing; ecgbench run --verify makes it again")
    rows = list(csv.reader(io.StringIO(content.decode("utf-8", "replace"))))
    rows = [row for row in rows if len(row) == len(rows[0])]
    return {head: [row[k] for row in rows[1:]] for k, head in enumerate(rows[0])} if rows else {}


def _numbers(
    table: Mapping[str, list[str]], first: str, second: str, name: str
) -> tuple[np.ndarray, np.ndarray]:
    """Return two columns of counts, checked: a stranger may have written them."""
    rows = list(zip(table.get(first, []), table.get(second, []), strict=False))
    pairs = [(_number(x), _number(y)) for x, y in rows]
    known = np.array([pair for pair in pairs if None not in pair], dtype=np.float64).reshape(-1, 2)
    rising = len(known) > 1 and (np.diff(known, axis=0) >= 0).all()
    if not (rising and known[0].min() >= 0 and known[-1].min() > 0 and known[-1].max() < 1e12):
        raise StoreError(f"{name} is no ROC")
    return known[:, 0], known[:, 1]


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if np.isfinite(value) else None


def _check_count(count: int, what: str, most: int) -> None:
    if count > most:
        raise UsageError(
            f"{count} {what} are too many for one picture, {most} at most; --generators names some"
        )
