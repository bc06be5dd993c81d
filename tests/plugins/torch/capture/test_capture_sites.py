"""The sites of a capture are those that the analyzer finds in the dynamo export: name, kind, order, unit axis."""

from functools import partial

import pytest
import torch
from torch import nn

from relucid.analyzer.model import load
from relucid.analyzer.sites import KINDS, find_sites
from relucid.plugins.torch import Capture
from relucid.plugins.torch.capture.unit_axes import UnitAxes, find_axis, record_axes

from ..architectures import ARCHITECTURES, build
from .recorder import Recorder

pytest.importorskip("onnxscript")


@pytest.mark.filterwarnings("ignore:.*LeafSpec:FutureWarning")
@pytest.mark.parametrize("name", ARCHITECTURES)
def test_same_sites_as_in_the_export(name):
    model, x = build(name)
    exported = find_sites(load(model, example_inputs=(x,)).ir)
    capture = Capture(model, Recorder())
    for training in (False, True):
        model.train(training)
        model(x)
        assert [(site.name, site.kind, site.unit_axis) for site in capture.sites] == [
            (site.name, site.kind, site.unit_axis % len(site.shape)) for site in exported
        ]
    assert capture.sites
    assert {site.kind for site in capture.sites} <= set(KINDS)


def test_a_recurrence_with_relus_is_listed_with_the_reason():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.rnn, self.head = nn.RNN(4, 4, nonlinearity="relu"), nn.ReLU()

        def forward(self, x):
            return self.head(self.rnn(x)[0] - 1)

    model, recorder = Net(), Recorder()
    capture = Capture(model, recorder)
    model(torch.randn(5, 2, 4))
    assert [site.name for site in capture.sites] == ["rnn", "head"]
    assert "one torch function" in capture.sites[0].reason
    assert list(recorder.values) == ["head"]


def test_of_a_module_under_two_names_in_one_parent_the_first_is_taken():
    """The export has the name of the attribute that is called; the call stack has not."""

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.first = self.second = nn.ReLU()

        def forward(self, x):
            return self.first(x) + self.second(x - 1)

    model = Net()
    capture = Capture(model, Recorder())
    model(torch.randn(2, 3))
    assert [site.name for site in capture.sites] == ["first", "first#2"]


def test_modules_added_later_are_found():
    model = nn.Sequential(nn.Linear(3, 3))
    capture = Capture(model, Recorder())
    model.append(nn.ReLU())
    model(torch.randn(2, 3))
    assert [site.name for site in capture.sites] == ["1"]


@pytest.mark.parametrize(
    ("make", "shape", "axis"),
    [
        (nn.Conv1d(3, 4, 1), (2, 3, 5), 1),
        (nn.Conv2d(3, 4, 1), (3, 5, 5), 0),
        (nn.Linear(3, 4), (2, 5, 3), 2),
        (lambda x: nn.Linear(3, 4)(x)[:, None], (2, 5, 3), 3),
        (lambda x: nn.Linear(3, 4)(x)[..., None], (2, 5, 3), 2),
        (lambda x: nn.Linear(3, 4)(x)[:, ::2], (2, 5, 3), 2),
        (lambda x: nn.Conv2d(3, 4, 1)(x)[..., ::2], (2, 3, 5, 5), 1),
        (lambda x: nn.Linear(3, 4)(x).unsqueeze(-1), (2, 5, 3), 2),
        (lambda x: nn.Conv2d(3, 4, 1)(x).view(2, 1, 4, 25), (2, 3, 5, 5), 2),
        (lambda x: nn.Linear(3, 4)(x).reshape(-1, 4), (2, 5, 3), 1),
        (lambda x: nn.Linear(3, 4)(x).swapaxes(1, 2), (2, 5, 3), 1),
        (lambda x: nn.Linear(3, 4)(x).mean(1), (2, 5, 3), 1),
        (lambda x: nn.Conv2d(3, 4, 1)(x).movedim(1, -1) * 2, (2, 3, 5, 5), 3),
        (lambda x: nn.Parameter(torch.randn(4, 3)) @ x, (2, 3, 5), 1),
        (lambda x: x @ nn.Parameter(torch.randn(3, 4)), (2, 5, 3), 2),
        (lambda x: x.unsqueeze(0), (4,), 1),
        (lambda x: x, (4, 3, 2), 1),
        (lambda x: x, (4,), 0),
    ],
)
def test_the_unit_axis_follows_from_the_producer(make, shape, axis):
    class Net(nn.Module):
        def forward(self, x):
            return torch.relu(make(x))

    model = Net()
    capture = Capture(model, Recorder())
    model(torch.randn(shape))
    assert capture.sites[0].unit_axis == axis, capture.sites[0].rule


def test_a_new_tensor_in_the_place_of_an_old_one_does_not_inherit():
    old, new = torch.zeros(2, 3, 4), torch.zeros(2, 3, 4)
    axes: UnitAxes = {}
    record_axes(axes, partial(nn.functional.linear, old, torch.zeros(4, 4)), old)
    assert find_axis(axes, old)[0] == 2
    axes[id(new)] = axes.pop(id(old))
    assert find_axis(axes, new)[0] == 1
