"""Deviations of arrays: merging, and entries that are not finite."""

import numpy as np
import pytest

from relucid.plugins.psb.evaluation.deviation import Deviation


def test_deviations_merge_in_any_order():
    random = np.random.default_rng(0)
    before, after = random.standard_normal((2, 9, 3))
    whole = Deviation.of(before, after)
    parts = [Deviation.of(before[a:b], after[a:b]) for a, b in ((0, 2), (2, 3), (3, 9))]
    for order in ((0, 1, 2), (2, 0, 1)):
        merged = Deviation()
        for place in order:
            merged = merged.merge(parts[place])
        assert merged.rms == pytest.approx(whole.rms)
        assert (merged.flipped, merged.agreeing, merged.largest) == (whole.flipped, whole.agreeing, whole.largest)


def test_what_is_not_finite_is_left_out():
    found = Deviation.of(np.array([[np.inf, 1.0, 2.0]]), np.array([[0.0, np.nan, 2.5]]))
    assert (found.numbers, found.rms, found.largest) == (1, 0.5, 0.5)
