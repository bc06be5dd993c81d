"""`relucid psb`: rewrite a model into integer-shift operators."""

import json
from pathlib import Path
from typing import Any

import click

from ...analyzer.cli.shared_options import PATH, combine_options
from ...analyzer.errors import OptionError
from .psb_tables import print_verification, samples_of_nodes

storage = combine_options(
    click.option("--exponent-bits", type=int, default=4, show_default=True, help="Bits of an exponent, 1 to 6."),
    click.option("--probability-bits", type=int, default=4, show_default=True, help="Bits of a probability, 1 to 8."),
    click.option(
        "--placing",
        type=click.Choice(["nearest", "ends", "middles"]),
        default="nearest",
        show_default=True,
        help="Where the levels of a probability lie.",
    ),
    click.option("--raise-small", is_flag=True, help="Raise weights below the smallest exponent, not flush them to 0."),
    click.option("--exact-dyadics", is_flag=True, help="Leave nothing to chance where n p is a whole number."),
    click.option("--prune", type=float, default=0.0, metavar="SHARE", help="Share of the weights to set to 0."),
    click.option(
        "--prune-over",
        type=click.Choice(["tensor", "model"]),
        default="tensor",
        show_default=True,
        help="Among which weights the smallest are sought.",
    ),
)
attention = combine_options(
    click.option(
        "--attention",
        type=click.Choice(["entropy", "entropy+margin", "random", "channels", "neuron"]),
        help="More samples: in a second pass, at positions where the first is unsure or at random; or in one pass, "
        "for units with large probabilities or weights with one near 1/2.",
    ),
    click.option(
        "--base",
        type=int,
        default=1,
        show_default=True,
        help="With attention: samples of the first pass, or of the other weights.",
    ),
    click.option(
        "--refine",
        type=int,
        help="With attention: samples of the second pass, or of the chosen weights; default --samples.",
    ),
    click.option(
        "--score",
        type=click.Choice(["class_entropy", "feature_ce"]),
        default="class_entropy",
        show_default=True,
        help="With attention: how unsure a position is.",
    ),
    click.option(
        "--coverage", type=float, default=0.34, show_default=True, help="Chance of a position in a random mask."
    ),
    click.option(
        "--within",
        type=float,
        default=0.25,
        show_default=True,
        help="How far from 1/2 the probability of a weight chosen by neuron may lie.",
    ),
    click.option("--mask", is_flag=True, help="With attention: the mask as an output."),
)


@click.command(short_help="rewrite a model into random shifts and additions, one file any onnxruntime runs")
@click.argument("model", type=PATH)
@click.argument("out", type=PATH)
@click.option("--samples", type=int, default=16, show_default=True, help="Default of the model's input `samples`.")
@click.option("--most-samples", type=int, default=1024, show_default=True, help="Largest number of samples.")
@click.option(
    "--node-samples",
    multiple=True,
    callback=samples_of_nodes,
    metavar="GLOB=N",
    help="Samples nodes have of their own.",
)
@click.option("--calibrate", metavar="DATA", help="Data to choose each tensor's fixed point by, as analyze takes it.")
@click.option("--exclude", multiple=True, metavar="GLOB", help="Nodes to leave in float; may be given again.")
@click.option("--seed", type=int, default=0, show_default=True, help="Default of the model's input `seed`.")
@click.option("--per-image", is_flag=True, help="Draw for each image of a batch anew.")
@storage
@attention
@click.option("--verify", "data", metavar="DATA", help="Compare both models on this data, as analyze takes it.")
@click.option("--labels", metavar="KEY|FILE", help="For --verify: class of each sample.")
@click.option("--limit", type=int, default=512, show_default=True, help="For --verify: most samples to compare.")
@click.option("--json", "as_json", is_flag=True, help="Print what was done, and the comparison, as JSON.")
def command(
    *,
    model: Path,
    out: Path,
    probability_bits: int,
    placing: str,
    raise_small: bool,
    data: str | None,
    labels: str | None,
    limit: int,
    as_json: bool,
    **options: Any,
) -> None:
    """Rewrite MODEL into random shifts and additions, one file OUT that stock onnxruntime runs."""
    from dataclasses import asdict  # noqa: PLC0415 - keeps `relucid --help` light

    from ...analyzer.cli.output import check_writable  # noqa: PLC0415
    from ..psb import Levels, rewrite, save, verify  # noqa: PLC0415

    if out.exists() and model.exists() and out.samefile(model):
        raise OptionError(f"{out} is the model itself; choose another name")
    check_writable(file=out)
    rewritten = rewrite(model, levels=Levels(probability_bits, placing), flush_to_zero=not raise_small, **options)
    found = None if data is None else verify(model, rewritten, data, labels=labels, limit=limit)
    save(rewritten, out)
    if as_json:
        done = {
            "out": str(out),
            "bytes": out.stat().st_size,
            "layers": [layer.name for layer in rewritten.layers],
            "left": [asdict(left) for left in rewritten.left],
            "verification": None if found is None else asdict(found),
        }
        click.echo(json.dumps(done, indent=2))
    else:
        for left in rewritten.left:
            click.echo(f"left in float: {left.op_type} {left.name!r}: {left.reason}")
        if found is not None:
            print_verification(found)
    click.echo(
        f"wrote {out}: {len(rewritten.layers)} layers as shifts; the model {model.stat().st_size:,} bytes, "
        f"now {out.stat().st_size:,}",
        err=True,
    )
