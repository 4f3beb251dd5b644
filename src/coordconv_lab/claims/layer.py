"""Claims that follow from the arithmetic: theorems, each with the test that checks it."""

import math

from coordconv_lab.claims.claim import Finding, Kind, Verdict, claim
from coordconv_lab.claims.evidence import Evidence

_LAYER = "tests/coordconv/test_layers.py::"
_FAULTS = "tests/coordconv/test_published_faults.py::"
_NETS = "tests/models/test_theorems.py::"


def _theorem(
    id: str,
    statement: str,
    source: str,
    kind: Kind,
    proof: str,
    verdict: Verdict,
    condition: str,
) -> None:
    """Enter a claim that follows from the arithmetic: there is nothing to measure."""

    def test(_: Evidence) -> Finding:
        return Finding(verdict, 0, "theorem", condition=condition)

    claim(id, statement, source, kind, proof)(test)


_theorem(
    "layer-parameters",
    "A layer over c channels has (c + d) c' k^2 weights, d = 2, or 3 with the radius",
    "paper, section 3; tutorial, section The CoordConv Layer",
    "paper",
    "tests/coordconv/test_parameters.py::"
    "test_a_layer_has_c_plus_d_times_outputs_times_k_squared_weights",
    "reproduced",
    "for c and c' up to 9 and k up to 4, at ranks 1 to 3, transposed as well",
)
_theorem(
    "layer-subsumes-conv",
    "With zero coordinate weights the layer is a plain convolution, so that it loses nothing",
    "paper, section 3; tutorial, section The CoordConv Layer",
    "paper",
    _LAYER + "test_with_zero_coordinate_weights_the_layer_is_the_plain_layer_bit_for_bit",
    "reproduced",
    "bit for bit, at every rank and dtype",
)
_theorem(
    "conv-is-equivariant",
    "A convolution shifts its output with its input, so that it cannot tell where it is",
    "paper, section 1; tutorial, introduction",
    "paper",
    _LAYER + "test_a_plain_convolution_is_translation_equivariant_inside_and_ours_is_not",
    "partly",
    "inside of the image; padding gives positions away near its border (see "
    "padding-tells-position)",
)
_theorem(
    "non-square-bug",
    "The paper's code divides x by the height and y by the width, which is wrong on canvases that "
    "are not square",
    "tutorial, postscript on the layer",
    "tutorial",
    _FAULTS + "test_x_is_divided_by_its_own_length_on_a_grid_that_is_not_square",
    "reproduced",
    "whether it harms a task: see faulty-grids-harm",
)
_theorem(
    "tiling-is-blind",
    "On a tiled point, 1 x 1 convolutions without coordinates give every pixel the same answer",
    "ours, after the tutorial's remark on tiling",
    "ours",
    _NETS + "test_without_coordinates_a_tiled_point_gives_every_pixel_the_same_answer",
    "reproduced",
    f"on 64 x 64 the loss stays at ln 4096 = {math.log(4096):.3f}",
)
_theorem(
    "average-is-blind",
    "Without activations, the average over all pixels is the same wherever the lit pixel is, as "
    "long as it is inside of the image",
    "ours, after the tutorial's remark on average pooling",
    "ours",
    _NETS + "test_the_average_of_an_affine_net_does_not_depend_on_where_the_pixel_is",
    "reproduced",
    "the best constant is the mean of the training points: see average-pool-collapses",
)
_theorem(
    "circular-padding-is-blind",
    "With circular padding and no coordinates, no pooling tells where the lit pixel is",
    "ours, after Kayhan and van Gemert 2020 (arXiv:2003.07064)",
    "ours",
    _NETS + "test_with_circular_padding_and_no_coordinates_the_maximum_is_the_same_everywhere",
    "reproduced",
    "so that other padding is all that tells a network without coordinates where it is",
)
_theorem(
    "linear-regressor-can-be-exact",
    "The linear regressor with a maximum is exact once the weight of the image exceeds twice those "
    "of the coordinates",
    "ours, after the tutorial's input times 1000",
    "ours",
    _NETS + "test_the_linear_maximum_is_exact_once_the_image_weighs_enough",
    "reproduced",
    "on both axes, at every position that its kernels reach, on canvases of 12 x 17, 17 x 12 and "
    "9 x 9; the lit pixel then wins the maximum wherever it is, which is what the factor is for",
)
_theorem(
    "first-listing-crashes",
    "The layer as first printed fails on canvases that are not square",
    "ours, of the listing in version 1 of the paper; the tutorial's postscript is on a later one",
    "ours",
    _NETS + "test_the_first_listing_makes_square_grids_whatever_the_canvas",
    "reproduced",
    "it tiles x by the width and y by the height, where it needs the other one",
)
