"""The benchmark of Separation's cost compares two implementations of the same penalty, and training without it."""

import importlib.util
from pathlib import Path

import pytest
import torch
from torch.nn import functional

SCRIPT = Path(__file__).resolve().parents[4] / "benchmarks" / "separation_overhead.py"


@pytest.fixture(scope="module")
def script():
    spec = importlib.util.spec_from_file_location("separation_overhead", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("net", ["resnet20", "mlp"])
def test_both_ways_have_the_same_value_and_gradient(script, net):
    torch.manual_seed(0)
    model, shape = getattr(script, net)(), {"resnet20": (3, 3, 32, 32), "mlp": (3, 784)}[net]
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(0.1)  # or every unit would be able to switch
    x, found = torch.randn(shape), []
    for kind in (script.Separation, script.Obvious):
        term = kind(model)
        loss = functional.cross_entropy(model(x), torch.tensor([1, 0, 2]))
        penalty = term.penalty()
        found.append([penalty, *torch.autograd.grad(loss + 1e3 * penalty, list(model.parameters()))])
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-5)
    assert found[0][0] > 0


def test_ratios_are_medians_of_neighbours(script):
    times = {"plain": [(1.0, 2.0), (2.0, 2.0), (4.0, 8.0)], "separation": [(2.0, 2.0), (3.0, 3.0), (4.0, 10.0)]}
    assert script.ratios(times, "separation") == (1.5, 1.25)
    assert script.ratios(times, "plain") == (1.0, 1.0)


def test_a_step_trains_and_every_variant_is_there(script):
    assert script.VARIANTS[0] == "plain"
    script.NETS["small"] = (lambda: torch.nn.Sequential(torch.nn.Linear(4, 10), torch.nn.ReLU()), (5, 4))
    times = script.seconds("small", "cpu", 2)
    assert {variant: len(rounds) for variant, rounds in times.items()} == dict.fromkeys(script.VARIANTS, 2)
