"""Claims about the layer itself: theorems, each with the test that proves it."""

import math
from itertools import pairwise

from coordconv_lab.claims.claim import Finding, Verdict, claim, graded
from coordconv_lab.claims.evidence import Evidence, NotYet
from coordconv_lab.specs import CoordConvClassifier, CoordConvRegressor

_LAYER = "tests/coordconv/test_layers.py::"
_FAULTS = "tests/coordconv/test_published_faults.py::"
_NETS = "tests/models/test_theorems.py::"


@claim(
    "layer-parameters",
    "A layer over c channels has (c + d) c' k^2 weights, d = 2, or 3 with the radius",
    "paper, section 3; tutorial, section The CoordConv Layer",
    "tests/coordconv/test_parameters.py::"
    "test_a_layer_has_c_plus_d_times_outputs_times_k_squared_weights",
)
def layer_parameters(evidence: Evidence) -> Finding:
    """Count the parameters of the nets that were trained."""
    arms = evidence.arms("many-seeds", at_least=0)
    records = [record for runs in arms.values() for record in runs]
    counted = [(record.parameters, _count(record.spec.model)) for record in records]
    known = [(found, expected) for found, expected in counted if expected is not None]
    if not known:
        raise NotYet("many-seeds: no run")
    held = sum(found == expected for found, expected in known)
    share = held / len(known)
    return Finding(
        graded(held, len(known)),
        len(known),
        "share of trained nets with that count",
        share,
        condition="proved for any rank and kernel by the test; the nets are classifiers and "
        "regressors",
    )


def _count(net: object) -> int | None:
    """The parameters of a net whose first layer alone has coordinates, biases included."""
    if isinstance(net, CoordConvClassifier):
        widths = (2 + 2 + net.radius, *net.widths, 1)
        return sum((a + 1) * b for a, b in pairwise(widths))
    if isinstance(net, CoordConvRegressor):
        width, area = net.width, net.kernel**2
        first = (1 + 2 + net.radius + 1) * width
        return first + 2 * (width + 1) * width + (width * area + 1) * (width + 2)
    return None


def _theorem(
    id: str, statement: str, source: str, proof: str, verdict: Verdict, condition: str
) -> None:
    """Enter a claim that follows from the arithmetic: there is nothing to measure."""

    def test(_: Evidence) -> Finding:
        return Finding(verdict, 0, "theorem", condition=condition)

    claim(id, statement, source, proof)(test)


_theorem(
    "layer-subsumes-conv",
    "With zero coordinate weights the layer is a plain convolution, so that it loses nothing",
    "paper, section 3; tutorial, section The CoordConv Layer",
    _LAYER + "test_with_zero_coordinate_weights_the_layer_is_the_plain_layer_bit_for_bit",
    "reproduced",
    "bit for bit, at every rank and dtype",
)
_theorem(
    "conv-is-equivariant",
    "A convolution shifts its output with its input, so that it cannot tell where it is",
    "paper, section 1; tutorial, introduction",
    _LAYER + "test_a_plain_convolution_is_translation_equivariant_inside_and_ours_is_not",
    "partly",
    "inside of the picture; padding gives positions away near its border (see "
    "padding-tells-position)",
)
_theorem(
    "non-square-bug",
    "The paper's code divides x by the height and y by the width, which is wrong on canvases that "
    "are not square",
    "tutorial, postscript on the layer",
    _FAULTS + "test_x_is_divided_by_its_own_length_on_a_grid_that_is_not_square",
    "reproduced",
    "whether it harms a task: see faulty-grids-harm",
)
_theorem(
    "tiling-is-blind",
    "On a tiled point, 1 x 1 convolutions without coordinates give every pixel the same answer",
    "ours, after the tutorial's remark on tiling",
    _NETS + "test_without_coordinates_a_tiled_point_gives_every_pixel_the_same_answer",
    "reproduced",
    f"on 64 x 64 the loss stays at ln 4096 = {math.log(4096):.3f}",
)
_theorem(
    "average-is-blind",
    "Without activations, the average over all pixels is the same wherever the lit pixel is, as "
    "long as it is inside of the picture",
    "ours, after the tutorial's remark on average pooling",
    _NETS + "test_the_average_of_an_affine_net_does_not_depend_on_where_the_pixel_is",
    "reproduced",
    "the best constant is the mean of the training points: see average-pool-collapses",
)
_theorem(
    "circular-padding-is-blind",
    "With circular padding and no coordinates, no pooling tells where the lit pixel is",
    "ours, after Kayhan and van Gemert 2020 (arXiv:2003.07064)",
    _NETS + "test_with_circular_padding_and_no_coordinates_the_maximum_is_the_same_everywhere",
    "reproduced",
    "so that other padding is all that tells a net without coordinates where it is",
)
_theorem(
    "linear-regressor-can-be-exact",
    "The linear regressor with a maximum is exact once the weight of the image exceeds twice those "
    "of the coordinates",
    "ours, after the tutorial's input times 1000",
    _NETS + "test_the_linear_maximum_is_exact_once_the_image_weighs_enough",
    "reproduced",
    "the lit pixel then wins the maximum wherever it is, which is what the factor is for",
)
_theorem(
    "first-listing-crashes",
    "The layer as first printed fails on canvases that are not square",
    "paper, version 1, listing; the tutorial's postscript on its successor",
    _NETS + "test_the_first_listing_makes_square_grids_whatever_the_canvas",
    "reproduced",
    "it tiles x by the width and y by the height, where it needs the other one",
)
