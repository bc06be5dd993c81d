"""The law of every site: run the model, and the activation is the named function of the pre-activation."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import expit, ndtr

from relucid.analyzer.model import Model
from relucid.analyzer.passes.expose_values import InstrumentPass
from relucid.analyzer.runtime.session import open_session
from relucid.analyzer.sites import Site

Array = NDArray[np.float64]


def _leaks(z: Array, h: Array) -> bool:
    below = z < 0
    return np.allclose(h[~below], z[~below]) and bool((np.abs(h[below]) < np.abs(z[below])).all())


def _relu(z: Array, h: Array) -> bool:
    return np.allclose(h, np.maximum(z, 0))


def _same_sign(z: Array, h: Array) -> bool:
    return bool((np.sign(h) == np.sign(z)).all())


def _is(function: Callable[[Array], Array]) -> Callable[[Array, Array], bool]:
    return lambda z, h: np.allclose(h, function(z), atol=2e-3)


LAWS: dict[str, Callable[[Array, Array], bool]] = {
    **dict.fromkeys(("relu", "max", "where", "mask"), _relu),
    **dict.fromkeys(("leaky_relu", "prelu"), _leaks),
    **dict.fromkeys(("elu", "celu", "selu"), _same_sign),
    "clip": lambda z, h: np.allclose(h, np.clip(z, 0, h.max())),
    "hard_swish": _is(lambda z: z * np.clip(z + 3, 0, 6) / 6),
    "hard_sigmoid": lambda z, h: bool(((h > 0.5) == (z > 0)).all()),
    "gelu": _is(lambda z: z * ndtr(z)),
    "quick_gelu": _is(lambda z: z * expit(1.702 * z)),
    "silu": _is(lambda z: z * expit(z)),
    "mish": _is(lambda z: z * np.tanh(np.logaddexp(0, z))),
    "softplus": _is(lambda z: np.logaddexp(0, z)),
}


@pytest.fixture(scope="session")
def obeys() -> Callable[[Model, tuple[Site, ...], NDArray], None]:
    """Checks every site of a model with one input on what flows through it; the model is instrumented."""

    def check(model: Model, sites: tuple[Site, ...], x: NDArray) -> None:
        names = {name for site in sites for name in (site.value, site.activation)}
        tapping = InstrumentPass(sorted(names))
        tapping(model.ir)
        session = open_session(model, exact=True)
        found = session.run(list(tapping.tapped.values()), {session.inputs()[0][0]: x})
        arrays = {name: found[out].astype(np.float64) for name, out in tapping.tapped.items()}
        for site in sites:
            z, h = arrays[site.value], arrays[site.activation]
            if site.kind == "thresholded_relu":
                assert np.allclose(h, z * (z > site.threshold)), site
            else:
                assert LAWS[site.kind](z, h), site

    return check
