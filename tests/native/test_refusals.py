"""A wrong use of an operator raises one clear error and never crashes: each kind of it, and fuzzed.

RELUCID_FUZZ=10000 in the environment asks for so many fuzzed cases.
"""

import os
from random import Random
from typing import Any

import numpy as np
import pytest

from .conftest import OUTPUTS
from .slow_twins import DTYPES, arranged, as_type, close, moments, probed, rectified, same

CASES = int(os.environ.get("RELUCID_FUZZ", "400"))
Z = np.ones((3, 4, 5), dtype=np.float32)
USES = [
    (0, 1, 0, 1),
    (0, 1, 0, 0),
    (0, -1, 0, 1),
    (0, 2, 0, 1),
    (1, 0, 0, 1),
    (-1, 1, 0, 1),
    (1, -1, 0, 0),
    (-2, -1, 1, 1),
    (0, 1, 1, 0),
    (2, 2, 0, 1),
    (0, -4, 0, 1),
    (5, 1, 1, 1),
]
"""Sample axis, unit axis, whether every position has its own units, and whether keys or max(h, 0) are requested."""


def refusal(operator: Any, name: str, z: np.ndarray, **attributes: Any) -> str:
    """Return the one-line message with which an operator refuses."""
    with pytest.raises(Exception, match=r"ONNXRuntimeError") as error:
        operator(name, z, **attributes)
    message = str(error.value)
    assert "\n" not in message.strip()
    assert len(message) < 600
    return message


@pytest.mark.parametrize("name", OUTPUTS)
@pytest.mark.parametrize(
    ("z", "attributes", "message"),
    [
        (Z[0, 0, 0], {}, r"sample_axis 0 is not an axis of values of shape ()"),
        (Z[0, 0], {}, r"unit_axis 1 is not an axis of values of shape (5,)"),
        (Z, {"unit_axis": 3}, r"unit_axis 3 is not an axis of values of shape (3, 4, 5)"),
        (Z, {"unit_axis": -4}, r"unit_axis -4 is not an axis"),
        (Z, {"sample_axis": 2**62}, r"sample_axis 4611686018427387904 is not an axis"),
        (
            Z,
            {"unit_axis": 0},
            r"sample_axis and unit_axis are both axis 0 of values of shape (3, 4, 5); they must differ",
        ),
        (Z, {"sample_axis": 1, "unit_axis": -2}, r"sample_axis and unit_axis are both axis 1"),
        (Z[:0], {}, r"values of shape (0, 4, 5) are empty; none of its axes may be"),
        (Z[:, :0], {}, r"values of shape (3, 0, 5) are empty"),
        (Z[:, :, :0], {}, r"values of shape (3, 4, 0) are empty"),
        (Z, {"unit_axis": 1.0}, r"attribute unit_axis must be an int, came a float"),
        (Z, {"threshold": 1}, r"attribute threshold must be a float, came an int"),
    ],
)
def test_each_wrong_use_is_named(operator, name: str, z: np.ndarray, attributes: dict[str, Any], message: str) -> None:
    assert f"relucid.{name}: {message}" in refusal(operator, name, z, **attributes)


@pytest.mark.parametrize("name", OUTPUTS)
@pytest.mark.parametrize("dtype", ["int32", "uint8", "bool"])
def test_an_unexpected_type_is_refused_before_anything_runs(operator, name: str, dtype: str) -> None:
    assert name in refusal(operator, name, Z.astype(dtype))


def test_the_activation_of_a_relu_probe_must_be_named(operator) -> None:
    assert "its first output, h, must be named" in refusal(operator, "ReluProbe", Z, outputs=["", "low"])


def test_after_a_refusal_the_session_goes_on(operator) -> None:
    refusal(operator, "Probe", Z[:0], want_keys=1)
    same(operator("Probe", Z, want_keys=1), probed(arranged(Z, (0, 1))))


def case(random: Random) -> tuple[str, np.ndarray, dict[str, int], bool]:
    """An operator, values, attributes, and whether they fit together."""
    name = random.choice(list(OUTPUTS))
    rank = random.choice([0, 1, 2, 2, 3, 3, 3, 4, 4, 5, 6])
    sizes = [0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, 70]
    shape = tuple(random.choice(sizes[: 15 if rank < 3 else 12 if rank < 4 else 7]) for _ in range(rank))
    if random.random() < 0.9:
        shape = tuple(max(size, 1) for size in shape)
    dtype = random.choice(30 * DTYPES + ["int32", "uint8", "bool"])
    z = as_type(np.random.default_rng(random.getrandbits(32)).normal(size=shape) * 10.0 ** random.randint(-2, 2), dtype)
    sample_axis, unit_axis, every_position, flag = random.choice(USES)
    attributes = {"sample_axis": sample_axis, "unit_axis": unit_axis, "every_position": every_position}
    attributes["rectify" if name == "CoMoment" else "want_keys"] = flag
    fits = dtype in DTYPES and all(-rank <= axis < rank for axis in (sample_axis, unit_axis)) and 0 not in shape
    return name, z, attributes, fits and sample_axis % rank != unit_axis % rank


def test_thousands_of_cases_give_the_numbers_or_one_clear_error(operator) -> None:
    random = Random(CASES)
    kinds = {True: 0, False: 0}
    for _ in range(CASES):
        name, z, attributes, fits = case(random)
        kinds[fits] += 1
        if not fits:
            refusal(operator, name, z, **attributes)
            continue
        axes = attributes["sample_axis"], attributes["unit_axis"]
        tap = arranged(z, axes, every_position=bool(attributes["every_position"]))
        found = operator(name, z, **attributes)
        if name == "CoMoment":
            close(found, moments(tap, rectify=bool(attributes["rectify"])))
            continue
        expected = probed(tap)
        if not attributes["want_keys"]:
            expected["keys"] = expected["keys"][:0]
        same(found, {**expected, "h": rectified(z)} if name == "ReluProbe" else expected)
    assert min(kinds.values()) > CASES // 5
