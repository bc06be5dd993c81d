"""Options of the commands that run models over data: which data, what a unit is, and how to run."""

import click

from ..options import MAX_COVARIANCE_UNITS
from ..stats.patterns import CAPACITY
from . import choices

which_data = choices.all_of(
    click.option(
        "--data", required=True, metavar="DATA", help="npz, npy, parquet, folder, random:N or loader.py:func."
    ),
    click.option(
        "--input",
        "inputs",
        multiple=True,
        callback=choices.pairs,
        metavar="NAME=COLUMN",
        help="The array or column of the data for an input, where their names differ; may be given again.",
    ),
    click.option(
        "--preprocess", type=choices.PATH, metavar="CFG", help="For an image folder: JSON, how images become arrays."
    ),
)
which_units = choices.all_of(
    click.option(
        "--unit-axis",
        multiple=True,
        callback=choices.axes,
        metavar="SITE=AXIS",
        help="Which axis counts units, where the one found is wrong; may be given again.",
    ),
    click.option(
        "--units",
        type=click.Choice(["channel", "position"]),
        default="channel",
        help="Count a channel as one unit, or each of its positions.",
    ),
)
how_to_run = choices.all_of(
    click.option("--batch", type=int, metavar="N", help="Samples in one run; no result depends on it."),
    click.option("--limit", type=int, metavar="N", help="Read at most so many samples."),
    click.option("--provider", default="cpu", metavar="cpu|cuda", help="Where to run."),
    click.option("--exact", is_flag=True, help="Turn the runtime's graph optimisations off."),
    click.option("--threads", type=int, metavar="N", help="Threads; all cores by default."),
    click.option(
        "--capacity",
        type=int,
        default=CAPACITY,
        metavar="N",
        help="Distinct patterns of a site that are counted exactly.",
    ),
    click.option(
        "--squares",
        type=int,
        default=MAX_COVARIANCE_UNITS,
        metavar="N",
        help="Most units of a site for which VNI is computed.",
    ),
    click.option("--seed", type=int, default=0, metavar="N", help="Of random data and pattern keys."),
    click.option("--custom-ops", type=choices.PATH, metavar="LIB", help="Library of custom operators to load."),
)
