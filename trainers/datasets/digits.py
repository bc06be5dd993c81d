"""UCI digits: 1797 handwritten digits of 8 x 8 pixels; they ship with scikit-learn, so nothing is downloaded."""

import numpy as np

from ...analyzer.errors import import_optional
from .labelled import Labelled, Split


def load_digits(*, val_share: float = 1 / 3, seed: int = 0, enlarge: int = 1) -> Split:
    """Load images (sample, 1, 8, 8) in [0, 1], split with the same class proportions in both parts.

    Args:
        val_share: share of the samples in the validation set.
        seed: seed of the split.
        enlarge: side in pixels of the square that each pixel is repeated over; 4 gives images of 32 x 32.

    Raises:
        MissingDependencyError: scikit-learn is not installed.

    >>> split = load_digits()
    >>> split.train.x.shape, len(split.val)
    ((1198, 1, 8, 8), 599)
    >>> load_digits(enlarge=4).val.x.shape
    (599, 1, 32, 32)
    """
    sklearn = {"package": "scikit-learn", "task": "the UCI digits"}
    pixels, labels = import_optional("sklearn.datasets", **sklearn).load_digits(return_X_y=True)
    train_test_split = import_optional("sklearn.model_selection", **sklearn).train_test_split
    x = (pixels / 16).astype(np.float32).reshape(-1, 1, 8, 8)
    x = np.kron(x, np.ones((enlarge, enlarge), np.float32))
    parts = train_test_split(x, labels.astype(np.int64), test_size=val_share, random_state=seed, stratify=labels)
    return Split(Labelled(parts[0], parts[2]), Labelled(parts[1], parts[3]))
