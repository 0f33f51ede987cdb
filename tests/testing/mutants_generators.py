"""Mutants of built-in generators: each breaks one rule of the contract, and names the check that is to see it."""

from __future__ import annotations

import contextlib
import json
import os
import pickle
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, ClassVar

import msgspec
import numpy as np
import torch

from ecgbench import Config, GeneratorSpec
from ecgbench.generators.baselines import ecgbench_generators
from ecgbench.generators.baselines.mixture import PcaGaussian
from ecgbench.generators.vae import ecgbench_generators as vaes
from ecgbench.generators.vae.model import Vae

PCA = next(spec for spec in ecgbench_generators() if spec.name == "pca-gaussian")
[VAE] = vaes()

MUTANTS: list[tuple[str, GeneratorSpec]] = []


def mutant(check: str, base: GeneratorSpec = PCA, **changes: Any) -> Any:
    """Register a spec with changes, or a class as the target of one."""

    def register(target: Any) -> Any:
        MUTANTS.append((check, replace(base, name=f"{base.name}-mutant", target=target, **changes)))
        return target

    return register


# --- specs and settings ---------------------------------------------------------------------------


class Undescribed(Config, frozen=True):
    dimensions: int = 8
    prior: Annotated[float, msgspec.Meta(description="weight")] = 1.0


for _check, _changes in (
    ("spec-complete", {"summary": " "}),
    ("spec-complete", {"summary": "one line\nand another"}),
    ("spec-complete", {"summary": "long " * 40}),
    ("spec-complete", {"citation": ""}),
    ("spec-complete", {"version": 0}),
    ("settings-described", {"config": Undescribed, "smoke": {}}),
    ("settings-described", {"smoke": {"dimension": 4}}),
    ("settings-described", {"search": {"breadth": PCA.search["prior"]}}),
):
    MUTANTS.append((_check, replace(PCA, **_changes)))


def _nested() -> Any:
    class Nested(PcaGaussian):
        pass

    return Nested


MUTANTS += [
    ("importable", replace(PCA, target="ecgbench.generators.baselines.mixture:PcaGausian")),
    ("importable", replace(PCA, target=_nested())),
]


# --- windows --------------------------------------------------------------------------------------


@mutant("fit-and-sample")
class Fails(PcaGaussian):
    def fit(self, train, context):
        raise RuntimeError("no luck")


@mutant("fit-and-sample")
class NotFinite(PcaGaussian):
    def sample(self, labels, context):
        found = super().sample(labels, context)
        found.signals[0, 0, 0] = np.nan
        return found


@mutant("fit-and-sample")
class Float64(PcaGaussian):
    def sample(self, labels, context):
        found = super().sample(labels, context)
        return replace(found, signals=found.signals.astype(np.float64))


@mutant("fit-and-sample")
class TooFew(PcaGaussian):
    def sample(self, labels, context):
        return super().sample(labels[1:], context)


@mutant("fit-and-sample")
class OwnNames(PcaGaussian):
    def sample(self, labels, context):
        return replace(super().sample(labels, context), leads=("lead 0",))


@mutant("labels-in-order")
class Sorted(PcaGaussian):
    def sample(self, labels, context):
        found = super().sample(np.sort(labels), context)
        return replace(found, labels=labels)


@mutant("other-labels")
class FailsOnOne(PcaGaussian):
    def sample(self, labels, context):
        if len(labels) == 1:
            raise IndexError("too few")
        return super().sample(labels, context)


@mutant("millivolts")
class Standardised(PcaGaussian):
    def sample(self, labels, context):
        found = super().sample(labels, context)
        signals = found.signals / found.signals.std(axis=2, keepdims=True)
        return replace(found, signals=signals)


@mutant("millivolts")
class Microvolts(PcaGaussian):
    def sample(self, labels, context):
        found = super().sample(labels, context)
        return replace(found, signals=found.signals * np.float32(1000))


# --- determinism ----------------------------------------------------------------------------------


@mutant("same-seed-same-bytes")
class Unseeded(PcaGaussian):
    def sample(self, labels, context):
        seed = int.from_bytes(os.urandom(4), "little")
        return super().sample(labels, replace(context, seed=seed))


@mutant("same-seed-same-bytes")
class DrawsInFit(PcaGaussian):
    def fit(self, train, context):
        super().fit(train, context)
        self.leading = self.leading * (1 + int.from_bytes(os.urandom(2), "little"))


@mutant("seed-used")
class OneSeed(PcaGaussian):
    def sample(self, labels, context):
        return super().sample(labels, replace(context, seed=0))


@mutant("millivolts")
class Standardises(PcaGaussian):
    def fit(self, train, context):
        signals = (train.signals - train.signals.mean()) / train.signals.std()
        super().fit(replace(train, signals=signals), context)


@mutant("seed-used")
class GoesOn(PcaGaussian):
    def fit(self, train, context):
        super().fit(train, context)
        self.numbers = np.random.default_rng(context.seed)

    def sample(self, labels, context):
        return super().sample(labels, replace(context, seed=int(self.numbers.integers(2**31))))


