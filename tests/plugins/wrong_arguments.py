"""Its second hook asks for an unknown argument."""

from typing import Any

from ecgbench import DatasetSpec, MetricSpec, hookimpl


@hookimpl
def ecgbench_datasets() -> list[DatasetSpec]:
    return []


@hookimpl
def ecgbench_metrics(config: Any) -> list[MetricSpec]:
    return []
