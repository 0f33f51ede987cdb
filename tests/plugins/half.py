"""One hook raises, another is fine."""

from ecgbench import GeneratorSpec, MetricSpec, hookimpl


@hookimpl
def ecgbench_generators() -> list[GeneratorSpec]:
    raise RuntimeError("no licence\nfound")


@hookimpl
def ecgbench_metrics() -> list[MetricSpec]:
    return [
        MetricSpec(
            name="half",
            target="a_library_that_is_not_there:score",
            summary="listed although its code cannot be imported",
            family="fidelity",
            better="lower",
        )
    ]
