"""The page of an audit."""

from __future__ import annotations

from typing import Any

from ecgbench.results.audit import AuditRecord
from ecgbench.results.records import DatasetRecord, MetricRecord
from ecgbench.results.render.audit import to_markdown


def audited(length: int, **fields: Any) -> AuditRecord:
    given: dict[str, Any] = {
        "dataset": DatasetRecord(
            name="d",
            version=1,
            settings={"length": length, "beats": length * 3},
            origin="x 1",
            digest="0123456789",
        ),
        "enlarged": ["beats"],
        "metric": MetricRecord(
            name="mmd",
            version=1,
            settings={},
            origin="x 1",
            family="fidelity",
            better="lower",
            bounds=(None, None),
            ideal=None,
            ranked=True,
        ),
        "seeds": [0, 1],
        "seeds_at_0": [0, 1, 2, 3],
        "windows": 500,
        "series": [],
        "verdict": "passes",
        "blind": [],
        "reversed": [],
        "seconds": 1.0,
    }
    return AuditRecord(**given | fields)


def test_windows_of_two_kinds_have_two_names() -> None:
    page = to_markdown([audited(128), audited(200)])
    assert "## mmd, length = 128\n" in page
    assert "| mmd, length = 200 | passes |" in page
    assert "beats" not in page
    assert "## mmd\n" in to_markdown([audited(200)])


def test_a_reason_is_shown_and_is_no_markup() -> None:
    page = to_markdown([audited(200, verdict="skipped", reason="no <script> | here")])
    assert r"| skipped: no \<script\> \| here |" in page
