"""`relucid psb`: rewrite a model as random shifts and additions."""

import json
from pathlib import Path
from typing import Any

import click

from ...analyzer.cli.shared_options import PATH, combine_options
from ...analyzer.errors import OptionError
from .psb_tables import parse_node_samples, print_verification

storage_options = combine_options(
    click.option("--exponent-bits", type=int, default=4, show_default=True, help="Bits of an exponent, 1 to 6."),
    click.option("--probability-bits", type=int, default=4, show_default=True, help="Bits of a probability, 1 to 8."),
    click.option(
        "--placing",
        type=click.Choice(["nearest", "ends", "middles"]),
        default="nearest",
        show_default=True,
        help="Quantization levels of a probability: rounded to nearest, with both ends, or interval midpoints.",
    ),
    click.option(
        "--raise-small", is_flag=True, help="Raise weights below the smallest exponent to it; default: set them to 0."
    ),
    click.option("--exact-dyadics", is_flag=True, help="Draw no random number where n p is a whole number."),
    click.option("--prune", type=float, default=0.0, metavar="SHARE", help="Share of the weights to set to 0."),
    click.option(
        "--prune-over",
        type=click.Choice(["tensor", "model"]),
        default="tensor",
        show_default=True,
        help="Scope in which --prune compares weights.",
    ),
)
attention_options = combine_options(
    click.option(
        "--attention",
        type=click.Choice(["entropy", "entropy+margin", "random", "channels", "neuron"]),
        help="More samples in a second pass, at uncertain positions (entropy) or random ones; or in a single pass, "
        "for units with large probabilities (channels) or weights with a probability near 1/2 (neuron).",
    ),
    click.option(
        "--base",
        type=int,
        default=1,
        show_default=True,
        help="With attention: samples of the first pass, or of the weights not selected.",
    ),
    click.option(
        "--refine",
        type=int,
        help="With attention: samples of the second pass, or of the selected weights; default: --samples.",
    ),
    click.option(
        "--score",
        type=click.Choice(["class_entropy", "feature_ce"]),
        default="class_entropy",
        show_default=True,
        help="With attention: uncertainty score of a position.",
    ),
    click.option(
        "--coverage", type=float, default=0.34, show_default=True, help="Probability of a position in a random mask."
    ),
    click.option(
        "--within",
        type=float,
        default=0.25,
        show_default=True,
        help="With --attention neuron: largest distance of a probability from 1/2.",
    ),
    click.option("--mask", is_flag=True, help="With attention: add the mask as an output."),
)


@click.command(short_help="rewrite a model as random shifts and additions, in one file for any onnxruntime")
@click.argument("model", type=PATH)
@click.argument("out", type=PATH)
@click.option("--samples", type=int, default=16, show_default=True, help="Default of the model's input `samples`.")
@click.option("--most-samples", type=int, default=1024, show_default=True, help="Largest number of samples.")
@click.option(
    "--node-samples",
    multiple=True,
    callback=parse_node_samples,
    metavar="GLOB=N",
    help="Fixed number of samples for some nodes; may be repeated.",
)
@click.option(
    "--calibrate", metavar="DATA", help="Data to choose the fixed-point format of each tensor, as for analyze."
)
@click.option("--exclude", multiple=True, metavar="GLOB", help="Nodes to leave in float; may be repeated.")
@click.option("--seed", type=int, default=0, show_default=True, help="Default of the model's input `seed`.")
@click.option("--per-image", is_flag=True, help="Draw weights for each image of a batch; default: once per call.")
@storage_options
@attention_options
@click.option("--verify", "data", metavar="DATA", help="Compare both models on this data, as for analyze.")
@click.option("--labels", metavar="KEY|FILE", help="For --verify: class of each sample.")
@click.option(
    "--limit", type=int, default=512, show_default=True, help="For --verify: largest number of samples to compare."
)
@click.option("--json", "as_json", is_flag=True, help="Print the result, and the comparison, as JSON.")
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
    """Rewrite MODEL as random shifts and additions, and write it to OUT, which stock onnxruntime runs."""
    from dataclasses import asdict  # noqa: PLC0415 - keeps `relucid --help` light

    from ...analyzer.cli.output import check_writable  # noqa: PLC0415
    from ..psb import Levels, rewrite, save, verify  # noqa: PLC0415

    if out.exists() and model.exists() and out.samefile(model):
        raise OptionError(f"OUT: expected a file other than MODEL, got the model itself, {out}; choose another name")
    check_writable(file=out)
    rewritten = rewrite(model, levels=Levels(probability_bits, placing), flush_to_zero=not raise_small, **options)
    verification = None if data is None else verify(model, rewritten, data, labels=labels, limit=limit)
    save(rewritten, out)
    if as_json:
        result = {
            "out": str(out),
            "bytes": out.stat().st_size,
            "layers": [layer.name for layer in rewritten.layers],
            "left": [asdict(left) for left in rewritten.left],
            "verification": None if verification is None else asdict(verification),
        }
        click.echo(json.dumps(result, indent=2))
    else:
        for left in rewritten.left:
            click.echo(f"left in float: {left.op_type} {left.name!r}: {left.reason}")
        if verification is not None:
            print_verification(verification)
    click.echo(
        f"wrote {out}: {len(rewritten.layers)} layers rewritten; {out.stat().st_size:,} bytes, "
        f"the float model {model.stat().st_size:,}",
        err=True,
    )
