"""A capture calls its observer in order, keeps the autograd graph, and is left however a forward pass ends."""

import pytest
import torch
from torch import nn
from torch.overrides import _get_current_function_mode_stack
from torch.utils.checkpoint import checkpoint

from relucid.analyzer.errors import ModelError
from relucid.plugins.torch import Capture

from ..architectures import build
from .recorder import Recorder


def test_the_order_of_calls():
    model, recorder = build("perceptron")[0], Recorder()
    capture = Capture(model, recorder)
    model(torch.randn(3, 4))
    with torch.no_grad():
        model(torch.randn(3, 4))
    assert recorder.calls == ["begin", "1", "5", "end"] * 2
    assert not any(recorder.with_graph.values())
    recorder.enabled = False
    model(torch.randn(3, 4))
    assert recorder.calls[8:] == ["begin"]
    capture.detach()
    model(torch.randn(3, 4))
    assert len(recorder.calls) == 9


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
    model, recorder = Fails(error), Recorder()
    capture = Capture(model, recorder)
    with pytest.raises(type(error)):
        model(torch.randn(2, 3))
    assert recorder.calls == ["begin", "relu"]
    assert isinstance(error, KeyboardInterrupt) or _get_current_function_mode_stack() == []
    torch.relu(torch.randn(3))
    assert recorder.calls == ["begin", "relu"], "calls outside of the model are not captured"
    model.error, recorder.enabled = None, False
    with torch.device("cpu"):
        model(torch.randn(2, 3))
    assert recorder.calls == ["begin", "relu", "begin"]
    recorder.enabled = True
    model(torch.randn(2, 3))
    assert recorder.calls[3:] == ["begin", "relu", "relu#2", "end"]
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

    model, outer, inner = Twice(), Recorder(), Recorder()
    captures = Capture(model, outer), Capture(model.inner, inner)
    model(torch.randn(2, 3))
    assert outer.calls == ["begin", "inner.1", "inner.1#2", "relu", "end"]
    assert inner.calls == ["begin", "1", "end"] * 2
    model.inner(torch.randn(2, 3))
    assert len(outer.calls) == 5
    assert inner.calls == ["begin", "1", "end"] * 3
    for capture in captures:
        capture.detach()


@pytest.mark.parametrize("first", ["busy", "quiet"])
def test_calls_of_an_observer_are_not_captured(first):
    class Busy(Recorder):
        def begin(self):
            torch.relu(torch.ones(2))
            return super().begin()

        def see(self, site, z):
            super().see(site, z.relu().clamp(min=0))

        def end(self, output):
            torch.relu(output)
            super().end(output)

    model, recorder = build("perceptron")[0], {"busy": Busy(), "quiet": Recorder()}
    for name in (first, *{"busy", "quiet"} - {first}):
        Capture(model, recorder[name])
    inner = Busy()
    Capture(model[1], inner)
    model(torch.randn(3, 4))
    assert recorder["busy"].calls == recorder["quiet"].calls == ["begin", "1", "5", "end"]
    assert inner.calls == ["begin", "relu", "end"]


def test_detach_while_another_capture_stays():
    model, one, two = build("perceptron")[0], Recorder(), Recorder()
    first, second = Capture(model, one), Capture(model, two)
    first.detach()
    model(torch.randn(3, 4))
    assert (one.calls, two.calls) == ([], ["begin", "1", "5", "end"])
    second.detach()


@pytest.mark.parametrize("use_reentrant", [False, True])
def test_checkpointed_segments_are_captured_once(use_reentrant):
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.part = nn.Sequential(nn.Linear(3, 3), nn.ReLU(), nn.Linear(3, 3), nn.ReLU())

        def forward(self, x):
            return checkpoint(self.part, x, use_reentrant=use_reentrant)

    model, recorder = Net(), Recorder()
    capture = Capture(model, recorder)
    model(torch.randn(2, 3, requires_grad=True)).sum().backward()
    assert recorder.calls == ["begin", "part.1", "part.3", "end"]
    assert set(recorder.with_graph.values()) == {not use_reentrant}
    capture.detach()


def test_affine_outputs_and_the_models_own():
    model, x = build("vgg")
    recorder = Recorder()
    capture = Capture(model, recorder, affine=True)
    out = model(x)
    assert list(recorder.values) == ["a", "b", "c", "d"]
    assert torch.equal(recorder.values["d"], out)
    capture.detach()
    capture = Capture(model, recorder, output=True)
    model(x)
    assert list(recorder.values) == ["relu", "relu#2", "relu#3", "output"]
    assert torch.equal(recorder.values["output"], out)
    capture.detach()


def test_an_export_is_not_captured():
    model, x = build("perceptron")
    recorder = Recorder()
    capture = Capture(model, recorder)
    torch.export.export(model, (x,))
    assert recorder.calls == []
    capture.detach()


@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
def test_models_that_cannot_be_captured_are_errors():
    model = nn.Sequential(nn.Linear(3, 3), torch.jit.script(nn.ReLU()))
    with pytest.raises(ModelError, match=r"'1': expected .* got one compiled by torch\.jit"):
        Capture(model, Recorder())
    with pytest.raises(ModelError, match=r"the model: .* got a DataParallel"):
        Capture(nn.DataParallel(nn.ReLU()), Recorder())
    lists = Fails(None)
    lists.forward = lambda x: [torch.relu(x)]
    capture = Capture(lists, Recorder(), output=True)
    with pytest.raises(ModelError, match="got list"):
        lists(torch.randn(2, 3))
    capture.detach()
