"""The data sets of the papers, and round trips and damaged files of the official formats."""

import gzip
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest

from relucid.analyzer.errors import DataError, MissingDependencyError, OptionError
from relucid.trainers import datasets
from relucid.trainers.datasets.mnist import IDX, read_idx


def test_moons_has_the_published_class_counts_and_scale():
    split = datasets.make_moons()
    assert np.bincount(split.train.y).tolist() == [41, 44]
    assert np.bincount(split.val.y).tolist() == [9, 6]
    x = np.concatenate([split.train.x, split.val.x])
    assert x.shape == (100, 2)
    assert x.dtype == np.float32
    assert x.max() - x.min() == pytest.approx(1)
    radii = [np.hypot(*(3 * x[:, 0] - dx, 3 * x[:, 1] - dy)) for dx, dy in ((0, 0), (1, 0.5))]
    y = np.concatenate([split.train.y, split.val.y])
    for label, radius in enumerate(radii):
        np.testing.assert_allclose(radius[y == label], 1, atol=1e-5)


def test_digits_are_the_uci_digits_in_the_same_share():
    split = datasets.load_digits()
    assert len(split.train) + len(split.val) == 1797
    assert split.train.x.shape[1:] == (1, 8, 8)
    assert 0 <= split.train.x.min() < split.train.x.max() == 1
    np.testing.assert_allclose(np.bincount(split.train.y) / 2, np.bincount(split.val.y), atol=1.5)


def test_checkboard_has_four_by_four_cells_and_unit_variance():
    split = datasets.make_checkboard(train=20_000, val=100)
    np.testing.assert_allclose(split.train.x.std(0), 1, atol=0.02)
    cells = np.floor(split.train.x * 2 / np.sqrt(3)).astype(int)
    classes = {tuple(cell): set(split.train.y[(cells == cell).all(1)].tolist()) for cell in np.unique(cells, axis=0)}
    assert len(classes) == 16
    assert all(len(names) == 1 for names in classes.values())
    for (row, column), names in classes.items():
        below = classes.get((row + 1, column))
        assert below is None or below != names


def test_stripes_are_the_printed_formula():
    part = datasets.make_checkboard(train=5000, val=1, pattern="stripes").train
    inside = np.abs((part.x.astype(float).sum(1) * 4 / np.sqrt(3)) % 1 - 0.5) < 0.49
    expected = np.floor((part.x[:, 0] + part.x[:, 1]) / np.sqrt(3) * 4) % 4
    np.testing.assert_array_equal(part.y[inside], expected[inside])


def test_gaussians_are_five_clusters_of_their_spread():
    part = datasets.make_gaussians(train=5000, spread=0.1).train
    centres = np.stack([part.x[part.y == label].mean(0) for label in range(5)])
    np.testing.assert_allclose(np.hypot(*centres.T), 1, atol=0.02)
    np.testing.assert_allclose((part.x - centres[part.y]).std(), 0.1, atol=0.005)


@pytest.mark.parametrize("make", [datasets.make_checkboard, datasets.make_gaussians])
def test_generated_data_are_repeatable_and_not_empty(make):
    np.testing.assert_array_equal(make(train=10).train.x, make(train=10).train.x)
    assert not np.array_equal(make(train=10).train.x, make(train=10, seed=1).train.x)
    with pytest.raises(OptionError, match="at least 1"):
        make(train=0)


@pytest.fixture
def digits_like() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    generator = np.random.default_rng(0)
    return {
        part: (
            generator.integers(0, 256, (count, 5, 4), dtype=np.uint8),
            generator.integers(0, 10, count).astype(np.uint8),
        )
        for part, count in (("train", 7), ("test", 3))
    }


def write_idx(path: Path, array: np.ndarray) -> None:
    data = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)


