"""The page of an audit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ecgbench.results.render.audit import to_markdown

if TYPE_CHECKING:
    from ecgbench.results.audit.records import AuditRecord
    from tests.results.conftest import Bench


def test_windows_of_two_kinds_have_two_names(bench: Bench) -> None:
    def of(length: int) -> AuditRecord:
        dataset = bench.dataset(settings={"length": length, "beats": length * 3})
        return bench.audited(dataset=dataset, enlarged=["beats"])

    page = to_markdown([of(128), of(200)])
    assert "## mmd, length = 128\n" in page
    assert "| mmd, length = 200 | passes |" in page
    assert "beats" not in page
    assert "## mmd\n" in to_markdown([of(200)])


def test_a_reason_is_shown_and_is_no_markup(bench: Bench) -> None:
    page = to_markdown([bench.audited(verdict="skipped", reason="no <script> | here")])
    assert r"| skipped: no \<script\> \| here |" in page
