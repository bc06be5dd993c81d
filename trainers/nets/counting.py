"""Parameter counts of rectangular nets from the formula, without building them: the x axis of J's Fig 3 and 4."""


def dense_parameters(inputs: int, width: int, depth: int, classes: int, *, batch_norm: bool = False) -> int:
    """Return w (n_in + 1) + (d - 1) w (w + 1) + w K + K, plus 2 w d with batch norm.

    >>> dense_parameters(2, 50, 3, 4)
    5454
    """
    hidden = width * (inputs + 1) + (depth - 1) * width * (width + 1)
    return hidden + width * classes + classes + 2 * width * depth * batch_norm


def conv_parameters(channels: int, width: int, depth: int, classes: int, *, batch_norm: bool = False) -> int:
    """Return w (9 c_in + 1) + (d - 1) w (9 w + 1) + 2 w K + K (head on two pools), plus 2 w d with batch norm.

    >>> conv_parameters(3, 16, 20, 10)
    44858
    """
    hidden = width * (9 * channels + 1) + (depth - 1) * width * (9 * width + 1)
    return hidden + 2 * width * classes + classes + 2 * width * depth * batch_norm
