"""The size of runs with probes: as many samples as fit one value, cut evenly, for a network of any depth."""

import numpy as np
import pytest

from relucid.analyzer.analysis import observe
from relucid.analyzer.model import load
from relucid.analyzer.options import Options
from relucid.analyzer.runtime import stream
from relucid.analyzer.runtime.stream import PROOF

from ..small import model, samples

WIDTH = 6


def deep(layers: int) -> object:
    """A network of so many layers, each as wide as its input."""
    body = " ".join(f"z{k} = MatMul(h{k}, W) h{k + 1} = Relu(z{k})" for k in range(layers))
    text = f"g (float[N, {WIDTH}] h0) => (float[N, {WIDTH}] y) {{ {body} y = Identity(h{layers}) }}"
    return model(text, opset=18, W=samples(WIDTH, WIDTH, seed=3))


def runs(made: object, count: int, **options: object) -> list[int]:
    """Number of samples of each run."""
    taken: list[int] = []
    observe(load(made), samples(count), Options(**options), progress=taken.append)
    return taken


@pytest.fixture
def seven(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let seven samples of one layer be the size of a run."""
    monkeypatch.setattr(stream, "VALUE_BYTES", 7 * 4 * WIDTH)


@pytest.mark.usefixtures("seven")
@pytest.mark.parametrize("count", [4, 10, 11, 17, 18, 100])
def test_what_does_not_fit_one_run_is_cut_evenly(backend: str, count: int) -> None:
    first, *others = runs(deep(2), count)
    assert first <= PROOF
    assert first + sum(others) == count
    assert len(others) == np.ceil((count - first) / 7)
    assert max(others) - min(others) <= 1


@pytest.mark.usefixtures("seven")
@pytest.mark.parametrize("layers", [1, 3, 12])
def test_a_run_takes_no_fewer_samples_of_a_deep_net(backend: str, layers: int) -> None:
    assert max(runs(deep(layers), 200)) == 7


@pytest.mark.usefixtures("seven")
def test_a_batch_that_is_asked_for_is_run_whole(backend: str) -> None:
    assert runs(deep(2), 64, batch=32) == [32, 32]


def test_few_samples_are_one_run(backend: str) -> None:
    assert runs(deep(2), 500) == [PROOF, 500 - PROOF]
