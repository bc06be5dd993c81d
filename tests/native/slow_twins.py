"""What each operator has to give, by the numpy statistics and by the definitions."""

from types import SimpleNamespace

import ml_dtypes
import numpy as np

from relucid.analyzer.runtime.tap_axes import in_axes
from relucid.analyzer.stats import Block, UnitRanges, classify, finite_samples, pattern_keys

DTYPES = ["float32", "float64", "float16", "bfloat16"]
TOLERANCE = 1e-6
"""Of co-moments against the product of the spreads: products are made in float32."""


def as_type(z: np.ndarray, dtype: str) -> np.ndarray:
    """Numbers in a type by name; numpy itself knows no bfloat16."""
    return np.asarray(z).astype(ml_dtypes.bfloat16 if dtype == "bfloat16" else dtype)


def arranged(z: np.ndarray, axes: tuple[int, int], *, every_position: bool = False, threshold: float = 0) -> np.ndarray:
    """What the numpy statistics see of a tap (sample, position, unit)."""
    site = SimpleNamespace(name="x", sample_axis=axes[0] % z.ndim, unit_axis=axes[1] % z.ndim)
    tap = in_axes(z, site, batch=z.shape[site.sample_axis], every_position=every_position)
    tap = tap if tap.dtype in (np.float32, np.float64) else tap.astype(np.float32)
    return tap - tap.dtype.type(threshold) if threshold else tap


def probed(tap: np.ndarray, *, seed: int = 0) -> dict[str, np.ndarray]:
    """The numbers of a probe; those of units hold only where all is finite."""
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


def same(found: dict[str, np.ndarray], wanted: dict[str, np.ndarray]) -> None:
    """Equal to the last bit, in type and in shape."""
    for name, numbers in wanted.items():
        assert found[name].dtype == numbers.dtype, name
        assert found[name].shape == numbers.shape, name
        np.testing.assert_array_equal(found[name], numbers, err_msg=name)


def close(found: dict[str, np.ndarray], wanted: tuple[int, np.ndarray, np.ndarray]) -> None:
    """Moments within the tolerance, of co-moments what lies on and under the diagonal."""
    count, mean, m2 = wanted
    assert found["count"].shape == ()
    assert found["count"] == count
    told = np.tril_indices(len(m2))
    assert found["m2"].shape == m2[told].shape
    spread = np.sqrt(np.diag(m2))
    assert (np.abs(found["m2"] - m2[told]) <= TOLERANCE * np.outer(spread, spread)[told]).all()
    assert (np.abs(found["mean"] - mean) <= TOLERANCE * (spread / np.sqrt(count)) + 1e-15 * np.abs(mean)).all()
