"""Stacked nets are what each net would be alone: computed, differentiated, trained."""

import pytest

pytest.importorskip("torch")
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from relucid.analyzer.errors import OptionError
from relucid.plugins.torch.separation.extreme_values import extremes
from relucid.plugins.torch.separation.separation import Separation
from relucid.plugins.torch.separation.separation_loss import penalty as reference
from relucid.trainers.datasets import Labelled, Split, moons
from relucid.trainers.loop import train
from relucid.trainers.nets import StackedNets, conv21, dense
from relucid.trainers.nets.stacked import Stack, dense_form, trunk, trunk_reference
from relucid.trainers.recipes.grids.squared_deficits import IMAGE_AXES, STACK_AXES, formula_of, penalty
from relucid.trainers.recipes.grids.stacked_training import train_stack
from relucid.trainers.recipes.methods import METHODS, Method, annealed, method

BUILD = {"conv21": conv21, "dense": lambda width, depth, **options: dense(2, width, depth, 1, **options)}
DEPTHS = (6, 4, 4, 1)


@pytest.fixture(autouse=True)
def in_float64():
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def drawn_nets(arch: str, *, seed: int = 0, depths: tuple[int, ...] = DEPTHS, **options) -> list:
    generator = torch.Generator().manual_seed(seed)
    return [BUILD[arch](3, depth, generator=generator, **options) for depth in depths]


def points(arch: str, x: torch.Tensor) -> torch.Tensor:
    return x[:, None, :, None] if arch == "conv21" else x


def weights(stack: Stack, seed: int) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    count = len(stack.depths)
    shapes = [(count, 4, 2), (stack.cells - count, 4, 4), (stack.cells, 4, 1)]
    return [torch.randn(shape, generator=generator).requires_grad_() for shape in shapes]


@settings(max_examples=25)
@given(
    st.lists(st.integers(1, 6), min_size=1, max_size=5).map(lambda depths: Stack(tuple(sorted(depths, reverse=True)))),
    st.booleans(),
    st.booleans(),
    st.integers(0, 1000),
)
def test_trunk_is_its_slow_twin(stack, dropped, own_inputs, seed):
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(*([len(stack.depths)] * own_inputs), 2, 7, generator=generator)
    keep = None
    if dropped:
        keep = torch.rand(stack.cells - len(stack.depths), 4, 7, generator=generator).gt(0.3).double() / 0.7
    results = []
    for function in (trunk, trunk_reference):
        parameters = weights(stack, seed)
        z, top = function(x, *parameters, stack=stack, keep=keep)
        (z.sin().sum() + (top * 0.7).cos().sum()).backward()
        gradients = [p.grad if p.numel() else torch.zeros_like(p) for p in parameters]
        results.append([z, top, *gradients])
    for fast, slow in zip(*results, strict=True):
        torch.testing.assert_close(fast, slow, rtol=1e-9, atol=1e-9)


def test_trunk_without_a_loss_on_z():
    stack, x, gradients = Stack((3, 2)), torch.randn(2, 5), []
    for function in (trunk, trunk_reference):
        parameters = weights(stack, 0)
        function(x, *parameters, stack=stack)[1].sum().backward()
        gradients.append([parameter.grad for parameter in parameters])
    torch.testing.assert_close(*gradients)


@pytest.mark.parametrize("depths", [(), (2, 3), (1, 0)])
def test_a_stack_stands_deepest_first(depths):
    with pytest.raises(ValueError, match="fall from net to net"):
        Stack(depths)


def test_dense_form_is_a_convolution_with_a_zero_behind():
    kernel, x = torch.randn(1, 2, 3, 4), torch.randn(1, 4, 2)
    expected = F.conv1d(F.pad(x, (0, 1)), kernel[0].permute(1, 2, 0))
    made = dense_form(kernel)[0] @ x[0].T.reshape(-1)
    torch.testing.assert_close(made.view(2, 3).T, expected[0])


@pytest.mark.parametrize("batch_norm", [False, True])
@pytest.mark.parametrize("arch", BUILD)
def test_a_stack_computes_what_its_nets_compute(arch, batch_norm):
    nets = drawn_nets(arch, batch_norm=batch_norm)
    stacked, x = StackedNets(nets), torch.randn(20, 2)
    for mode in (True, True, False):
        stacked.train(mode)
        logits, z = stacked(x)
        assert z.shape[0] == sum(DEPTHS)
        for net, line in zip(nets, logits, strict=True):
            torch.testing.assert_close(line, net.train(mode)(points(arch, x))[:, 0], rtol=1e-9, atol=1e-9)


def test_nets_of_two_widths_cannot_be_stacked():
    with pytest.raises(OptionError, match="one width"):
        StackedNets([conv21(3, 2), conv21(2, 2)])


