"""Folders of images: order, labels, and every step of the preprocessing against numpy."""

import json
import sys

import numpy as np
import pytest
from PIL import Image

from relucid.analyzer.data import input_specs, open_data
from relucid.analyzer.data.images import Preprocess, parse_preprocess
from relucid.analyzer.errors import DataError, MissingDependencyError

SPECS = input_specs([("x", np.dtype("f4"), ("batch", None, None, None))])


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "data").mkdir()
    return tmp_path / "data"


@pytest.fixture
def settings(tmp_path):
    def write(**values):
        (tmp_path / "cfg.json").write_text(json.dumps(values))
        return tmp_path / "cfg.json"

    return write


def picture(path, seed=0, height=6, width=9):
    path.parent.mkdir(exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), "u1")
    Image.fromarray(pixels).save(path)
    return pixels


def test_pixels_are_scaled_and_channels_come_first(folder, settings, whole):
    first, second = picture(folder / "b.png", 1), picture(folder / "a.png", 2)
    found = whole(open_data(folder, SPECS, preprocess=settings()), SPECS)
    expected = np.stack([second, first]).transpose(0, 3, 1, 2).astype("f8") / 255
    np.testing.assert_array_equal(found["x"], expected.astype("f4"))
    assert "labels" not in found


def test_mean_std_scale_layout_and_colour(folder, settings, whole):
    pixels = picture(folder / "a.png")
    cfg = settings(mean=[1, 2, 3], std=[4, 5, 6], scale=1, layout="NHWC", color="BGR")
    expected = (pixels[:, :, ::-1].astype("f8") - [1, 2, 3]) / [4, 5, 6]
    np.testing.assert_allclose(whole(open_data(folder, SPECS, preprocess=cfg), SPECS)["x"][0], expected, rtol=1e-6)


def test_one_channel(folder, settings, whole):
    pixels = picture(folder / "a.png")
    found = whole(open_data(folder, SPECS, preprocess=settings(color="L", scale=1)), SPECS)["x"]
    expected = pixels @ [0.299, 0.587, 0.114]  # ITU-R 601-2, as Pillow documents it
    np.testing.assert_allclose(found[0, 0], expected, atol=1)


def test_bytes_stay_bytes(folder, settings, whole):
    specs = input_specs([("x", np.dtype("u1"), ("batch", 3, 6, 9))])
    pixels = picture(folder / "a.png")
    found = whole(open_data(folder, specs, preprocess=settings(dtype="uint8")), specs)["x"]
    np.testing.assert_array_equal(found[0].transpose(1, 2, 0), pixels)


@pytest.mark.parametrize(("size", "shape"), [(12, (12, 18)), ([3, 4], (3, 4)), (None, (6, 9)), (5, (5, 7))])
def test_resize_sets_the_shorter_side_or_both(folder, settings, size, shape, whole):
    Image.new("RGB", (9, 6), (255, 0, 51)).save(folder / "a.png")
    found = whole(open_data(folder, SPECS, preprocess=settings(resize=size)), SPECS)["x"]
    assert found.shape == (1, 3, *shape)
    np.testing.assert_allclose(found[0, :, 1, 1], [1, 0, 0.2], atol=1e-6)


def test_nearest_doubling_repeats_pixels(folder, settings, whole):
    pixels = picture(folder / "a.png")
    cfg = settings(resize=[12, 18], interpolation="nearest", scale=1)
    found = whole(open_data(folder, SPECS, preprocess=cfg), SPECS)["x"][0].transpose(1, 2, 0)
    np.testing.assert_array_equal(found, pixels.repeat(2, 0).repeat(2, 1))


def test_crop_is_centred(folder, settings, whole):
    pixels = picture(folder / "a.png", height=6, width=8)
    for crop, expected in [(4, pixels[1:5, 2:6]), ([2, 8], pixels[2:4])]:
        found = whole(open_data(folder, SPECS, preprocess=settings(crop=crop, scale=1)), SPECS)["x"][0]
        np.testing.assert_array_equal(found.transpose(1, 2, 0), expected)


def test_class_folders_give_labels(folder, settings, whole):
    for place, name in enumerate(["dog", "cat", "dog", "ant"]):
        picture(folder / name / f"{place}.jpg", place)
    (folder / "bird").mkdir()
    (folder / "notes.txt").write_text("not an image")
    assert whole(open_data(folder, SPECS, preprocess=settings()), SPECS)["labels"].tolist() == [0, 1, 2, 2]


def test_class_folders_that_are_numbers_are_the_labels(folder, settings, whole):
    for name in ["10", "9", "0"]:
        picture(folder / name / "a.png")
    assert whole(open_data(folder, SPECS, preprocess=settings()), SPECS)["labels"].tolist() == [0, 10, 9]


