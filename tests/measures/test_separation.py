"""The sets and predicates of the separation paper, and that they say what Jumpstart's definitions say."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from relucid.analyzer.measures import jumpstart, separation
from relucid.analyzer.stats import Block, PointTraces, UnitRanges, classify

Z = hnp.arrays(
    np.float64,
    hnp.array_shapes(min_dims=2, max_dims=2, max_side=6),
    elements=st.sampled_from([-1.0, -0.0, 0.0, 2.0]),
)


@given(Z)
def test_upper_and_lower_divide_the_space(z: np.ndarray) -> None:
    assert (separation.upper(z) ^ separation.lower(z)).all()
    assert separation.upper(z).tolist() == [[x > 0 for x in row] for row in z.tolist()]


@given(Z)
def test_every_unit_is_dead_affine_or_separating_as_jumpstart_classifies_it(z: np.ndarray) -> None:
    classes = jumpstart.unit_classes(UnitRanges.of(Block(z[:, None])))
    assert separation.dead_unit(z).tolist() == (classes == "dead").tolist()
    assert separation.affine_unit(z).tolist() == (classes == "linear").tolist()
    assert separation.separating_unit(z).tolist() == (classes == "nonlinear").tolist()


@given(Z)
def test_every_point_is_in_the_zero_set_or_the_affine_component_or_separating(z: np.ndarray) -> None:
    dead, linear = classify(Block(z[:, None]))
    assert separation.zero_set(z).tolist() == dead.tolist()
    assert separation.affine_component(z).tolist() == linear.tolist()
    assert separation.separating_point(z).tolist() == (~dead & ~linear).tolist()


@given(Z, st.integers(1, 4))
def test_a_point_is_dead_in_the_network_if_it_is_in_any_zero_set_the_first_layer_included(
    z: np.ndarray, depth: int
) -> None:
    layers = [np.roll(z, shift, axis=0) for shift in range(depth)]
    dead = np.stack([separation.zero_set(layer) for layer in layers], axis=1)
    fates = PointTraces.of_classes(dead, np.zeros_like(dead), np.arange(len(z)))
    assert int(separation.dead_point(layers).sum()) == fates.dead_somewhere
    assert separation.dead_point(layers[:1]).tolist() == separation.zero_set(z).tolist()
