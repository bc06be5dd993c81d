"""`relucid psb`: rewrite a model into integer-shift operators."""

from pathlib import Path

import click

PATH = click.Path(path_type=Path)


@click.command(short_help="rewrite a model into random shifts and additions, one file any onnxruntime runs")
@click.argument("model", type=PATH)
@click.argument("out", type=PATH)
@click.option("--samples", type=int, default=16, show_default=True, help="Default of the model's input `samples`.")
@click.option("--most-samples", type=int, default=1024, show_default=True, help="Largest number of samples.")
@click.option("--calibrate", metavar="DATA", help="Data to choose each tensor's fixed point by, as analyze takes it.")
@click.option("--exclude", multiple=True, metavar="GLOB", help="Nodes to leave in float; may be given again.")
@click.option("--seed", type=int, default=0, show_default=True, help="Default of the model's input `seed`.")
def command(
    *,
    model: Path,
    out: Path,
    samples: int,
    most_samples: int,
    calibrate: str | None,
    exclude: tuple[str, ...],
    seed: int,
) -> None:
    """Rewrite MODEL into random shifts and additions, one file that stock onnxruntime runs."""
    from ..psb import rewrite, save  # noqa: PLC0415 - keeps `relucid --help` light

    rewritten = rewrite(
        model, calibrate=calibrate, exclude=exclude, samples=samples, most_samples=most_samples, seed=seed
    )
    save(rewritten, out)
    for left in rewritten.left:
        click.echo(f"left in float: {left.op_type} {left.name!r}: {left.reason}")
    click.echo(
        f"wrote {out}: {len(rewritten.layers)} layers as shifts; float32 {model.stat().st_size:,} bytes, "
        f"now {out.stat().st_size:,}",
        err=True,
    )