def refusal(path, specs=SPECS, **options):
    with pytest.raises(DataError) as caught:
        list(open_data(path, specs, **options))
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_refusals(folder, settings):
    cfg = settings()
    assert "data: expected images (.bmp" in refusal(folder, preprocess=cfg)
    picture(folder / "a.png")
    assert "expected --preprocess cfg.json for an image folder" in refusal(folder)
    assert "--preprocess: expected a JSON file, got no such file" in refusal(folder, preprocess=folder / "none.json")
    assert "--preprocess: expected an image folder as the data, got random:3" in refusal("random:3", preprocess=cfg)
    assert "--preprocess: expected an image folder as the data, got data" in refusal(np.zeros(3), preprocess=cfg)
    specs = input_specs([("x", np.dtype("f4"), ("batch", 3, 32, 32))])
    assert "a.png: expected float32 (batch, 3, 32, 32) for input 'x', got float32 (1, 3, 6, 9)" in refusal(
        folder, specs, preprocess=cfg
    )
    assert "a.png: expected float32" in refusal(folder, preprocess=settings(dtype="uint8"))
    assert "expected at least 7 x 7 pixels for the crop, got 6 x 9; resize first" in refusal(
        folder, preprocess=settings(crop=7)
    )
    picture(folder / "dog" / "b.png")
    assert "expected images either in the folder itself or in class folders, got both" in refusal(
        folder, preprocess=cfg
    )


def test_files_that_are_not_images(folder, settings):
    picture(folder / "a.png")
    content = (folder / "a.png").read_bytes()
    for damaged in (b"", b"not an image", content[: len(content) // 2]):
        (folder / "a.png").write_bytes(damaged)
        assert "a.png: expected an image, got a file that cannot be read as one" in refusal(
            folder, preprocess=settings()
        )
    Image.fromarray(np.full((4, 4), 4000, "u2")).save(folder / "a.png")
    assert "a.png: expected 8 bits per channel, got mode I;16" in refusal(folder, preprocess=settings())


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"size": 3}, "expected settings among 'color', 'resize'"),
        ({"color": "CMYK"}, "expected one of 'RGB', 'BGR', 'L' for 'color', got \"CMYK\""),
        ({"color": ["RGB"]}, "expected one of 'RGB', 'BGR', 'L' for 'color'"),
        ({"layout": "nchw"}, "expected one of 'NCHW', 'NHWC' for 'layout'"),
        ({"dtype": "int8"}, "expected one of 'float16', 'float32', 'float64', 'uint8' for 'dtype'"),
        ({"interpolation": 2}, "expected one of 'nearest'"),
        ({"resize": 0}, "expected a number of pixels, or [height, width], for 'resize', got 0"),
        ({"crop": [1, 2, 3]}, "expected a number of pixels, or [height, width], for 'crop'"),
        ({"crop": True}, "expected a number of pixels, or [height, width], for 'crop', got true"),
        ({"mean": [1, 2]}, "expected a number or 3 numbers for 'mean', got [1, 2]"),
        ({"color": "L", "mean": [1, 2, 3]}, "expected a number or 1 numbers for 'mean'"),
        ({"std": [1, 0, 1]}, "expected a number or 3 numbers other than 0 for 'std'"),
        ({"std": "1"}, "expected a number or 3 numbers other than 0 for 'std'"),
        ({"scale": None}, "expected a number for 'scale'"),
        ({"mean": float("nan")}, "expected a number or 3 numbers for 'mean'"),
        ({"dtype": "uint8", "mean": 1}, "expected no value with dtype uint8 for 'mean'"),
    ],
)
def test_invalid_settings(values, message):
    with pytest.raises(DataError) as caught:
        parse_preprocess(values, source="cfg.json")
    assert f"cfg.json: {message}" in str(caught.value)


def test_settings_that_are_not_json(folder, tmp_path):
    picture(folder / "a.png")
    for text, message in [
        ("{", "expected JSON"),
        ("[1]", "expected a JSON object, got list"),
        ("\xff", "expected JSON"),
    ]:
        (tmp_path / "cfg.json").write_bytes(text.encode("latin-1"))
        assert f"cfg.json: {message}" in refusal(folder, preprocess=tmp_path / "cfg.json")


def test_settings_have_the_documented_defaults():
    assert parse_preprocess({}, source="") == Preprocess()


def test_a_missing_pillow_is_an_error_when_it_is_needed(folder, settings, monkeypatch):
    picture(folder / "a.png")
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(MissingDependencyError, match="pip install pillow"):
        list(open_data(folder, SPECS, preprocess=settings()))
