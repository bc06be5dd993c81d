"""What each operator has to return, computed by the numpy statistics and by the definitions."""

from types import SimpleNamespace

import ml_dtypes
import numpy as np

from relucid.analyzer.runtime.tap_accumulator import in_axes
from relucid.analyzer.stats import Block, UnitRanges, classify, finite_samples, pattern_keys

DTYPES = ["float32", "float64", "float16", "bfloat16"]
TOLERANCE = 1e-6
"""Of co-moments against the product of the spreads: products are made in float32."""


def as_type(z: np.ndarray, dtype: str) -> np.ndarray:
    """Convert to a type by name; numpy itself has no bfloat16."""
    return np.asarray(z).astype(ml_dtypes.bfloat16 if dtype == "bfloat16" else dtype)


def arranged(z: np.ndarray, axes: tuple[int, int], *, every_position: bool = False, threshold: float = 0) -> np.ndarray:
    """Return a tap as (sample, position, unit), as the numpy statistics read it."""
    site = SimpleNamespace(name="x", sample_axis=axes[0] % z.ndim, unit_axis=axes[1] % z.ndim)
    tap = in_axes(z, site, batch=z.shape[site.sample_axis], every_position=every_position)
    tap = tap if tap.dtype in (np.float32, np.float64) else tap.astype(np.float32)
    return tap - tap.dtype.type(threshold) if threshold else tap


def probed(tap: np.ndarray, *, seed: int = 0) -> dict[str, np.ndarray]:
    """Return the outputs of a probe; those per unit are meaningful only if all values are finite."""
    block = Block(tap)
    seen, (dead, linear) = UnitRanges.of(block), classify(block)
    found = {"low": seen.low, "high": seen.high, "active": seen.active, "dead": dead, "linear": linear}
    keys = pattern_keys(block, seed=seed).reshape(tap.shape[:2])
    return {**found, "finite": finite_samples(block), "keys": keys}


def rectified(z: np.ndarray) -> np.ndarray:
    """max(z, 0) in the type of z, as float32 where numpy has no such type."""
    h = np.maximum(z, z.dtype.type(0))
    return h.astype(np.float32) if z.dtype == ml_dtypes.bfloat16 else h


def moments(tap: np.ndarray, *, rectify: bool) -> tuple[int, np.ndarray, np.ndarray]:
    """Count, mean and co-moments by the definition, in float64, or wider where the values are float64 themselves."""
    rows = (np.maximum(tap, 0) if rectify else tap).reshape(-1, tap.shape[2])
    rows = rows.astype(np.longdouble if tap.dtype == np.float64 else np.float64)
    mean = rows[0] + (rows - rows[0]).mean(axis=0)
    centred = (rows - mean).astype(np.float64)
    return len(rows), mean.astype(np.float64), centred.T @ centred


def same(found: dict[str, np.ndarray], expected: dict[str, np.ndarray]) -> None:
    """Assert that arrays are equal bit by bit, in type and in shape."""
    for name, numbers in expected.items():
        assert found[name].dtype == numbers.dtype, name
        assert found[name].shape == numbers.shape, name
        np.testing.assert_array_equal(found[name], numbers, err_msg=name)


def close(found: dict[str, np.ndarray], expected: tuple[int, np.ndarray, np.ndarray]) -> None:
    """Assert that moments agree within the tolerance; of co-moments the lower triangle is compared."""
    count, mean, m2 = expected
    assert found["count"].shape == ()
    assert found["count"] == count
    lower = np.tril_indices(len(m2))
    assert found["m2"].shape == m2[lower].shape
    spread = np.sqrt(np.diag(m2))
    assert (np.abs(found["m2"] - m2[lower]) <= TOLERANCE * np.outer(spread, spread)[lower]).all()
    assert (np.abs(found["mean"] - mean) <= TOLERANCE * (spread / np.sqrt(count)) + 1e-15 * np.abs(mean)).all()
