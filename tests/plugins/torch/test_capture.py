"""A capture sees every use, keeps the graph, changes nothing, and leaves no trace."""

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
from torch.nn import functional
from torch.overrides import _get_current_function_mode_stack
from torch.utils.checkpoint import checkpoint

from relucid.analyzer.errors import ModelError
from relucid.analyzer.sites import KINDS
from relucid.plugins.torch import Capture

from .architectures import ARCHITECTURES, build
from .watching import Watching

USES = {
    "relu module": nn.ReLU(),
    "relu module in place": nn.ReLU(inplace=True),
    "functional.relu": functional.relu,
    "functional.relu in place": lambda z: functional.relu(z, inplace=True),
    "functional.relu_": functional.relu_,
    "torch.relu": torch.relu,
    "torch.relu_": torch.relu_,
    "method": lambda z: z.relu(),
    "method in place": lambda z: z.relu_(),
    "by keyword": lambda z: functional.relu(input=z),
    "clamp": lambda z: z.clamp(min=0),
    "clamp_": lambda z: z.clamp_(min=0.0),
    "torch.clamp": lambda z: torch.clamp(z, 0),
    "clamp with a cap": lambda z: torch.clamp(z, 0, 6),
    "clip": lambda z: z.clip(0),
    "clamp_min": lambda z: z.clamp_min(0),
    "clamp_min_": lambda z: torch.clamp_min_(z, 0),
    "maximum": lambda z: torch.maximum(z, torch.zeros(())),
    "maximum, exchanged": lambda z: torch.zeros_like(z).maximum(z),
    "max": lambda z: torch.max(z, torch.zeros(1)),
    "leaky_relu": functional.leaky_relu,
    "leaky_relu_": functional.leaky_relu_,
    "prelu": nn.PReLU(),
    "relu6": nn.ReLU6(),
    "hardtanh": nn.Hardtanh(0, 2, inplace=True),
    "threshold": nn.Threshold(0, 0, inplace=True),
    "elu": nn.ELU(),
    "elu in place": nn.ELU(inplace=True),
    "celu": nn.CELU(),
    "selu": nn.SELU(inplace=True),
    "hardswish": nn.Hardswish(inplace=True),
    "hardsigmoid": nn.Hardsigmoid(),
    "gelu": nn.GELU("tanh"),
    "silu": nn.SiLU(inplace=True),
    "mish": nn.Mish(inplace=True),
    "softplus": nn.Softplus(),
}
NO_USES = {
    "clamp below": lambda z: z.clamp(min=-1),
    "clamp from above": lambda z: z.clamp(max=0),
    "maximum of two": lambda z: torch.maximum(z, -z),
    "learnt bound": lambda z: torch.maximum(z, torch.zeros((), requires_grad=True)),
    "max over an axis": lambda z: z.max(0).values,
    "tanh": torch.tanh,
    "hardtanh": functional.hardtanh,
    "threshold elsewhere": nn.Threshold(0.5, 0),
    "integers": lambda z: z.long().relu(),
}


class Use(nn.Module):
    """One linear map and one use of its output."""

    def __init__(self, use):
        super().__init__()
        self.linear, self.use = nn.Linear(4, 5), use

    def forward(self, x):
        return self.use(self.linear(x))


def trained(model, x):
    """Output, gradients and buffers after one step of training."""
    model.zero_grad()
    torch.manual_seed(1)
    out = model(x)
    out.sum().backward()
    return [out.detach(), *(p.grad.clone() for p in model.parameters()), *(b.clone() for b in model.buffers())]


@pytest.mark.parametrize("use", USES.values(), ids=USES)
def test_every_use_is_seen_before_it_overwrites(use):
    model, watching, x = Use(use), Watching(), torch.randn(20, 4)
    capture = Capture(model, watching)
    model(x)
    (site,) = capture.sites
    assert torch.equal(watching.seen[site.name], model.linear(x))
    assert watching.with_graph[site.name]
    assert site.kind in KINDS


@pytest.mark.parametrize("use", NO_USES.values(), ids=NO_USES)
def test_what_does_not_switch_at_0_is_no_site(use):
    model = Use(use)
    capture = Capture(model, Watching())
    model(torch.randn(20, 4))
    assert capture.sites == ()


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_nothing_changes_while_attached_or_after(name):
    model, x = build(name)
    twin = copy.deepcopy(model)
    expected = [trained(twin, x) for _ in range(3)]
    hooks = {key: list(getattr(model, key)) for key in ("_forward_hooks", "_forward_pre_hooks")}
    first = trained(model, x)
    capture = Capture(model, Watching())
    second = trained(model, x)
    capture.detach()
    third = trained(model, x)
    for got, wanted in zip((first, second, third), expected, strict=True):
        assert all(map(torch.equal, got, wanted))
    assert {key: list(getattr(model, key)) for key in hooks} == hooks
    assert not model._forward_hooks_always_called
    assert _get_current_function_mode_stack() == []


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


def test_copies_and_pickles_work_and_are_not_watched():
    model, x = build("resnet")
    watching = Watching()
    capture = Capture(model.eval(), watching)
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
    watching.told.clear()
    for twin in copies:
        assert torch.equal(twin(x), expected)
    assert watching.told == []
    capture.detach()


def test_a_pickle_loads_without_relucid():
    model = nn.Sequential(nn.Linear(3, 3), nn.ReLU())
    capture = Capture(model, Watching())
    code = "import pickle, sys; pickle.load(sys.stdin.buffer); assert 'relucid' not in sys.modules"
    subprocess.run([sys.executable, "-W", "ignore", "-c", code], input=pickle.dumps(model), check=True)
    capture.detach()


def test_no_tensor_outlives_its_step():
    model, x = build("resnet")

    class Refs(Watching):
        def see(self, site, z):
            self.seen[site.name] = weakref.ref(z)

    watching = Refs()
    capture = Capture(model, watching)
    counts = []
    for _ in range(200):
        model(x).sum().backward()
        assert not any(ref() is not None for ref in watching.seen.values())
        counts.append(len(capture._axes._known))
    assert max(counts) < 2 * counts[0], "what is known of tensors is forgotten with them"
    alive = sum(issubclass(type(thing), torch.Tensor) for thing in gc.get_objects())
    for _ in range(20):
        model(x).sum().backward()
    assert sum(issubclass(type(thing), torch.Tensor) for thing in gc.get_objects()) <= alive
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
