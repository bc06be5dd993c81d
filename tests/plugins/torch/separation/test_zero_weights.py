"""Zero weights and annealed dropout."""

import pytest
import torch
from torch import nn

from relucid.analyzer.errors import ModelError, OptionError
from relucid.plugins.torch import AnnealedDropout, Separation, annealed_rate, zero_init


def net() -> nn.Sequential:
    torch.manual_seed(0)
    dropout = AnnealedDropout(start=0.5, epochs=4)
    hidden = [part for fan_in in (2, 8) for part in (dropout, nn.Linear(fan_in, 8), nn.ReLU())]
    return nn.Sequential(*hidden, nn.Linear(8, 1))


def test_zero_init_leaves_norms_and_the_head():
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.ReLU(), nn.Flatten(), nn.Linear(2, 1, bias=False))
    zero_init(model)
    assert not model[0].weight.any()
    assert not model[0].bias.any()
    assert model[1].weight.all()
    assert model[4].weight.any()
    zero_init(model, head=True)
    assert not model[4].weight.any()


def test_rate_falls_linearly_to_zero():
    assert [annealed_rate(epoch, start=0.8, epochs=4) for epoch in range(6)] == pytest.approx(
        [0.8, 0.6, 0.4, 0.2, 0, 0]
    )


def test_one_instance_one_rate_and_its_state():
    model = net()
    rates = []
    for _ in range(6):
        rates.append(model[0].rate)
        model[3].advance()
    assert rates == pytest.approx([0.5, 0.375, 0.25, 0.125, 0, 0])
    other = net()
    other.load_state_dict(model.state_dict())
    assert other[0].rate == 0


def test_it_is_inverted_dropout_while_training_only():
    dropout, x = AnnealedDropout(start=0.75), torch.ones(100_000)
    torch.manual_seed(0)
    y = dropout(x)
    assert set(y.unique().tolist()) == {0.0, 4.0}
    assert y.mean().item() == pytest.approx(1, abs=0.03)
    assert dropout.eval()(x) is x or torch.equal(dropout(x), x)


def test_units_that_start_alike_part():
    """S, section 4.2: zero weights train with unbalanced constraints and dropout; otherwise no weight changes."""
    x = torch.randn(60, 2, generator=torch.Generator().manual_seed(0))
    y = (x[:, :1] * x[:, 1:] > 0).float()

    def hidden_weights(strength):
        model = net()
        zero_init(model)
        separation = Separation(model, strength=strength, balance=0.51, aggregation="sumsq", ties="shared")
        optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
        torch.manual_seed(1)
        for _ in range(60):
            optimizer.zero_grad()
            loss = nn.functional.binary_cross_entropy_with_logits(model(x), y) + separation.penalty()
            loss.backward()
            optimizer.step()
        return model[1].weight.detach()

    assert not hidden_weights(0.0).any()
    parted = hidden_weights(0.1)
    assert (parted[0] - parted[1]).abs().max() > 1e-3


@pytest.mark.parametrize("wrong", [{"start": 2.0}, {"start": "a"}, {"epochs": 0}])
def test_a_dropout_that_cannot_be_meant(wrong):
    with pytest.raises(OptionError, match=next(iter(wrong))):
        AnnealedDropout(**wrong)


def test_what_is_no_module_cannot_start_at_zero():
    with pytest.raises(ModelError, match=r"torch\.nn\.Module, got str"):
        zero_init("model")
