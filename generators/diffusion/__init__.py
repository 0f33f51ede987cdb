"""Diffusion and flow matching: `flow-matching`, `ddpm`, `fourier-diffusion` and `sssd-ecg`.

What they share is in ``model.py`` (fit and sampling) and ``networks.py``; the settings are in
``settings.py``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ecgbench import Between, GeneratorSpec, OneOf, hookimpl
from ecgbench.generators.diffusion.settings import (
    DdpmConfig,
    FlowMatchingConfig,
    FourierDiffusionConfig,
    SssdEcgConfig,
)

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
            search={
                "learning_rate": Between(1e-4, 3e-3, log=True),
                "dimensions": Between(32, 192, log=True),
                "bands": Between(1, 16, log=True),
                "clusters": Between(1, 256, log=True),
                "source": OneOf(("gaussian", "mixture")),
                "time": OneOf(("own", "rr")),
            },
            smoke={
                "iterations": 50,
                "batch": 64,
                "width": 64,
                "blocks": 2,
                "dimensions": 16,
                "clusters": 4,
            },
        ),
        GeneratorSpec(
            name="ddpm",
            target="ecgbench.generators.diffusion.ddpm:Ddpm",
            config=DdpmConfig,
            summary="denoising diffusion by a transformer on patches (reduced: .8 M weights, DiT-S 33 M)",
            citation=(
                "Karras, Aittala, Aila, Laine, Elucidating the design space of diffusion-based "
                "generative models, NeurIPS 2022, https://arxiv.org/abs/2206.00364; Peebles, Xie, "
                "Scalable diffusion models with transformers, ICCV 2023, "
                "doi:10.1109/ICCV51070.2023.00387"
            ),
            conditional=True,
            search={
                "learning_rate": Between(1e-4, 3e-3, log=True),
                "width": Between(48, 192, log=True),
                "blocks": Between(2, 6),
                "p_mean": Between(-2.0, 0.0),
            },
            smoke={"iterations": 30, "batch": 16, "width": 32, "blocks": 2, "steps": 4},
        ),
        GeneratorSpec(
            name="fourier-diffusion",
            target="ecgbench.generators.diffusion.fourier:FourierDiffusion",
            config=FourierDiffusionConfig,
            summary="diffusion of Fourier coefficients by a dense network (reduced: width 256, paper 1,024)",
            citation=(
                "Crabbé, Huynh, Stanczuk, van der Schaar, Time series diffusion in the frequency domain, "
                "ICML 2024, https://proceedings.mlr.press/v235/crabbe24a.html"
            ),
            conditional=True,
            search={"learning_rate": Between(1e-4, 3e-3, log=True), "beta_max": Between(5.0, 30.0)},
            smoke={"iterations": 50, "batch": 64, "width": 64, "blocks": 2, "steps": 10},
        ),
        GeneratorSpec(
            name="sssd-ecg",
            target="ecgbench.generators.diffusion.sssd:SssdEcg",
            config=SssdEcgConfig,
            summary="diffusion by state space layers (reduced: 2 layers of 24 channels, paper 36 of 256)",
            citation=(
                "Alcaraz, Strodthoff, Diffusion-based conditional ECG generation with structured state "
                "space models, Comput Biol Med 163:107115, 2023, doi:10.1016/j.compbiomed.2023.107115"
            ),
            conditional=True,
            search={
                "learning_rate": Between(1e-4, 1e-2, log=True),
                "channels": Between(12, 48, log=True),
            },
            smoke={
                "iterations": 5,
                "batch": 8,
                "channels": 8,
                "layers": 1,
                "states": 4,
                "steps": 2,
            },
        ),
    ]
