"""Options of the commands that run models on data: the data, the units, and the runtime."""

import click

from ..options import MAX_COVARIANCE_UNITS
from ..stats.patterns import CAPACITY
from .shared_options import PATH, combine_options, parse_axes, parse_pairs

data_options = combine_options(
    click.option(
        "--data",
        required=True,
        metavar="DATA",
        help="File (npz, npy, parquet), image folder, random:N or loader.py:function.",
    ),
    click.option(
        "--input",
        "inputs",
        multiple=True,
        callback=parse_pairs,
        metavar="NAME=COLUMN",
        help="Array or column of the data for a model input of a different name; may be repeated.",
    ),
    click.option(
        "--preprocess",
        type=PATH,
        metavar="CFG",
        help="JSON file on how the images of a folder are converted to arrays.",
    ),
)
unit_options = combine_options(
    click.option(
        "--unit-axis",
        multiple=True,
        callback=parse_axes,
        metavar="SITE=AXIS",
        help="Axis of the units of a site, to override the detected one; may be repeated.",
    ),
    click.option(
        "--units",
        type=click.Choice(["channel", "position"]),
        default="channel",
        help="Count each channel as a unit, or each position of each channel.",
    ),
)
runtime_options = combine_options(
    click.option("--batch", type=int, metavar="N", help="Batch size; it does not affect the results."),
    click.option("--limit", type=int, metavar="N", help="Maximum number of samples to read."),
    click.option("--provider", default="cpu", metavar="cpu|cuda", help="Execution provider of ONNX Runtime."),
    click.option("--exact", is_flag=True, help="Disable the graph optimisations of ONNX Runtime."),
    click.option("--threads", type=int, metavar="N", help="Number of threads; all cores by default."),
    click.option(
        "--capacity",
        type=int,
        default=CAPACITY,
        metavar="N",
        help="Maximum number of distinct patterns counted exactly at a site; beyond it they are estimated.",
    ),
    click.option(
        "--squares",
        type=int,
        default=MAX_COVARIANCE_UNITS,
        metavar="N",
        help="Maximum number of units of a site for which VNI is computed.",
    ),
    click.option("--seed", type=int, default=0, metavar="N", help="Seed of random data and of pattern keys."),
    click.option("--custom-ops", type=PATH, metavar="LIB", help="Library of custom operators to load."),
)
