"""Scores of positions and masks, compared with scipy and with their inverses."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage, special, stats

from relucid.plugins.psb.attention import uncertainty

scores = arrays(
    np.float64, st.tuples(st.integers(1, 2), st.integers(1, 3), st.integers(1, 5)), elements=st.floats(-50, 50)
)
masks = arrays(np.bool_, st.tuples(st.integers(1, 2), st.integers(1, 6), st.integers(1, 6)))


@given(scores)
def test_the_entropy_is_that_of_scipy(a):
    np.testing.assert_allclose(uncertainty.entropy(a), stats.entropy(special.softmax(a, axis=-1), axis=-1), atol=1e-9)


@given(scores)
def test_the_authors_score_is_a_cross_entropy_of_unnormed_labels(a):
    np.testing.assert_allclose(
        uncertainty.feature_cross_entropy(a), -(a * special.log_softmax(a, axis=-1)).sum(axis=-1), rtol=1e-9, atol=1e-9
    )


@given(masks)
def test_a_margin_is_a_dilation_of_each_image_by_a_square(mask):
    expected = [ndimage.binary_dilation(image, structure=np.ones((3, 3))) for image in mask]
    assert np.array_equal(uncertainty.dilate(mask), expected)


@given(masks, st.integers(1, 4))
def test_stretching_by_a_whole_number_repeats(mask, k):
    size = (mask.shape[1] * k, mask.shape[2] * k)
    assert np.array_equal(uncertainty.resize_mask(mask, size), mask.repeat(k, axis=1).repeat(k, axis=2))
    assert np.array_equal(uncertainty.resize_mask(uncertainty.resize_mask(mask, size), mask.shape[1:]), mask)


def test_the_threshold_belongs_to_the_image():
    h = np.array([[[0.0, 1.0], [2.0, 3.0]], [[10.0, 10.0], [10.0, 30.0]]])
    assert uncertainty.above_mean(h).tolist() == [[[False, False], [True, True]], [[False, False], [False, True]]]