def write_mnist(folder: Path, kind: str, parts: dict) -> Path:
    if kind == "keras":
        arrays = {f"{key}_{part}": array for part, pair in parts.items() for key, array in zip("xy", pair, strict=True)}
        np.savez(folder / "mnist.npz", **arrays)
        return folder / "mnist.npz"
    for part, (images, labels) in parts.items():
        if kind == "npz":
            np.savez(folder / f"mnist_{part}.npz", images=images, labels=labels)
        else:
            for name, array in zip(IDX[part], (images, labels), strict=True):
                write_idx(folder / (name + (".gz" if kind == "gz" else "")), array)
    return folder


@pytest.mark.parametrize("kind", ["npz", "keras", "idx", "gz"])
def test_mnist_reads_what_was_written(kind, tmp_path, digits_like):
    split = datasets.load_mnist(write_mnist(tmp_path, kind, digits_like))
    for part, (images, labels) in zip((split.train, split.val), digits_like.values(), strict=True):
        assert part.x.dtype == np.float32
        np.testing.assert_allclose(part.x[:, 0] * 255, images, rtol=1e-6)
        np.testing.assert_array_equal(part.y, labels)


def test_missing_mnist_files_are_named(tmp_path):
    with pytest.raises(DataError, match=r"mnist_train\.npz.*t10k-images-idx3-ubyte.*Keras"):
        datasets.load_mnist(tmp_path)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda data: data[:-3], "got 17"),
        (lambda data: data + b"x", "got 21"),
        (lambda data: b"\x00\x00\x0d" + data[3:], "00 00 0d"),
        (lambda data: data[:9], "got 0"),
        (lambda _: b"", "expected an idx file"),
    ],
)
def test_damaged_idx_files_are_refused(damage, message, tmp_path):
    file = tmp_path / "images"
    write_idx(file, np.zeros((5, 4), np.uint8))
    file.write_bytes(damage(file.read_bytes()))
    with pytest.raises(DataError, match=message):
        read_idx(file)


def test_damaged_archives_are_refused(tmp_path, digits_like):
    folder = write_mnist(tmp_path, "gz", digits_like)
    file = folder / f"{IDX['train'][0]}.gz"
    file.write_bytes(file.read_bytes()[:30])
    with pytest.raises(DataError, match="cannot be read"):
        datasets.load_mnist(folder)
    (tmp_path / "mnist.npz").write_bytes(b"PK no")
    with pytest.raises(DataError, match="expected an npz file"):
        datasets.load_mnist(tmp_path / "mnist.npz")


def test_missing_arrays_are_named(tmp_path):
    np.savez(tmp_path / "other.npz", a=np.zeros(2))
    with pytest.raises(DataError, match="x_train and y_train, got a"):
        datasets.load_mnist(tmp_path / "other.npz")
    np.savez(tmp_path / "floats.npz", **{f"{k}_{p}": np.zeros((2, 3, 3)) for k in "xy" for p in ("train", "test")})
    with pytest.raises(DataError, match="uint8"):
        datasets.load_mnist(tmp_path / "floats.npz")


def cifar_rows(count: int, labels: int, seed: int) -> np.ndarray:
    rows = np.random.default_rng(seed).integers(0, 256, (count, labels + 3072), dtype=np.uint8)
    rows[:, :labels] %= 10
    return rows


@pytest.mark.parametrize(
    ("labels", "train", "test"),
    [(1, [f"data_batch_{n}.bin" for n in range(1, 6)], "test_batch.bin"), (2, ["train.bin"], "test.bin")],
)
def test_cifar_binaries(labels, train, test, tmp_path):
    for seed, name in enumerate([*train, test]):
        cifar_rows(3, labels, seed).tofile(tmp_path / name)
    split = datasets.load_cifar(tmp_path)
    assert split.train.x.shape == (3 * len(train), 3, 32, 32)
    first = cifar_rows(3, labels, 0)
    np.testing.assert_allclose(split.train.x[1, 2, 5, 7] * 255, first[1, labels + 2 * 1024 + 5 * 32 + 7], rtol=1e-6)
    np.testing.assert_array_equal(split.train.y[:3], first[:, labels - 1])
    whole = datasets.standardize(split)
    np.testing.assert_allclose(whole.train.x.mean((0, 2, 3)), 0, atol=1e-4)
    np.testing.assert_allclose(whole.train.x.std((0, 2, 3)), 1, atol=1e-4)


