"""The functions that all adapters share, and the checks of their arguments."""

import pytest
import torch
from torch import nn

from relucid.analyzer.errors import OptionError, RelucidError
from relucid.plugins.frameworks.adapter import check_plugins, collect_states, end_epoch, load_states
from relucid.plugins.torch import Monitor, Separation

from .problem import net


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"separation": 1e-3, "monitor": None}, "separation: expected a Separation created for the model, got 0.001"),
        ({"separation": None, "monitor": True}, "monitor: expected a Monitor created for the model, got True"),
    ],
)
def test_other_types_are_errors(wrong, message):
    with pytest.raises(OptionError, match=message):
        check_plugins(**wrong)


def test_states_are_those_of_the_plugins_present():
    separation, monitor = Separation(net()), Monitor(net())
    assert collect_states(separation, None) == {"separation": {"steps": 0}}
    assert collect_states(separation, monitor).keys() == {"separation", "monitor"}
    load_states({"separation": {"steps": 4}, "monitor": monitor.state_dict()}, separation, None)
    assert separation.state_dict() == {"steps": 4}


def test_an_epoch_ends_only_a_window_that_is_one():
    for window, samples in (("epoch", 3), (5, None)):
        model = net()
        monitor = Monitor(model, every=1, window=window)
        model(torch.ones(3, 3))
        end_epoch(monitor)
        assert (None if monitor.report is None else monitor.report["1"].samples) == samples


def test_a_log_comes_before_the_fallback_and_the_last_fallback_counts():
    """A callback that is used in a second trainer must not write to the first one's loggers."""

    def logged(*, own: bool) -> list[str]:
        calls: list[str] = []
        model = net()
        monitor = Monitor(model, every=1, window=1, log=(lambda *_: calls.append("own")) if own else None)
        for trainer in ("first", "second"):
            monitor.fallback_log = lambda *_, trainer=trainer: calls.append(trainer)
            model(torch.ones(3, 3))
        return calls

    assert logged(own=True) == ["own", "own"]
    assert logged(own=False) == ["first", "second"]


def test_a_separation_of_another_module_is_an_error():
    class Whole(nn.Module):
        def __init__(self):
            super().__init__()
            self.net = net()

        def forward(self, x):
            return self.net(x)

    model = Whole()
    separation = Separation(model)
    model.net(torch.ones(3, 3))
    with pytest.raises(RelucidError, match="pass to Separation the module"):
        separation.penalty()


def test_a_mixin_without_a_trainer_is_an_error():
    pytest.importorskip("transformers", reason="transformers is not installed")
    from relucid.plugins.frameworks.transformers import RelucidMixin

    with pytest.raises(OptionError, match="RelucidMixin: expected a Trainer after the mixin"):
        RelucidMixin()
