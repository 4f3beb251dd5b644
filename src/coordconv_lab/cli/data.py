"""The ``data`` command."""

from coordconv_lab.cli.app import data_app
from coordconv_lab.cli.options import Int, Place, SplitVariant
from coordconv_lab.errors import printable


@data_app.command
def export(
    *,
    out: Place,
    canvas: tuple[Int, Int] = (64, 64),
    square: Int = 9,
    split_variant: SplitVariant = "default",
    split_seed: Int | None = None,
) -> None:
    """Write both splits of Not-so-Clevr as arrays (.npz) and as a contact sheet (.png).

    For example:

        coordconv data export --out notsoclevr

    Parameters
    ----------
    out
        Output directory; created if it does not exist.
    canvas
        Height and width of the images in pixels.
    square
        Side length of the square in pixels.
    split_variant
        Which version of the splits: ours, the tutorial's code, the paper's code, or walsvid's.
    split_seed
        Seed of the uniform split.
    """
    from coordconv_lab.console import counting_bar
    from coordconv_lab.data.export import export as export_data
    from coordconv_lab.specs import parse_data_spec

    fields = {"canvas": canvas, "square": square, "split_variant": split_variant}
    if split_seed is not None:
        fields["split_seed"] = split_seed
    spec = parse_data_spec(fields)
    with counting_bar("images") as advance:
        paths = export_data(spec, out, advance)
    for path in paths:
        print(printable(str(path)))