@pytest.mark.parametrize("arch", BUILD)
@pytest.mark.parametrize("name", [known.name for known in METHODS if not known.zero])
def test_stacked_training_is_training_each_alone_by_the_plain_loop(name, arch, monkeypatch):
    """The penalty of the lone nets is the plugin's, by its own code from the running model."""
    how, epochs, strength = method(name), 8, 1e-2
    single = moons()
    data = Split(*(Labelled(part.x.astype("float64"), part.y) for part in (single.train, single.val)))
    monkeypatch.setattr(
        "relucid.trainers.recipes.grids.stacked_training.tensors",
        lambda part, _: (torch.from_numpy(part.x), torch.from_numpy(part.y).double()),
    )
    # biases that are not 0: where a point is dead, z would be 0 but for rounding, and rounding would decide what fires
    nets = drawn_nets(arch, batch_norm=how.batch_norm, init="torch")
    stacked = StackedNets(nets)
    training, validation = train_stack(stacked, data, method=how, strength=strength, epochs=epochs)
    shaped = Split(*(Labelled(points(arch, part.x), part.y) for part in (data.train, data.val)))
    best = []
    for net in nets:
        separation = None
        if how.axes:
            separation = Separation(
                net,
                strength=strength if how.strength is None else how.strength,
                axes=how.axes,
                margin=how.margin,
                balance=how.balance,
                aggregation="sumsq",
                conv_units="position",
                ties="shared",
            )
        told = list(
            train(
                net,
                shaped,
                optimizer=torch.optim.Adam(net.parameters(), lr=0.01, eps=1e-7),
                epochs=epochs,
                batch=85,
                penalty=None if separation is None else separation.penalty,
            )
        )
        best.append((max(e.train_accuracy for e in told), max(e.val_accuracy for e in told), told[-1].val_accuracy))
    expected = dict(StackedNets(nets).named_parameters())
    for label, parameter in stacked.named_parameters():
        torch.testing.assert_close(
            parameter, expected[label], rtol=1e-5, atol=1e-6, msg=lambda text, at=label: f"{at}: {text}"
        )
    ours = zip(training.best.tolist(), validation.best.tolist(), validation.last.tolist(), strict=True)
    assert [pytest.approx(row) for row in best] == list(ours)


def test_zero_init_with_annealed_dropout_is_repeatable_and_breaks_the_symmetry():
    def trained() -> StackedNets:
        torch.manual_seed(1)
        nets = StackedNets(drawn_nets("conv21", init="zero")).float()
        train_stack(nets, moons(), method=method("sep-up-zero"), epochs=20)
        return nets

    first, second = trained(), trained()
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))
    assert first.hidden.detach().flatten(1).std(1).min() > 0


@pytest.mark.parametrize(("epoch", "rate"), [(0, 0.9), (250, 0.675), (999, 0.0009), (1000, 0), (4999, 0)])
def test_dropout_anneals_over_the_first_fifth(epoch, rate):
    assert annealed(epoch, 5000) == pytest.approx(rate)


FAMILIES = [("unit",), ("point",), ("unit", "point"), ("layer",)]


def plugin_penalty(z: torch.Tensor, how: Method, unit_axis: int) -> torch.Tensor:
    """z (sample, ...) by the plugin."""
    seen = extremes(z, unit_axis=unit_axis, axes=how.axes, conv_units="position", ties="shared")
    return reference([seen], [1.0], margin=how.margin, balance=how.balance, aggregation="sumsq")


@settings(max_examples=60)
@given(
    st.integers(0, 10_000),
    st.sampled_from(FAMILIES),
    st.floats(0, 1),
    st.sampled_from([(1.0, -1.0), (1.0, 0.0), (0.5, -2.0)]),
    st.booleans(),
    st.booleans(),
)
def test_the_fused_penalty_is_the_plugins(seed, axes, balance, margin, tied, stacked):
    how = Method("any", axes, balance=balance, margin=margin)
    z = torch.randn(3, 2, 4, 5, generator=torch.Generator().manual_seed(seed))
    if tied:
        z = (2 * z).round() / 2
    z.requires_grad_()
    fast = penalty(z, formula_of(how, STACK_AXES if stacked else IMAGE_AXES, compiled=False))
    parts = [cell.permute(2, 1, 0) for cell in z] if stacked else [z]
    slow = sum(plugin_penalty(part, how, 1) for part in parts)
    torch.testing.assert_close(fast, slow)
    torch.testing.assert_close(*(torch.autograd.grad(value, z)[0] for value in (fast, slow)))


@pytest.mark.parametrize("axes", FAMILIES)
def test_the_penaltys_gradient(axes):
    z = torch.randn(2, 2, 3, 4, generator=torch.Generator().manual_seed(2)).mul(0.5).requires_grad_()
    formula = formula_of(Method("any", axes, balance=0.6), STACK_AXES, compiled=False)
    assert torch.autograd.gradcheck(lambda z: penalty(z, formula), (z,))
