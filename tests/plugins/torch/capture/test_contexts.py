"""Capture in compiled, distributed and sharded models."""

import shutil
import subprocess
import sys

import pytest
import torch
from torch import nn
from torch._dynamo.testing import CompileCounter

from relucid.analyzer.errors import RelucidError
from relucid.plugins.torch import Capture, Separation

from ... import two_processes
from .recorder import Recorder
from .run_wrapped import batch, net, step

INDUCTOR = pytest.param(
    "inductor",
    marks=pytest.mark.skipif(
        not any(map(shutil.which, ("g++", "c++", "clang++"))), reason="torch's inductor needs a C++ compiler"
    ),
)


@pytest.fixture
def _fresh_compiler():
    torch._dynamo.reset()
    yield
    torch._dynamo.reset()


@pytest.mark.usefixtures("_fresh_compiler")
@pytest.mark.filterwarnings("ignore::DeprecationWarning:torch")
@pytest.mark.parametrize("backend", ["eager", "aot_eager", INDUCTOR])
@pytest.mark.parametrize("attached", ["before", "after the first call", "to the wrapper", "in place"])
def test_compiled_models_run_uncompiled_while_captured(backend, attached):
    x = batch()
    plain = net()
    expected = step(plain, Separation(plain, strength=1.0), x)
    model = net()
    if attached == "in place":
        model.compile(backend=backend)
        compiled, separation = model, Separation(model, strength=1.0)
    else:
        separation = Separation(model, strength=1.0) if attached == "before" else None
        compiled = torch.compile(model, backend=backend)
        if separation is None:
            compiled(x)
            separation = Separation(compiled if attached == "to the wrapper" else model, strength=1.0)
    for _ in range(3):
        torch.testing.assert_close(step(compiled, separation, x), expected)
    assert [site.name for site in separation._capture.sites] == ["1", "3"]
    separation.detach()
    torch.testing.assert_close(compiled(x), plain(x))
    with pytest.raises(RelucidError, match="got none"):
        separation.penalty()


class Loop(nn.Module):
    """A forward with a loop, which dynamo stops compiling after a graph break."""

    def __init__(self):
        super().__init__()
        self.layers = net()

    def forward(self, x):
        for layer in self.layers:
            x = layer(x)
        return x


@pytest.mark.usefixtures("_fresh_compiler")
@pytest.mark.parametrize("root", [net, Loop])
@pytest.mark.parametrize("captured", [(), (0,), (1, 4), (0, 1, 2)])
def test_steps_that_are_not_captured_run_compiled(root, captured):
    model, recorder, x = root(), Recorder(), batch()
    counter = CompileCounter()
    Capture(model, recorder)
    compiled = torch.compile(model, backend=counter)
    for number in range(6):
        recorder.enabled = number in captured
        before = len(recorder.calls)
        torch.testing.assert_close(compiled(x), net()(x))
        assert len(recorder.calls) - before == (4 if number in captured else 1)
    assert counter.frame_count == 1
    assert counter.op_count == len(net())


@pytest.mark.usefixtures("_fresh_compiler")
def test_a_captured_forward_that_raises_restores_the_compiler():
    model, recorder, x = net(), Recorder(), batch()
    counter = CompileCounter()
    capture = Capture(model, recorder)
    compiled = torch.compile(model, backend=counter)
    with pytest.raises(RuntimeError, match="shapes cannot be multiplied"):
        compiled(x[:, :2])
    recorder.enabled = False
    compiled(x)
    assert counter.frame_count == 1
    capture.detach()


def test_attaching_alone_does_not_import_the_compiler():
    code = (
        "import sys, torch; from relucid.plugins.torch.separation.separation import Separation; "
        "model = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.ReLU()); separation = Separation(model); "
        "(model(torch.ones(4, 2)).sum() + separation.penalty()).backward(); separation.detach(); "
        "assert 'torch._dynamo' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.usefixtures("_fresh_compiler")
def test_fullgraph_is_an_error_while_captured():
    model = net()
    Capture(model, Recorder())
    with pytest.raises(torch._dynamo.exc.Unsupported, match="relucid reads activations in eager mode"):
        torch.compile(model, backend="eager", fullgraph=True)(batch())


@pytest.fixture(scope="module")
def found_by_two(tmp_path_factory):
    folder = tmp_path_factory.mktemp("two")
    two_processes.run("torch.capture.run_wrapped", folder)
    return torch.load(folder / "found")


@pytest.mark.parametrize("how", ["to the module", "to the wrapper", "sharded"])
def test_two_processes_average_their_gradients(found_by_two, how):
    found, names = found_by_two[how]
    plain = net()
    separation = Separation(plain, strength=1.0)
    halves = [step(plain, separation, half) for half in batch().chunk(2)]
    torch.testing.assert_close(found, [(a + b) / 2 for a, b in zip(*halves, strict=True)])
    assert names == ["1", "3"]
