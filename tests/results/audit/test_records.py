from __future__ import annotations

from typing import TYPE_CHECKING

from ecgbench.contracts.faults import DOSES
from ecgbench.results.audit.records import audits, verdicts, write_audit

if TYPE_CHECKING:
    from ecgbench.results.store.records import DatasetRecord
    from tests.results.conftest import Bench


def test_an_audit_of_earlier_doses_counts_no_more(bench: Bench) -> None:
    earlier = bench.audited(doses=DOSES - 1, verdict="passes", windows=2000)
    write_audit(bench.store, earlier)
    assert list(audits(bench.store)) == []
    assert verdicts(bench.store, bench.dataset()) == {}
    today = bench.audited(verdict="fails", windows=500)
    assert write_audit(bench.store, today) == today
    assert list(audits(bench.store)) == [today]


def test_the_audit_on_most_windows_stands(bench: Bench) -> None:
    large = bench.audited(verdict="fails", windows=2000)
    assert write_audit(bench.store, large) == large
    assert write_audit(bench.store, bench.audited(windows=400, seeds=[0, 1, 2])) == large
    assert verdicts(bench.store, bench.dataset()) == {bench.metric().key: "fails"}
    equal = bench.audited(windows=2000, seeds=[2, 3])
    assert write_audit(bench.store, equal) == equal
    assert list(audits(bench.store)) == [equal]


def test_a_verdict_is_on_windows_of_one_kind(bench: Bench) -> None:
    def of(length: int, beats: int) -> DatasetRecord:
        return bench.dataset(settings={"length": length, "beats": beats})

    passes = {bench.metric().key: "passes"}
    write_audit(bench.store, bench.audited(dataset=of(128, 650), enlarged=["beats"]))
    assert verdicts(bench.store, of(128, 100)) == passes
    assert verdicts(bench.store, of(200, 650)) == {}
    write_audit(bench.store, bench.audited(dataset=of(200, 650), verdict="fails"))
    assert len(list(audits(bench.store))) == 2
    assert verdicts(bench.store, of(128, 100)) == passes
