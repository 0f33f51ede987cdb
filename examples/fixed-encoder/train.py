"""Train the encoder of `frechet-distance-fixed`, and write its weights into the package.

    python examples/fixed-encoder/train.py metrics/embedding/encoder.safetensors

The encoder learns class, person and distortion (`ecgbench.nn.Encoder`) of simulated beats: a cohort of
`ecgsyn` whose seed no board uses.  No patient's data are in it, so its weights carry the licence of this
repository.  The same versions and processor give the same bytes.
"""

import hashlib
import sys
from pathlib import Path

import numpy as np
from safetensors.numpy import save

from ecgbench.datasets.ecgsyn import EcgsynConfig
from ecgbench.datasets.ecgsyn.cohort import load
from ecgbench.nn import Encoder, EncoderConfig

COHORT = EcgsynConfig(patients=300, beats=60, seed=20_000)
SETTINGS = EncoderConfig(steps=4000, batch=128)
SEED = 0


def main(to: Path) -> None:
    """Train, and write the file."""
    encoder = Encoder(load(COHORT, None), SETTINGS, seed=SEED).fit()
    arrays = {
        name: np.ascontiguousarray(array, dtype=np.float32)
        for name, array in encoder.state().items()
        if not name.startswith(("network.to_class", "network.to_person", "network.to_amounts"))
        and not name.endswith("num_batches_tracked")
    }
    arrays |= {
        "mean": encoder.mean.reshape(1).astype(np.float32),
        "deviation": encoder.deviation.reshape(1).astype(np.float32),
    }
    payload = save(arrays)
    to.write_bytes(payload)
    size = sum(array.size for array in arrays.values())
    print(  # noqa: T201 - it is a program
        f"{to}: {size} numbers, {len(payload)} bytes, SHA-256 {hashlib.sha256(payload).hexdigest()}"
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
