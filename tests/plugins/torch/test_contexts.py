"""Where models run otherwise than by a plain call: compiled, in several processes, sharded."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from relucid.analyzer.errors import RelucidError
from relucid.plugins.torch import Capture, Separation

from .two_processes import batch, net, step
from .watching import Watching


@pytest.fixture
def _fresh_compiler():
    torch._dynamo.reset()
    yield
    torch._dynamo.reset()


@pytest.mark.usefixtures("_fresh_compiler")
@pytest.mark.filterwarnings("ignore::DeprecationWarning:torch")
@pytest.mark.parametrize("backend", ["eager", "aot_eager", "inductor"])
@pytest.mark.parametrize("attached", ["before", "after the first call", "to the wrapper", "in place"])
def test_compiled_models_run_as_they_are_while_watched(backend, attached):
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


@pytest.mark.usefixtures("_fresh_compiler")
def test_steps_that_are_not_watched_run_compiled():
    model, watching, x = net(), Watching(), batch()
    counter = torch._dynamo.testing.CompileCounter()
    Capture(model, watching)
    compiled = torch.compile(model, backend=counter)
    watching.awake = False
    for _ in range(3):
        compiled(x)
    assert counter.frame_count > 0
    assert set(watching.told) == {"begin"}
    watching.awake = True
    compiled(x)
    assert watching.told[-4:] == ["begin", "1", "3", "end"]


@pytest.mark.usefixtures("_fresh_compiler")
def test_one_whole_graph_cannot_be_had_while_watched():
    model = net()
    Capture(model, Watching())
    with pytest.raises(torch._dynamo.exc.Unsupported, match="relucid sees what runs"):
        torch.compile(model, backend="eager", fullgraph=True)(batch())


@pytest.mark.gloo
@pytest.mark.parametrize("how", ["to the module", "to the wrapper", "sharded"])
def test_two_processes_average_their_gradients(tmp_path, how):
    run = [sys.executable, Path(__file__).with_name("two_processes.py"), tmp_path, how]
    processes = [subprocess.Popen([*run, str(rank)]) for rank in range(2)]
    try:
        assert [process.wait(120) for process in processes] == [0, 0]
    finally:
        for process in processes:
            process.kill()
            process.wait()
    found, names = torch.load(tmp_path / "found")
    plain = net()
    separation = Separation(plain, strength=1.0)
    halves = [step(plain, separation, half) for half in batch().chunk(2)]
    torch.testing.assert_close(found, [(a + b) / 2 for a, b in zip(*halves, strict=True)])
    assert names == ["1", "3"]
