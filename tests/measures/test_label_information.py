"""Entropies with labels against scikit-learn and scipy."""

import numpy as np
import pytest
from scipy.stats import entropy
from sklearn.metrics import mutual_info_score

from relucid.analyzer.measures.label_information import information
from relucid.analyzer.stats import Block, LabelledPatterns, Patterns, merge_all
from relucid.analyzer.values.estimate import Estimate


def block_of(samples: int, units: int) -> Block:
    random = np.random.default_rng(3)
    labels = random.integers(0, 4, samples)
    z = random.standard_normal((samples, 3, units)) + np.eye(4, units)[labels][:, None] * 2
    return Block(z, labels=labels)


def expected(block: Block) -> dict[str, float]:
    patterns = [row.tobytes().hex() for row in (block.z > 0).reshape(-1, block.z.shape[2])]
    classes = np.repeat(block.labels, block.z.shape[1])
    pairs = [f"{name} {label}" for name, label in zip(patterns, classes, strict=True)]
    H_L, H_AL = (entropy(np.unique(each, return_counts=True)[1], base=2) for each in (classes, pairs))
    return {
        "label_entropy": H_L,
        "joint_entropy": H_AL,
        "conditional_entropy": H_AL - H_L,
        "mutual_information": mutual_info_score(patterns, classes) / np.log(2),
    }


def test_exact_values_equal_scikit_learn() -> None:
    block = block_of(300, 5)
    values = information(Patterns.of(block), LabelledPatterns.of(block))
    assert values == {name: pytest.approx(value) for name, value in expected(block).items()}


def test_past_the_capacity_they_are_estimates_within_three_errors() -> None:
    block = block_of(4000, 16)
    parts = [
        Block(z, labels=labels)
        for z, labels in zip(*(np.array_split(x, 10) for x in (block.z, block.labels)), strict=True)
    ]
    values = information(
        merge_all(Patterns.of(part, capacity=1000) for part in parts),
        merge_all(LabelledPatterns.of(part, capacity=1000) for part in parts),
    )
    exact = expected(block)
    assert values.pop("label_entropy") == pytest.approx(exact["label_entropy"])
    for name, value in values.items():
        assert isinstance(value, Estimate)
        assert abs(value.value - exact[name]) <= 3 * value.error


def test_one_class_tells_nothing() -> None:
    block = Block(np.random.default_rng(0).standard_normal((50, 1, 3)), labels=np.zeros(50, dtype=np.int64))
    values = information(Patterns.of(block), LabelledPatterns.of(block))
    assert values["label_entropy"] == values["mutual_information"] == 0
    assert values["joint_entropy"] == values["conditional_entropy"] == pytest.approx(expected(block)["joint_entropy"])
