"""Pattern matrices rewrite a ReLU network as an affine map (2.11); global patterns and their keys agree."""

from itertools import pairwise

import numpy as np
import pytest

from relucid.analyzer.measures.activation import activation_matrix, global_pattern, pattern, same_cell
from relucid.analyzer.stats import Block, Patterns, global_keys, pattern_keys


def layers(random: np.random.Generator, widths: list[int]) -> list[tuple[np.ndarray, np.ndarray]]:
    return [(random.standard_normal((a, b)), random.standard_normal(b)) for a, b in pairwise(widths)]


def forward(x: np.ndarray, net: list[tuple[np.ndarray, np.ndarray]]) -> tuple[np.ndarray, list[np.ndarray]]:
    """Output of the network and the pre-activations of its hidden layers."""
    taps = []
    for W, b in net[:-1]:
        taps.append(x @ W + b)
        x = np.maximum(taps[-1], 0)
    return x @ net[-1][0] + net[-1][1], taps


def test_the_network_equals_the_product_of_its_layers_and_pattern_matrices() -> None:
    random = np.random.default_rng(0)
    net = layers(random, [3, 7, 5, 2])
    x = random.standard_normal((20, 3))
    output, taps = forward(x, net)
    for sample in range(20):
        V, c = np.eye(3), np.zeros(3)
        for (W, b), z in zip(net, [*taps, None], strict=True):
            A = np.eye(len(b)) if z is None else activation_matrix(z[sample])
            V, c = V @ W @ A, (c @ W + b) @ A
        np.testing.assert_allclose(x[sample] @ V + c, output[sample], atol=1e-12)


def test_zero_is_inactive_and_cells_are_equal_patterns() -> None:
    z = np.array([[0.0, 1.0], [-0.0, 2.0], [1.0, 1.0]])
    assert pattern(z).tolist() == [[False, True], [False, True], [True, True]]
    assert same_cell(z[0], z).tolist() == [True, True, False]


@pytest.mark.parametrize("width", [4, 70])
def test_global_keys_count_the_distinct_global_patterns(width: int) -> None:
    random = np.random.default_rng(1)
    x = random.standard_normal((400, 2))
    _, taps = forward(x, layers(random, [2, width, width, 2]))
    sites = [tap.reshape(400, 2, width // 2) for tap in taps]
    keys = global_keys([pattern_keys(Block(z)).reshape(400, 2) for z in sites])
    _, counts = np.unique(global_pattern(sites), axis=0, return_counts=True)
    state = Patterns.of_keys(keys, units=2 * width)
    assert sorted(state.counts.tolist()) == sorted(counts.tolist())
    assert state.total == 400
