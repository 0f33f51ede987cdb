"""The plans behind each board of a store."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ecgbench.contracts.errors import UsageError, suggest
from ecgbench.results.exchange.provenance import origins

if TYPE_CHECKING:
    from ecgbench.results.store.records import DatasetRecord, PlanRecord
    from ecgbench.results.store.store import Store


class BoardPlan(NamedTuple):
    """A plan, with the dataset of one board.

    Attributes:
        plan: the cells and metrics of a run.
        dataset: the board's; a plan may have several.
        own: whether a run on this store wrote the plan, or a trusted archive brought it.
    """

    plan: PlanRecord
    dataset: DatasetRecord
    own: bool = True


def groups(
    store: Store, *, dataset: str | None = None, study: str | None = None
) -> list[list[BoardPlan]]:
    """Return the plans of each board: our own first, then by size, the fullest first.

    Metrics and rows keep this order.

    Args:
        store: read only.
        dataset: only boards of this dataset.
        study: only boards of studies with this name.
    """
    known = origins(store)
    plans = [(plan, True) for plan in (*store.plans(), *known.trusted_plans)]
    plans += [(plan, False) for plan in known.plans]
    by_board: dict[tuple[str, str, str, str], list[BoardPlan]] = {}
    for plan, own in plans:
        for used in plan.datasets:
            if study in (None, plan.study) and dataset in (None, used.name):
                board = (used.name, plan.study, plan.board_key, used.key)
                by_board.setdefault(board, []).append(BoardPlan(plan, used, own))
    for group in by_board.values():
        group.sort(
            key=lambda member: (
                not member.own,
                -len(member.plan.metrics) - len(member.plan.generators),
            )
        )
    return [group for _, group in sorted(by_board.items())]


def named(store: Store, dataset: str | None, study: str | None) -> list[list[BoardPlan]]:
    """Return the groups of a dataset and a study, both as a user typed them.

    Raises:
        UsageError: there are none; the message suggests the nearest name.
    """
    if chosen := groups(store, dataset=dataset, study=study):
        return chosen
    first_plans = [group[0] for group in groups(store)]
    datasets = {member.dataset.name for member in first_plans}
    if not datasets:
        raise UsageError(
            f"{store.path} holds no results; ecgbench run makes some, --store names another folder"
        )
    if dataset is not None and dataset not in datasets:
        raise UsageError(f"{store.path} has no board of {dataset!r}; {suggest(dataset, datasets)}")
    studies = {
        member.plan.study for member in first_plans if dataset in (None, member.dataset.name)
    }
    wanted = study or ""
    raise UsageError(f"{store.path} has no board of study {wanted!r}; {suggest(wanted, studies)}")
