"""The benchmarked networks, with the size and number of their batches, and their inputs."""

import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from images import smooth
from numpy.typing import NDArray

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Net:
    """A benchmarked network.

    Args:
        title: title in the tables.
        shape: shape of one sample.
        batch: samples in a run of plain onnxruntime.
        batches: number of batches.
        vocabulary: number of different tokens, if samples are sequences of tokens.
    """

    title: str
    shape: tuple[int, ...]
    batch: int
    batches: int
    vocabulary: int | None = None

    def inputs(self, seed: int, *, samples: int | None = None) -> NDArray[Any]:
        """Generate one batch, or another number of samples: smooth images, or random tokens."""
        count = samples or self.batch
        if self.vocabulary is None:
            return smooth(count, self.shape, seed=seed)
        return np.random.default_rng(seed).integers(0, self.vocabulary, (count, *self.shape))


NETS = {
    "resnet18": Net("ResNet-18, 224 x 224, batch 8", (3, 224, 224), 8, 32),
    "resnet20": Net("ResNet-20, 32 x 32, batch 128", (3, 32, 32), 128, 32),
    "mlp": Net("MLP 784-5x512-10, batch 1024", (784,), 1024, 64),
    "transformer": Net("transformer, 6 layers, GELU, 8 x 128 tokens", (128,), 8, 32, vocabulary=1000),
}


@contextmanager
def export_nets(names: Sequence[str]) -> Iterator[dict[str, Path]]:
    """Export networks to a temporary folder and yield their paths by name."""
    with tempfile.TemporaryDirectory() as folder:
        paths = {name: Path(folder) / f"{name}.onnx" for name in names}
        for name, path in paths.items():
            command = [sys.executable, str(HERE / "nets.py"), name, str(path)]
            subprocess.run(command, check=True, capture_output=True)
        yield paths
