"""What the adapters are given is checked when it is given."""

import pytest
import torch
from torch import nn

from relucid.analyzer.errors import OptionError, RelucidError
from relucid.plugins.frameworks.parts import Parts
from relucid.plugins.torch import Separation
from relucid.plugins.torch.monitor.monitor import Monitor

from .problem import net


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"separation": 1e-3, "monitor": None}, "separation: wanted a Separation made for the model, got 0.001"),
        ({"separation": None, "monitor": True}, "monitor: wanted a Monitor made for the model, got True"),
    ],
)
def test_something_else_is_refused(wrong, message):
    with pytest.raises(OptionError, match=message):
        Parts(**wrong)


def test_states_are_those_of_what_is_there():
    separation, monitor = Separation(net()), Monitor(net())
    assert Parts(separation, None).state_dict() == {"separation": {"steps": 0}}
    assert Parts(separation, monitor).state_dict().keys() == {"separation", "monitor"}
    Parts(separation, None).load_state_dict({"separation": {"steps": 4}, "monitor": monitor.state_dict()})
    assert separation.state_dict() == {"steps": 4}


def test_an_epoch_ends_only_a_window_that_is_one():
    for window, samples in (("epoch", 3), (5, None)):
        model = net()
        monitor = Monitor(model, every=1, window=window)
        model(torch.ones(3, 3))
        Parts(None, monitor).end_epoch()
        assert (None if monitor.report is None else monitor.report["1"].samples) == samples


def test_a_log_of_its_own_is_kept_and_one_that_was_lent_gives_way_to_the_next():
    """A callback that is used again must not write to the trainer before."""

    def logged(*, own: bool) -> list[str]:
        told: list[str] = []
        model = net()
        monitor = Monitor(model, every=1, window=1, log=(lambda *_: told.append("own")) if own else None)
        for trainer in ("first", "second"):
            Parts(None, monitor).log_by(lambda *_, trainer=trainer: told.append(trainer))
            model(torch.ones(3, 3))
        return told

    assert logged(own=True) == ["own", "own"]
    assert logged(own=False) == ["first", "second"]


def test_a_separation_of_another_module_says_what_to_do():
    class Whole(nn.Module):
        def __init__(self):
            super().__init__()
            self.net = net()

        def forward(self, x):
            return self.net(x)

    model = Whole()
    separation = Separation(model)
    model.net(torch.ones(3, 3))
    with pytest.raises(RelucidError, match="make Separation for the very module that is called"):
        separation.penalty()


def test_a_mixin_without_a_trainer_behind_it_is_refused():
    pytest.importorskip("transformers", reason="transformers is not installed")
    from relucid.plugins.frameworks.transformers import RelucidMixin

    with pytest.raises(OptionError, match="RelucidMixin: wanted a Trainer behind the mixin"):
        RelucidMixin()
