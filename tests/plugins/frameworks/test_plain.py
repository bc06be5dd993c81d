"""A plain loop in two processes: gradients are averaged, statistics are merged, rank 0 logs."""

import torch
import torch.nn.functional as F

from relucid.plugins.torch import Monitor

from .. import two_processes
from .problem import RATE, SIZE, assert_same, batches, gradients, net, objective


def test_two_processes_together_measure_what_one_would(tmp_path):
    two_processes.run("frameworks.run_plain", tmp_path)
    first, second = (torch.load(tmp_path / f"{rank}.pt") for rank in range(2))
    pairs = [batches(8)[start : start + 2] for start in range(0, 8, 2)]
    reference = gradients((pair, 2.0) for pair in pairs)
    for found in (first, second):
        assert_same(found["gradients"], reference)

    logged: list[tuple[int, dict]] = []
    model = net()
    Monitor(model, every=1, window=2, log=lambda values, step: logged.append((step, values)))
    for pair in pairs:
        joined = tuple(torch.cat(part) for part in zip(*pair, strict=True))
        F.cross_entropy(model(joined[0]), joined[1])
        descend(model, pair)
    assert second["logged"] == []
    assert [step for step, _ in first["logged"]] == [step for step, _ in logged] == [1, 3]
    for (_, ours), (_, alone) in zip(first["logged"], logged, strict=True):
        assert ours.keys() == alone.keys()
        assert ours["window_forwards"] == 2 * alone["window_forwards"]
        assert ours["samples"] == 4 * SIZE
        for name in ours.keys() - {"window_forwards"}:
            torch.testing.assert_close(ours[name], alone[name], rtol=1e-4, atol=1e-6, check_dtype=False, msg=name)
    assert first["points"] == second["points"]
    assert len(set(first["points"])) == round(len(first["points"])) <= 4 * SIZE


def descend(model, pair):
    """A step outside of the model's own forward, which a monitor would count."""
    total = sum(objective(model, batch) for batch in pair) / 2
    for parameter, gradient in zip(
        model.parameters(), torch.autograd.grad(total, list(model.parameters())), strict=True
    ):
        parameter.data -= RATE * gradient