@mutant("fitted-anew")
class FittedOnce(PcaGaussian):
    kept: ClassVar[dict[int, dict[str, Any]]] = {}

    def fit(self, train, context):
        super().fit(train, context)
        vars(self).update(self.kept.setdefault(len(train.leads), vars(self)))


@mutant("fitted-anew")
class RemembersOthers(PcaGaussian):
    before: float | None = None

    def fit(self, train, context):
        super().fit(train, context)
        own = float(train.signals[:, 0].mean())
        self.shift = (RemembersOthers.before or own) - own
        RemembersOthers.before = own

    def sample(self, labels, context):
        found = super().sample(labels, context)
        return replace(found, signals=found.signals + np.float32(self.shift))


@mutant("train-released")
class KeepsTrain(PcaGaussian):
    def fit(self, train, context):
        super().fit(train, context)
        self.train = train

    def sample(self, labels, context):
        found = super().sample(labels, context)
        shift = self.train.signals[0].mean()
        return replace(found, signals=found.signals + shift)


@mutant("random-state")
class SeedsNumpy(PcaGaussian):
    def fit(self, train, context):
        np.random.seed(0)  # noqa: NPY002 - the fault
        super().fit(train, context)


@mutant("random-state")
class DrawsFromTorch(PcaGaussian):
    def sample(self, labels, context):
        torch.rand(3)
        return super().sample(labels, context)


# --- surroundings ---------------------------------------------------------------------------------


@mutant("process-state")
class Moves(PcaGaussian):
    def fit(self, train, context):
        super().fit(train, context)
        os.chdir("/")


@mutant("process-state")
class SetsVariable(PcaGaussian):
    def fit(self, train, context):
        os.environ["PCA_GAUSSIAN"] = os.environ.get("PCA_GAUSSIAN", "") + "1"
        super().fit(train, context)


@mutant("process-state")
class SetsThreads(PcaGaussian):
    def sample(self, labels, context):
        torch.set_num_threads(torch.get_num_threads() + 1)
        return super().sample(labels, context)


@mutant("process-state")
class HidesWarnings(PcaGaussian):
    def sample(self, labels, context):
        np.seterr(all="ignore")
        return super().sample(labels, context)


@mutant("inputs-untouched")
class Centres(PcaGaussian):
    def fit(self, train, context):
        tensor = torch.from_numpy(train.signals)
        tensor -= tensor.mean()
        super().fit(train, context)


@mutant("inputs-untouched")
class SortsLabels(PcaGaussian):
    def sample(self, labels, context):
        found = super().sample(labels.copy(), context)
        labels.sort()
        return found


@mutant("working-folder")
class LeavesFiles(PcaGaussian):
    def fit(self, train, context):
        super().fit(train, context)
        np.save("best.npy", self.leading)


# --- sizes ----------------------------------------------------------------------------------------


@mutant("several-leads")
class OneLead(PcaGaussian):
    def fit(self, train, context):
        if len(train.leads) > 1:
            raise ValueError("shapes do not fit")
        super().fit(train, context)


@mutant("rare-classes")
class NeedsTwo(PcaGaussian):
    def fit(self, train, context):
        counts = np.bincount(train.labels)
        if (counts == 1).any():
            raise np.linalg.LinAlgError("singular matrix")
        super().fit(train, context)


@mutant("fewest-windows", min_windows=3)
class NeedsFour(PcaGaussian):
    def fit(self, train, context):
        if len(train) < 4:
            raise ValueError("too few windows")
        super().fit(train, context)


# --- long fits ------------------------------------------------------------------------------------


@mutant("stops", base=VAE)
class NeverStops(Vae):
    def fit(self, train, context):
        def log(step, /, **values):
            with contextlib.suppress(BaseException):  # the fault
                context.log(step, **values)

        super().fit(train, replace(context, log=log))


@mutant("resumes", base=VAE)
class ForgetsRandomNumbers(Vae):
    def fit(self, train, context):
        for file in Path(context.checkpoint_dir).glob("*.json"):
            head = json.loads(file.read_bytes())
            head["progress"]["random"] = np.random.default_rng(7).bit_generator.state
            file.write_text(json.dumps(head))
        super().fit(train, context)


@mutant("resumes", base=VAE)
class BeginsAgain(Vae):
    def fit(self, train, context):
        mark = Path(context.checkpoint_dir) / "begun.json"
        for file in Path(context.checkpoint_dir).glob("vae*"):
            file.unlink()
        mark.write_text("{}")
        super().fit(train, context)


class _Kept(PcaGaussian):
    def save(self, folder):
        np.save("mean.npy", self.leading)
        os.replace("mean.npy", folder / "model.safetensors")  # noqa: PTH105 - short

    def load(self, folder):
        self.leading = np.load(folder / "model.safetensors")


@mutant("saves")
class LoadsHalf(_Kept):
    pass


@mutant("saves")
class Pickles(_Kept):
    def save(self, folder):
        (folder / "model.pkl").write_bytes(pickle.dumps(self.__dict__))

    def load(self, folder):
        self.__dict__ = pickle.loads((folder / "model.pkl").read_bytes())


@mutant("parameters")
class HalfParameters(PcaGaussian):
    def fit(self, train, context):
        super().fit(train, context)
        self.parameters /= 2  # type: ignore[assignment]
