"""How large the nets and data of the PSB figures are, in full and when quick."""

from dataclasses import dataclass, replace

from .recipe import Order

RESNET, BEFORE, AFTER, SMALL = "resnet", "bn-before-addition", "bn-after-addition", "small"


@dataclass(frozen=True)
class Size:
    """How large everything is.

    Args:
        depth: of the residual nets.
        widths: of the one that most figures are about.
        narrow: of the two that the effect of batch norms after additions is shown on.
        small: channels of the eight convolutions.
        epochs: of the residual net; the others have a third of them.
        trained_at: samples that the small net is trained at; 0 is float.
        images: how many are judged; of MNIST twice as many, for the costs of attention half as many.
        augmented: whether images are shifted and mirrored while training.
    """

    depth: int = 20
    widths: tuple[int, int, int] = (16, 32, 64)
    narrow: tuple[int, int, int] = (8, 16, 32)
    small: int = 64
    epochs: int = 16
    trained_at: tuple[int, ...] = (0, 1, 2, 4, 8, 16, 32)
    images: int = 1000
    augmented: bool = True

    @property
    def epochs_by_net(self) -> dict[str, int]:
        """Epochs by name; the small nets are called by the samples they are trained at."""
        third = -(-self.epochs // 3)
        nets = (BEFORE, AFTER, *(f"{SMALL}-{n}" for n in self.trained_at))
        return {RESNET: self.epochs} | dict.fromkeys(nets, third)


FULL = Size()
QUICK = Size(
    depth=8,
    widths=(8, 16, 16),
    narrow=(8, 8, 8),
    small=16,
    epochs=36,
    trained_at=(0, 1, 4),
    images=200,
    augmented=False,
)


def size_of(order: Order) -> Size:
    """The sizes that an order asks for."""
    size = QUICK if order.quick else FULL
    return size if order.epochs is None else replace(size, epochs=order.epochs)
