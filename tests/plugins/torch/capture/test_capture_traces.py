"""A capture has no side effects: on results and gradients, on the model after detaching, its copies, or memory."""

import copy
import gc
import io
import pickle
import subprocess
import sys
import weakref

import pytest
import torch
from torch import nn
from torch.overrides import _get_current_function_mode_stack

from relucid.plugins.torch import Capture

from ..architectures import ARCHITECTURES, build
from .recorder import Recorder


def trained(model, x):
    """Output, gradients and buffers after one step of training."""
    model.zero_grad()
    torch.manual_seed(1)
    out = model(x)
    out.sum().backward()
    return [out.detach(), *(p.grad.clone() for p in model.parameters()), *(b.clone() for b in model.buffers())]


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_nothing_changes_while_attached_or_after(name):
    model, x = build(name)
    twin = copy.deepcopy(model)
    expected = [trained(twin, x) for _ in range(3)]
    hooks = {key: list(getattr(model, key)) for key in ("_forward_hooks", "_forward_pre_hooks")}
    first = trained(model, x)
    capture = Capture(model, Recorder())
    second = trained(model, x)
    capture.detach()
    third = trained(model, x)
    for got, reference in zip((first, second, third), expected, strict=True):
        assert all(map(torch.equal, got, reference))
    assert {key: list(getattr(model, key)) for key in hooks} == hooks
    assert not model._forward_hooks_always_called
    assert _get_current_function_mode_stack() == []


def test_copies_and_pickles_work_and_are_not_captured():
    model, x = build("resnet")
    recorder = Recorder()
    capture = Capture(model.eval(), recorder)
    expected = model(x)
    file = io.BytesIO()
    torch.save(model, file)
    file.seek(0)
    copies = (
        copy.deepcopy(model),
        pickle.loads(pickle.dumps(model)),
        torch.load(file, weights_only=False),
        copy.copy(model),
    )
    recorder.calls.clear()
    for twin in copies:
        assert torch.equal(twin(x), expected)
    assert recorder.calls == []
    capture.detach()


def test_a_pickle_loads_without_relucid():
    model = nn.Sequential(nn.Linear(3, 3), nn.ReLU())
    capture = Capture(model, Recorder())
    code = "import pickle, sys; pickle.load(sys.stdin.buffer); assert 'relucid' not in sys.modules"
    subprocess.run([sys.executable, "-W", "ignore", "-c", code], input=pickle.dumps(model), check=True)
    capture.detach()


def test_no_tensor_outlives_its_step():
    model, x = build("resnet")

    class Refs(Recorder):
        def see(self, site, z):
            self.values[site.name] = weakref.ref(z)

    recorder = Refs()
    capture = Capture(model, recorder)
    counts = []
    for _ in range(200):
        model(x).sum().backward()
        assert not any(ref() is not None for ref in recorder.values.values())
        counts.append(len(capture._axes))
    assert max(counts) < 2 * counts[0], "axes of freed tensors are removed"
    alive = sum(issubclass(type(thing), torch.Tensor) for thing in gc.get_objects())
    for _ in range(20):
        model(x).sum().backward()
    assert sum(issubclass(type(thing), torch.Tensor) for thing in gc.get_objects()) <= alive
    capture.detach()
