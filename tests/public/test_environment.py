"""The place of the user's cache."""

from __future__ import annotations

from pathlib import Path

import pytest

from ecgbench import DataError
from ecgbench.environment import cache_dir


def test_without_any_setting_the_cache_is_the_users(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ECGBENCH_CACHE_DIR", raising=False)
    assert cache_dir().name == "ecgbench"


@pytest.mark.parametrize("release", ["older", "newer"])
def test_a_user_without_a_home_is_told_where_to_put_the_cache(
    monkeypatch: pytest.MonkeyPatch, release: str
) -> None:
    def place(_: str) -> Path:
        if release == "newer":
            raise RuntimeError("could not determine the home directory")
        return Path("~/.cache/ecgbench")

    monkeypatch.delenv("ECGBENCH_CACHE_DIR", raising=False)
    monkeypatch.setattr("platformdirs.user_cache_path", place)
    with pytest.raises(DataError, match=r"has no home folder here.*set ECGBENCH_CACHE_DIR"):
        cache_dir()
