"""Theorems: claims that follow from arithmetic, each with the test that checks it."""

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
    """Register a claim that follows from arithmetic and needs no measurement."""

    def test(_: Evidence) -> Finding:
        return Finding(verdict, 0, "theorem", condition=condition)

    claim(id, statement, source, kind, proof)(test)


_theorem(
    "layer-parameters",
    "A layer with c input and c' output channels has (c + d) c' k^2 weights, where d is 2, or 3 "
    "with the radius",
    "paper, section 3; tutorial, section The CoordConv Layer",
    "paper",
    "tests/coordconv/test_parameters.py::"
    "test_a_layer_has_c_plus_d_times_outputs_times_k_squared_weights",
    "reproduced",
    "checked for c and c' up to 9, k up to 4 and ranks 1 to 3, also for transposed layers",
)
_theorem(
    "layer-subsumes-conv",
    "With zero coordinate weights, the layer is a plain convolution, so it can compute everything "
    "that a convolution can",
    "paper, section 3; tutorial, section The CoordConv Layer",
    "paper",
    _LAYER + "test_with_zero_coordinate_weights_the_layer_is_the_plain_layer_bit_for_bit",
    "reproduced",
    "bit for bit, at every rank and dtype",
)
_theorem(
    "conv-is-equivariant",
    "A convolution is translation equivariant, so its outputs cannot depend on position",
    "paper, section 1; tutorial, introduction",
    "paper",
    _LAYER + "test_a_plain_convolution_is_translation_equivariant_inside_and_ours_is_not",
    "partly",
    "true inside the image; near the border, padding reveals the position (see "
    "padding-tells-position)",
)
_theorem(
    "non-square-bug",
    "The paper's code divides x by the height and y by the width, which is wrong on non-square "
    "canvases",
    "tutorial, postscript on the layer",
    "tutorial",
    _FAULTS + "test_x_is_divided_by_its_own_length_on_a_grid_that_is_not_square",
    "reproduced",
    "for the effect on accuracy, see faulty-grids-harm",
)
_theorem(
    "tiling-is-blind",
    "If the input is a point tiled over the canvas, 1 x 1 convolutions without coordinates give "
    "every pixel the same value",
    "ours, after the tutorial's remark on tiling",
    "ours",
    _NETS + "test_without_coordinates_a_tiled_point_gives_every_pixel_the_same_answer",
    "reproduced",
    f"on 64 x 64 the loss stays at ln 4096 = {math.log(4096):.3f}",
)
_theorem(
    "average-is-blind",
    "Without activation functions, the average over all pixels does not depend on where the lit "
    "pixel is, except near the border",
    "ours, after the tutorial's remark on average pooling",
    "ours",
    _NETS + "test_the_average_of_an_affine_net_does_not_depend_on_where_the_pixel_is",
    "reproduced",
    "the best constant prediction is the mean of the training points; see average-pool-collapses",
)
_theorem(
    "circular-padding-is-blind",
    "With circular padding and without coordinates, the result of global pooling does not depend "
    "on where the lit pixel is",
    "ours, after Kayhan and van Gemert 2020 (arXiv:2003.07064)",
    "ours",
    _NETS + "test_with_circular_padding_and_no_coordinates_the_maximum_is_the_same_everywhere",
    "reproduced",
    "a network without coordinates can therefore learn position only from other padding modes",
)
_theorem(
    "linear-regressor-can-be-exact",
    "The linear regressor with max pooling is exact if the weight of the image is more than twice "
    "the weights of the coordinates",
    "ours, after the tutorial's input times 1000",
    "ours",
    _NETS + "test_the_linear_maximum_is_exact_once_the_image_weighs_enough",
    "reproduced",
    "on both axes, at every position that its kernels reach, on canvases of 12 x 17, 17 x 12 and "
    "9 x 9; the maximum is then always at the lit pixel, which is the purpose of the factor 1000",
)
_theorem(
    "first-listing-crashes",
    "The first published listing of the layer fails on non-square canvases",
    "ours, on the listing in version 1 of the paper; the tutorial's postscript is about a later "
    "version",
    "ours",
    _NETS + "test_the_first_listing_makes_square_grids_for_every_canvas",
    "reproduced",
    "it repeats x by the width and y by the height, but must repeat x by the height and y by the "
    "width",
)
