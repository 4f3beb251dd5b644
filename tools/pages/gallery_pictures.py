"""The images of the gallery, drawn from the results of the examples."""

from typing import Any

import torch

SEEN, UNSEEN = "#0072B2", "#D55E00"  # Safe for color vision deficiency.


def segmentation_on_crops(example: Any, figure: Any) -> None:
    """Draw an image, its organs, and the classes that both networks predict from its crops."""
    nets = {kind: example.trained(kind, seed=0) for kind in example.KINDS[:2]}
    torch.manual_seed(1003)
    (pictures, labels), (height, width) = example.pictures(1), example.SIZE
    starts = torch.tensor([[r, c] for r in (0, 8, 16) for c in (0, 15, 29, 44)])
    crops = example.crop(pictures.expand(len(starts), -1, -1, -1), starts)
    shown = {"the image": pictures[0, 0], "its organs": labels[0]}
    for kind, net in nets.items():
        whole = torch.zeros(3, height, width)
        for scores, (top, left) in zip(net(crops, starts).softmax(1), starts, strict=True):
            whole[:, top : top + example.CROP, left : left + example.CROP] += scores
        shown[kind] = whole.argmax(0)
    for axes, (title, values) in zip(figure.subplots(2, 2).flat, shown.items(), strict=True):
        axes.imshow(values, cmap="gray" if title == "the image" else organs())
        axes.set_title(title, fontsize=9)
        axes.set(xticks=[], yticks=[])


def organs() -> Any:
    """Return the colors of background, left and right."""
    from matplotlib.colors import ListedColormap

    return ListedColormap(["#1b1b1f", SEEN, UNSEEN])


def signal_localization(example: Any, figure: Any) -> None:
    """Draw a signal, and the predictions of both networks at all positions."""
    left, right = figure.subplots(1, 2)
    torch.manual_seed(3)
    lines, position = example.signals(1, *example.NEVER_SEEN)
    left.plot(lines[0, 0], color="0.4", linewidth=1)
    left.axvline(position.item(), color=UNSEEN, linestyle=":")
    left.set(title="a signal and its pulse", xlabel="sample")
    torch.manual_seed(1001)
    lines, position = example.signals(300, example.SEEN[0], example.NEVER_SEEN[1])
    for layer, marker in ((example.CoordConv1d, "o"), (example.nn.Conv1d, "x")):
        net = example.trained(layer, seed=0)
        answer = (net(lines) + 1) / 2 * (example.LENGTH - 1)
        right.scatter(position, answer, s=10, marker=marker, label=layer.__name__)
    right.axvspan(*example.NEVER_SEEN, color=UNSEEN, alpha=0.15, label="never seen")
    right.set(
        title="predictions of both networks", xlabel="position of the pulse", ylabel="prediction"
    )
    right.legend(fontsize=8)


def volume_localization(example: Any, figure: Any) -> None:
    """Plot the error against the spacing, for both kinds of coordinates."""
    axes, colours = figure.subplots(), (SEEN, UNSEEN)
    spacings = [1.5 + 0.5 * step for step in range(10)]
    for kind, colour in zip(example.KINDS, colours, strict=True):
        net = example.trained(kind, seed=0)
        errors = [example.error(net, spacing) for spacing in spacings]
        axes.plot(spacings, errors, color=colour, marker="o", label=f"coordinates: {kind}")
    for spacing in example.SPACINGS:
        axes.axvline(spacing, color="0.7", linestyle=":", zorder=0)
    axes.set(
        xlabel="millimeters between voxels (dotted: in training)",
        ylabel="error along an axis, mm",
        ylim=(0, None),
    )
    axes.legend(fontsize=8)


def converting_a_trained_net(example: Any, figure: Any) -> None:
    """Plot the predicted against the true x position of the patch, for both networks."""
    torch.manual_seed(0)
    net = example.train(example.Net(), "texture", steps=30)
    images, _, place = example.pictures(200)
    converted = example.convert(example.copy.deepcopy(net))
    first, *others = figure.subplots(1, 3)
    first.imshow(images[0, 0], cmap="gray")
    first.set(title="a patch of stripes", xticks=[], yticks=[])
    pairs = zip(others, (("plain", net), ("converted", converted)), strict=True)
    for axes, (name, one) in pairs:
        one.head = example.nn.Linear(16, 2)
        example.train(one, "position", steps=120)
        axes.scatter(place[:, 0], one(images).detach()[:, 0], s=8, color=SEEN)
        axes.plot([-1, 1], [-1, 1], color="0.6", linestyle=":")
        axes.set(title=name, xlabel="x of the patch", ylabel="prediction", ylim=(-1.3, 1.3))


@torch.no_grad()
def tiled_inference(example: Any, figure: Any) -> None:
    """Draw the difference between tiles and the full image, with windows and without."""
    torch.manual_seed(0)
    net, picture = example.Net().eval(), torch.randn(1, 3, 203, 331)
    whole = net(picture)
    for axes, placed in zip(figure.subplots(1, 2), (True, False), strict=True):
        tiles = example.in_tiles(net, picture, tile=64, with_window=placed)
        shown = axes.imshow((tiles - whole).abs().amax((0, 1)), vmin=0, vmax=0.5, cmap="magma")
        axes.set_title("tiles with windows" if placed else "tiles without windows", fontsize=9)
        axes.set(xticks=[], yticks=[])
    figure.colorbar(shown, ax=figure.axes, shrink=0.7, label="difference from the full image")


# Alternative text, size in inches, and drawing function of each image.
PICTURES = {
    "segmentation_on_crops": (
        "With windows, both organs are labeled correctly; without windows, sides are confused",
        (8, 4.8),
        segmentation_on_crops,
    ),
    "signal_localization": (
        "CoordConv1d also follows the pulse at unseen positions; Conv1d predicts the middle",
        (8, 3.2),
        signal_localization,
    ),
    "volume_localization": (
        "With millimeters, the error stays low at every spacing; with coordinates from -1 to 1, it "
        "grows as the spacing moves away from the spacings used in training",
        (6.4, 3.4),
        volume_localization,
    ),
    "converting_a_trained_net": (
        "The converted network predicts the position of the patch; the plain network always "
        "predicts the middle",
        (8, 2.9),
        converting_a_trained_net,
    ),
    "tiled_inference": (
        "With windows, there is no difference; without windows, the difference grows with the "
        "distance from the middle",
        (8, 2.8),
        tiled_inference,
    ),
}
