"""One array in a file, for a model with one input."""

import numpy as np
import pytest

from relucid.analyzer.data import open_data
from relucid.analyzer.errors import DataError


@pytest.mark.parametrize("order", ["C", "F"])
def test_the_array_comes_back_in_slices(tmp_path, images, whole, order, monkeypatch):
    monkeypatch.setattr("relucid.analyzer.data.validation.SLICE_BYTES", 500)
    array = np.asarray(np.random.default_rng(0).random((30, 1, 4, 5)), order=order)
    np.save(tmp_path / "a.npy", array)
    feeds = list(open_data(tmp_path / "a.npy", images))
    assert len(feeds) > 5
    np.testing.assert_array_equal(whole(feeds, images)["x"], array.astype("f4"))


def test_refusals(tmp_path, images, speech):
    np.save(tmp_path / "a.npy", np.zeros((3, 1, 4, 5), "f4"))
    np.save(tmp_path / "object.npy", np.array([None]), allow_pickle=True)
    (tmp_path / "short.npy").write_bytes((tmp_path / "a.npy").read_bytes()[:-8])
    (tmp_path / "header.npy").write_bytes((tmp_path / "a.npy").read_bytes()[:40])
    for name, specs, options, wanted in [
        ("a.npy", speech, {}, r"the model wants 3 inputs \('input', 'state', 'sr'\), came one array without a name"),
        ("a.npy", images, {"columns": {"x": "k"}}, "its arrays have no names, so 'k' cannot be chosen"),
        ("a.npy", images, {"labels": "y"}, "its arrays have no names, so 'y' cannot be chosen"),
        ("object.npy", images, {}, "holds Python objects, which are never read"),
        ("short.npy", images, {}, "damaged: .* wants 240 bytes of values, came 232"),
        ("header.npy", images, {}, "not an array in the .npy format"),
    ]:
        with pytest.raises(DataError, match=wanted):
            list(open_data(tmp_path / name, specs, **options))
