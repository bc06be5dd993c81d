"""Errors of an analysis are one line: what was expected, what was got, what to do."""

import numpy as np
import pytest

from relucid.analyzer.analysis import analyze
from relucid.analyzer.compare import compare_chain
from relucid.analyzer.errors import DataError, ModelError, OptionError, RelucidError
from relucid.analyzer.sites import find_sites

from .small import perceptron, samples


@pytest.mark.parametrize(
    ("labels", "says"),
    [
        (np.zeros(39, dtype=int), "got 39 for"),
        (np.zeros(41, dtype=int), "got 41 for 40 samples"),
        (np.zeros(40), "expected labels with one integer for each sample, got float64"),
        (np.zeros((40, 4), dtype=int), r"got int64 \(40, 4\)"),
        ("nowhere", "labels"),
    ],
)
def test_labels_that_do_not_fit_are_refused(labels: object, says: str) -> None:
    with pytest.raises(DataError, match=says) as refusal:
        analyze(perceptron(), {"x": samples(40)}, labels=labels)
    assert "\n" not in str(refusal.value)


def test_an_output_that_is_not_there() -> None:
    with pytest.raises(OptionError, match=r"expected an output of the model \(y\), got 'nothing'"):
        analyze(perceptron(), samples(4), labels=np.zeros(4, dtype=int), output="nothing")


def test_a_measure_that_needs_labels_asks_for_them() -> None:
    with pytest.raises(OptionError, match="expected labels for the measure 'information'"):
        analyze(perceptron(), samples(4), measures=["information"])


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (
            np.zeros((5, 6), dtype=np.uint8),
            r"expected float32 \(N, 6\) for input 'x', got uint8 \(5, 6\); scale the pixels",
        ),
        (np.zeros((5, 6), dtype=np.int64), r"expected float32 \(N, 6\) for input 'x', got int64 \(5, 6\); convert"),
        (np.zeros((5, 7), dtype=np.float32), r"expected float32 \(N, 6\) for input 'x', got float32 \(5, 7\)"),
        (
            np.zeros((5, 2, 3), dtype=np.float32),
            r"expected float32 \(N, 6\) for input 'x', got float32 \(5, 2, 3\); reshape it",
        ),
        (
            np.zeros(6, dtype=np.float32),
            r"expected float32 \(N, 6\) for input 'x', got float32 \(6,\); for a single sample",
        ),
        (np.zeros((0, 6), dtype=np.float32), "expected at least one sample, got none"),
        ({"a": np.zeros((5, 6)), "b": np.zeros((5, 6))}, r"expected array 'x' for input 'x', got 'a', 'b'"),
        ("missing.npz", "as data, got 'missing.npz'"),
        (iter([]), "expected at least one sample, got none"),
        (object(), "expected a path, an array, a dict"),
    ],
)
def test_data_that_does_not_fit_is_refused_in_one_line(data: object, says: str) -> None:
    with pytest.raises(DataError, match=says) as refusal:
        analyze(perceptron(), data)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"batch": "8"}, "batch to be an integer of at least 1, got '8'"),
        ({"limit": 2.5}, "limit to be an integer of at least 1, got 2.5"),
        ({"seed": -1}, "seed to be an integer of at least 0, got -1"),
        ({"shard": 3}, r"shard \(i, n\) of integers with 0 <= i < n, got 3"),
        ({"shard": (0.5, 2)}, r"shard \(i, n\) of integers with 0 <= i < n, got \(0.5, 2\)"),
        ({"shard": (2, 2)}, "0 <= I < N, got 2/2"),
    ],
)
def test_options_of_another_kind_are_refused_in_one_line(options: dict, says: str) -> None:
    with pytest.raises(OptionError, match=says):
        analyze(perceptron(), samples(3), **options)


def test_a_chain_of_one_text_is_no_chain() -> None:
    with pytest.raises(OptionError, match=r"expected a list of models, got 'net.onnx'"):
        compare_chain("net.onnx", samples(3))


def test_sites_are_found_in_a_loaded_model() -> None:
    with pytest.raises(ModelError, match=r"expected an onnx_ir.Model, got str; relucid.analyzer.model.load"):
        find_sites("net.onnx")


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("missing.onnx", "got no such file: missing.onnx"),
        (b"not a model", "cannot read the model given as bytes"),
        (b"", "got data without a graph"),
        (17, "expected a path, bytes"),
    ],
)
def test_what_is_no_model_is_refused_in_one_line(source: object, says: str) -> None:
    with pytest.raises(ModelError, match=says) as refusal:
        analyze(source, samples(3))
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"measures": ["accuracy"]}, "expected measures among .*, got 'accuracy'"),
        ({"units": "pixel"}, "got 'pixel'"),
        ({"batch": 0}, "expected batch to be an integer of at least 1"),
        ({"limit": -1}, "limit to be an integer of at least 1"),
        ({"capacity": 0}, "capacity to be an integer of at least 1"),
        ({"provider": "abacus"}, "expected provider to be one of cpu, cuda"),
    ],
)
def test_an_option_that_cannot_be_meant_is_refused(options: dict, says: str) -> None:
    with pytest.raises(OptionError, match=says):
        analyze(perceptron(), samples(3), **options)


def test_every_refusal_is_of_one_family() -> None:
    assert all(issubclass(each, RelucidError) for each in (DataError, ModelError, OptionError))
