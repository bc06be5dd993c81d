"""One array in a file, for a model with one input."""

import numpy as np
import pytest

from relucid.analyzer.data import open_data
from relucid.analyzer.errors import DataError


@pytest.mark.parametrize("order", ["C", "F"])
def test_the_array_is_read_in_slices(tmp_path, images, whole, order, monkeypatch):
    monkeypatch.setattr("relucid.analyzer.data.validation.SLICE_BYTES", 500)
    array = np.asarray(np.random.default_rng(0).random((30, 1, 4, 5)), order=order)
    np.save(tmp_path / "a.npy", array)
    batches = list(open_data(tmp_path / "a.npy", images))
    assert len(batches) > 5
    np.testing.assert_array_equal(whole(batches, images)["x"], array.astype("f4"))


def test_refusals(tmp_path, images, speech):
    np.save(tmp_path / "a.npy", np.zeros((3, 1, 4, 5), "f4"))
    np.save(tmp_path / "object.npy", np.array([None]), allow_pickle=True)
    (tmp_path / "short.npy").write_bytes((tmp_path / "a.npy").read_bytes()[:-8])
    (tmp_path / "header.npy").write_bytes((tmp_path / "a.npy").read_bytes()[:40])
    for name, specs, options, message in [
        ("a.npy", speech, {}, r"expected arrays for 3 inputs \('input', 'state', 'sr'\), got one array without a name"),
        ("a.npy", images, {"columns": {"x": "k"}}, "expected no choice of arrays, as they have no names, got 'k'"),
        ("a.npy", images, {"labels": "y"}, "expected no choice of arrays, as they have no names, got 'y'"),
        ("object.npy", images, {}, "got Python objects, which are never read"),
        ("short.npy", images, {}, "expected 240 bytes of values .*, got 232; the file is damaged"),
        ("header.npy", images, {}, "expected the .npy format, got other bytes"),
    ]:
        with pytest.raises(DataError, match=message):
            list(open_data(tmp_path / name, specs, **options))
