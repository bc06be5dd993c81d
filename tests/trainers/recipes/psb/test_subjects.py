"""The networks of the PSB recipe: those trained here, once, and third-party models."""

import numpy as np
import pytest

pytest.importorskip("torch")
import torch
from torch import nn

from relucid.analyzer.errors import OptionError
from relucid.plugins import psb as plugin
from relucid.trainers.augmentation import shift_and_mirror
from relucid.trainers.datasets.labelled import Labelled, Split
from relucid.trainers.nets.residual import ResidualNet
from relucid.trainers.recipes import RunConfig
from relucid.trainers.recipes.psb import sizes, subjects
from relucid.trainers.recipes.psb.nets import AfterAddition, small_net
from relucid.trainers.recipes.psb.plans import accuracy
from relucid.trainers.recipes.psb.training import train_once

exporting = pytest.mark.filterwarnings("ignore:.*LeafSpec:FutureWarning")


def test_shifted_images_are_windows_of_the_padded_ones_half_of_them_mirrored():
    x = torch.arange(1.0, 1 + 3 * 36).reshape(1, 3, 6, 6).expand(400, 3, 6, 6)
    found = shift_and_mirror(x, generator=torch.Generator().manual_seed(0))
    padded = torch.nn.functional.pad(x[0], (4, 4, 4, 4))
    windows = {padded[:, r : r + 6, c : c + 6].numpy().tobytes() for r in range(9) for c in range(9)}
    mirrored = {padded[:, r : r + 6, c : c + 6].flip(2).numpy().tobytes() for r in range(9) for c in range(9)}
    kinds = [(image.numpy().tobytes() in windows, image.numpy().tobytes() in mirrored) for image in found.contiguous()]
    assert all(plain or turned for plain, turned in kinds)
    assert 150 < sum(turned for _, turned in kinds) < 250
    assert len({image.numpy().tobytes() for image in found.contiguous()}) > 100


def small_data() -> Split:
    random = np.random.default_rng(1)
    part = Labelled(random.standard_normal((64, 3, 32, 32)).astype(np.float32), random.integers(0, 10, 64))
    return Split(part, part)


def test_a_net_is_trained_once(tmp_path):
    weights, advanced, data = tmp_path / "weights" / "net.pt", [], small_data()
    state = torch.get_rng_state()

    def once() -> nn.Module:
        return train_once(lambda: small_net(width=4), data, weights, epochs=2, seed=3, advance=advanced.append)

    first = once()
    assert advanced == [1, 1]
    written = weights.stat().st_mtime_ns
    second = once()
    assert advanced == [1, 1, 2]
    assert weights.stat().st_mtime_ns == written
    assert not first.training
    assert not second.training
    for one, other in zip(first.state_dict().values(), second.state_dict().values(), strict=True):
        assert torch.equal(one, other)
    assert torch.equal(torch.get_rng_state(), state)


def test_each_name_is_a_different_net(tmp_path):
    size = sizes.Size(
        depth=8, widths=(2, 3, 4), narrow=(2, 2, 3), small=5, epochs=1, trained_at=(0, 2), images=20, augmented=False
    )
    config, data = RunConfig(out=tmp_path, seed=7), small_data()
    found = {}
    for name in size.epochs_by_net:
        subject = subjects.train_subject(config, size, data, name, lambda _: None)
        assert len(subject.images) == 20
        state = torch.load(tmp_path / "weights" / f"{subject.net}.pt", weights_only=True)
        found[name] = {key: tuple(value.shape) for key, value in state.items() if value.dim() > 1}
    residual = {
        sizes.RESNET: ResidualNet(8, widths=size.widths),
        sizes.BEFORE: ResidualNet(8, widths=size.narrow),
        sizes.AFTER: AfterAddition(8, widths=size.narrow),
    }
    for name, net in residual.items():
        assert found[name] == {key: tuple(value.shape) for key, value in net.state_dict().items() if value.dim() > 1}
    assert found["small-0"]["0.weight"] == found["small-2"]["0.affine.weight"] == (5, 3, 3, 3)
    assert list(tmp_path.rglob("small-2-e1-n64-s7.pt"))


@exporting
@pytest.mark.parametrize(
    ("build", "scales"),
    [(lambda: ResidualNet(8, widths=(2, 2, 2)), 4), (lambda: AfterAddition(8, widths=(2, 2, 2)), 3)],
)
def test_batch_norms_after_an_addition_stay_multiplications(build, scales):
    """Before: one per branch and the last one, none on the shortcut path. After: one per block, all on it."""
    from relucid.analyzer.model import load

    model = load(build(), example_inputs=(torch.zeros(2, 3, 32, 32),)).ir
    kinds = [layer.kind for layer in plugin.rewrite(model).layers]
    assert kinds.count("Scale") == scales
    assert kinds.count("Conv") == 7


def test_without_data_only_the_quick_recipe_runs(tmp_path):
    with pytest.raises(OptionError, match="--data: expected a folder with CIFAR-10"):
        sizes.load_data(RunConfig(out=tmp_path))
    data = sizes.load_data(RunConfig(out=tmp_path, quick=True, limit=100))
    assert data.train.x.shape == (100, 1, 32, 32)
    assert abs(data.train.x.mean()) < 0.2


def test_third_party_models_have_their_known_accuracy(shared_models, shared_data, tmp_path, manifest):
    config = RunConfig(out=tmp_path, data=shared_data, models=shared_models)
    known = {"mnist_cntk8": "mnist_test 10000", "marabou_cnn_max_mninst2": "mnist_test 10000"}
    known["winml_cifar_imageclassifier"] = "cifar10 lossless 479"
    found = list(subjects.load_third_party(config, sizes.Size(images=500)))
    assert [subject.net for subject in found] == list(known)
    for subject in found:
        expected = manifest[subject.net]["measured_accuracy"][known[subject.net]]
        assert accuracy(subject.float_scores, subject.images.y) == pytest.approx(expected, abs=0.01)
