"""Diffusion and flow matching."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ecgbench import GeneratorSpec, hookimpl
from ecgbench.generators.diffusion.settings import FlowMatchingConfig

if TYPE_CHECKING:
    from collections.abc import Iterable


@hookimpl
def ecgbench_generators() -> Iterable[GeneratorSpec]:
    """The models of this folder."""
    return [
        GeneratorSpec(
            name="flow-matching",
            target="ecgbench.generators.diffusion.flow_matching:FlowMatching",
            config=FlowMatchingConfig,
            summary="a flow from Gaussians to the principal components of windows, and coloured noise",
            citation=(
                "Lipman, Chen, Ben-Hamu, Nickel, Le, Flow matching for generative modeling, ICLR 2023, "
                "https://openreview.net/forum?id=PqvMRDCJT9t; on ECG: FlowECG, arXiv:2509.10491"
            ),
            conditional=True,
            smoke={"iterations": 100, "batch": 64, "width": 64, "blocks": 2, "dimensions": 16},
        )
    ]
