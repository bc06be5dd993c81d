"""MOONS as in the published runs: 100 noise-free points on two half circles, 85 for training and 15 for validation."""

import numpy as np

from ...analyzer.errors import import_optional
from .labelled import Labelled, Split

POINTS, VALIDATION, SPLIT_SEED = 100, 0.15, 42


def make_moons(*, seed: int = 10) -> Split:
    """Generate the two moons, divided by their extent but not centred: x (sample, 2), y 0 or 1.

    Follows the authors' Keras code: numpy seeded with 10, scikit-learn's `make_moons(100)` shuffled, x / (max - min),
    then `train_test_split(test_size=.15, random_state=42)`. The class counts are 41 and 44 in training, 9 and 6 in
    validation, so a constant prediction scores .482 or .518 and .6 or .4: the floors of the published tables.

    Args:
        seed: seed of the shuffling; 10 in the published runs.

    Raises:
        MissingDependencyError: scikit-learn is not installed.

    >>> split = make_moons()
    >>> np.bincount(split.train.y).tolist(), np.bincount(split.val.y).tolist()
    ([41, 44], [9, 6])
    """
    sklearn = {"package": "scikit-learn", "task": "the MOONS data"}
    generate = import_optional("sklearn.datasets", **sklearn).make_moons
    train_test_split = import_optional("sklearn.model_selection", **sklearn).train_test_split
    x, y = generate(POINTS, noise=None, shuffle=True, random_state=np.random.RandomState(seed))
    x = x / (x.max() - x.min())
    parts = train_test_split(x.astype(np.float32), y.astype(np.int64), test_size=VALIDATION, random_state=SPLIT_SEED)
    return Split(Labelled(parts[0], parts[2]), Labelled(parts[1], parts[3]))