def test_cifar_files_that_are_missing_or_cut_are_refused(tmp_path):
    (tmp_path / "train.bin").write_bytes(bytes(3074 * 2 - 1))
    with pytest.raises(DataError, match="multiple of 3074 bytes, got 6147"):
        datasets.load_cifar(tmp_path)
    (tmp_path / "train.bin").write_bytes(bytes(3074))
    with pytest.raises(DataError, match=r"No such file or directory for test\.bin"):
        datasets.load_cifar(tmp_path)


@pytest.fixture
def pictures(tmp_path) -> Path:
    image = pytest.importorskip("PIL.Image")
    for part, count in (("train", 2), ("test", 1)):
        for number, kind in enumerate(("cat", "dog")):
            folder = tmp_path / "set" / part / kind
            folder.mkdir(parents=True)
            for place in range(count):
                pixels = np.full((4, 6, 3), (number * 100, place * 50, 7), np.uint8)
                image.fromarray(pixels).save(folder / f"{place}.png")
    return tmp_path / "set"


def zipped(folder: Path) -> Path:
    path = folder.with_suffix(".zip")
    with zipfile.ZipFile(path, "w") as archive:
        for file in folder.rglob("*"):
            archive.write(file, file.relative_to(folder.parent))
    return path


@pytest.mark.parametrize("pack", [lambda folder: folder, zipped])
def test_images_from_a_folder_or_a_zip(pack, pictures):
    split = datasets.load_cifar(pack(pictures))
    assert split.train.x.shape == (4, 3, 4, 6)
    np.testing.assert_array_equal(split.train.y, [0, 0, 1, 1])
    np.testing.assert_allclose(split.train.x[3, :, 0, 0] * 255, [100, 50, 7], rtol=1e-6)
    np.testing.assert_allclose(split.val.x[1, :, 3, 5] * 255, [100, 0, 7], rtol=1e-6)


def test_image_sets_that_do_not_fit_are_refused(pictures, tmp_path):
    (pictures / "train" / "dog" / "1.png").write_bytes(b"no image")
    with pytest.raises(DataError, match=r"dog/1\.png: expected an image"):
        datasets.load_images(pictures)
    (pictures / "test" / "dog").rename(pictures / "test" / "fox")
    with pytest.raises(DataError, match="expected the classes of train"):
        datasets.load_images(pictures)
    with pytest.raises(DataError, match="got none"):
        datasets.load_images(pictures / "train" / "cat")
    (tmp_path / "file.zip").write_bytes(b"no zip")
    with pytest.raises(DataError, match="expected a folder or a zip file"):
        datasets.load_images(tmp_path / "file.zip")


def test_images_of_two_sizes_are_refused(pictures):
    image = pytest.importorskip("PIL.Image")
    image.new("RGB", (9, 9)).save(pictures / "train" / "cat" / "9.png")
    with pytest.raises(DataError, match=r"one size.*\(4, 6\).*\(9, 9\)"):
        datasets.load_images(pictures)


@pytest.mark.parametrize(
    ("module", "call"), [("sklearn.datasets", datasets.make_moons), ("sklearn.datasets", datasets.load_digits)]
)
def test_a_missing_package_is_one_line_with_the_pip_command(module, call, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, module, None)
    with pytest.raises(MissingDependencyError, match="pip install scikit-learn"):
        call()


def test_a_class_for_each_sample_is_required():
    with pytest.raises(DataError, match="one class per sample"):
        datasets.Labelled(np.zeros((3, 2), np.float32), np.zeros(2, np.int64))


def test_third_party_data(shared_data):
    split = datasets.load_mnist(shared_data)
    assert (len(split.train), len(split.val)) == (60_000, 10_000)
    # counted by others: zeros and ones of the official parts
    assert np.bincount(split.train.y)[:2].tolist() == [5923, 6742]
    assert np.bincount(split.val.y)[:2].tolist() == [980, 1135]
