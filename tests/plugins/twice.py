"""Claims one name twice."""

from ecgbench import MetricSpec, hookimpl


@hookimpl
def ecgbench_metrics() -> list[MetricSpec]:
    spec = MetricSpec(
        name="level", target="x:y", summary="a twin", family="fidelity", better="lower"
    )
    return [spec, spec]
