"""UCI digits: 1797 handwritten digits of 8 x 8, inside scikit-learn, so nothing is downloaded."""

import numpy as np

from ...analyzer.errors import import_optional
from .labelled import Labelled, Split


def digits(*, val_share: float = 1 / 3, seed: int = 0) -> Split:
    """Images (sample, 1, 8, 8) in [0, 1], every class in both parts in the same share.

    Args:
        val_share: share of the samples to judge by.
        seed: of the split.

    Raises:
        MissingDependencyError: scikit-learn is not installed.

    >>> split = digits()
    >>> split.train.x.shape, len(split.val)
    ((1198, 1, 8, 8), 599)
    """
    sklearn = {"package": "scikit-learn", "task": "the UCI digits"}
    pixels, labels = import_optional("sklearn.datasets", **sklearn).load_digits(return_X_y=True)
    train_test_split = import_optional("sklearn.model_selection", **sklearn).train_test_split
    x = (pixels / 16).astype(np.float32).reshape(-1, 1, 8, 8)
    parts = train_test_split(x, labels.astype(np.int64), test_size=val_share, random_state=seed, stratify=labels)
    return Split(Labelled(parts[0], parts[2]), Labelled(parts[1], parts[3]))
