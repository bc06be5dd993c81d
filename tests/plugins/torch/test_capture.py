"""A capture tells what it sees when it should, keeps the graph, and is left however a forward ends."""

import pytest
import torch
from torch import nn
from torch.overrides import _get_current_function_mode_stack
from torch.utils.checkpoint import checkpoint

from relucid.analyzer.errors import ModelError
from relucid.plugins.torch import Capture

from .architectures import build
from .watching import Watching


def test_what_is_told_and_when():
    model, watching = build("perceptron")[0], Watching()
    capture = Capture(model, watching)
    model(torch.randn(3, 4))
    with torch.no_grad():
        model(torch.randn(3, 4))
    assert watching.told == ["begin", "1", "5", "end"] * 2
    assert not any(watching.with_graph.values())
    watching.awake = False
    model(torch.randn(3, 4))
    assert watching.told[8:] == ["begin"]
    capture.detach()
    model(torch.randn(3, 4))
    assert len(watching.told) == 9


class Fails(nn.Module):
    def __init__(self, error):
        super().__init__()
        self.error = error

    def forward(self, x):
        x = torch.relu(x)
        if self.error is not None:
            raise self.error
        return torch.relu(x - 1)


@pytest.mark.parametrize("error", [ValueError("no"), KeyboardInterrupt()], ids=["error", "interrupt"])
def test_a_forward_that_raises_is_left(error):
    model, watching = Fails(error), Watching()
    capture = Capture(model, watching)
    with pytest.raises(type(error)):
        model(torch.randn(2, 3))
    assert watching.told == ["begin", "relu"]
    assert isinstance(error, KeyboardInterrupt) or _get_current_function_mode_stack() == []
    torch.relu(torch.randn(3))
    assert watching.told == ["begin", "relu"], "what runs outside of the model is no business of ours"
    model.error, watching.awake = None, False
    with torch.device("cpu"):
        model(torch.randn(2, 3))
    assert watching.told == ["begin", "relu", "begin"]
    watching.awake = True
    model(torch.randn(2, 3))
    assert watching.told[3:] == ["begin", "relu", "relu#2", "end"]
    assert _get_current_function_mode_stack() == []
    capture.detach()


def test_inner_modules_nested_captures_and_forwards_of_forwards():
    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = nn.Sequential(nn.Linear(3, 3), nn.ReLU())

        def forward(self, x, *, again=True):
            x = self.inner(x)
            return self(x, again=False) if again else torch.relu(x - 1)

    model, outer, inner = Twice(), Watching(), Watching()
    captures = Capture(model, outer), Capture(model.inner, inner)
    model(torch.randn(2, 3))
    assert outer.told == ["begin", "inner.1", "inner.1#2", "relu", "end"]
    assert inner.told == ["begin", "1", "end"] * 2
    model.inner(torch.randn(2, 3))
    assert len(outer.told) == 5
    assert inner.told == ["begin", "1", "end"] * 3
    for capture in captures:
        capture.detach()


@pytest.mark.parametrize("first", ["busy", "quiet"])
def test_what_an_observer_computes_is_seen_by_no_capture(first):
    class Busy(Watching):
        def begin(self):
            torch.relu(torch.ones(2))
            return super().begin()

        def see(self, site, z):
            super().see(site, z.relu().clamp(min=0))

        def end(self, output):
            torch.relu(output)
            super().end(output)

    model, watching = build("perceptron")[0], {"busy": Busy(), "quiet": Watching()}
    for name in (first, *{"busy", "quiet"} - {first}):
        Capture(model, watching[name])
    inside = Busy()
    Capture(model[1], inside)
    model(torch.randn(3, 4))
    assert watching["busy"].told == watching["quiet"].told == ["begin", "1", "5", "end"]
    assert inside.told == ["begin", "relu", "end"]


def test_detach_while_another_capture_stays():
    model, one, two = build("perceptron")[0], Watching(), Watching()
    first, second = Capture(model, one), Capture(model, two)
    first.detach()
    model(torch.randn(3, 4))
    assert (one.told, two.told) == ([], ["begin", "1", "5", "end"])
    second.detach()


@pytest.mark.parametrize("use_reentrant", [False, True])
def test_checkpointed_segments_are_seen_once(use_reentrant):
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.part = nn.Sequential(nn.Linear(3, 3), nn.ReLU(), nn.Linear(3, 3), nn.ReLU())

        def forward(self, x):
            return checkpoint(self.part, x, use_reentrant=use_reentrant)

    model, watching = Net(), Watching()
    capture = Capture(model, watching)
    model(torch.randn(2, 3, requires_grad=True)).sum().backward()
    assert watching.told == ["begin", "part.1", "part.3", "end"]
    assert set(watching.with_graph.values()) == {not use_reentrant}
    capture.detach()


def test_affine_outputs_and_the_models_own():
    model, x = build("vgg")
    watching = Watching()
    capture = Capture(model, watching, affine=True)
    out = model(x)
    assert list(watching.seen) == ["a", "b", "c", "d"]
    assert torch.equal(watching.seen["d"], out)
    capture.detach()
    capture = Capture(model, watching, output=True)
    model(x)
    assert list(watching.seen) == ["relu", "relu#2", "relu#3", "output"]
    assert torch.equal(watching.seen["output"], out)
    capture.detach()


def test_export_and_trace_see_the_model_as_it_is():
    model, x = build("perceptron")
    watching = Watching()
    capture = Capture(model, watching)
    torch.export.export(model, (x,))
    assert watching.told == []
    capture.detach()


@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
def test_what_cannot_be_seen_is_refused():
    model = nn.Sequential(nn.Linear(3, 3), torch.jit.script(nn.ReLU()))
    with pytest.raises(ModelError, match=r"'1' is compiled by torch\.jit"):
        Capture(model, Watching())
    with pytest.raises(ModelError, match="the model is a DataParallel"):
        Capture(nn.DataParallel(nn.ReLU()), Watching())
    lists = Fails(None)
    lists.forward = lambda x: [torch.relu(x)]
    capture = Capture(lists, Watching(), output=True)
    with pytest.raises(ModelError, match="got list"):
        lists(torch.randn(2, 3))
    capture.detach()
