"""Laws of the layers for Keras, tested on the backend that ``KERAS_BACKEND`` chooses."""

import itertools
from typing import get_args

import keras
import numpy as np
import pytest
import torch
from keras import layers, ops

import coordconv
from coordconv import CONVENTIONS, Convention, coordinate_grid
from coordconv.conventions import Alignment, Order, RadiusForm
from coordconv.keras import CoordConv1D, CoordConv2D, CoordConv3D, from_torch, to_torch
from coordconv.keras.grids import coordinate_channels

EVERY_CONVENTION = [
    Convention(order=order, span=span, alignment=alignment, radius=radius)
    for order, span, alignment, radius in itertools.product(
        get_args(Order),
        ((-1, 1), (0.0, 3.0), "pixels"),
        get_args(Alignment),
        get_args(RadiusForm),
    )
]
SIZES = [(5, 4), (1, 1), (7,), (2, 3, 4)]
SHAPES = {1: (7,), 2: (6, 9), 3: (4, 5, 6)}
OPTIONS = [
    {"kernel_size": 1},
    {"kernel_size": 3, "padding": 1, "bias": False},
    {"kernel_size": 4, "padding": "same"},
    {"kernel_size": 3, "stride": 2, "radius": True},
    {"kernel_size": 3, "padding": 2, "dilation": 2, "coord_kernel_size": 1},
    {"kernel_size": 2, "groups": 2, "radius": True, "convention": "wizaron"},
]


def numbers(tensor) -> np.ndarray:
    return np.array(ops.convert_to_numpy(tensor))


def in_torch(layer, x: np.ndarray) -> np.ndarray:
    """Return the output of a torch layer for images whose channels are last."""
    with torch.no_grad():
        return layer(torch.from_numpy(x).movedim(-1, 1)).movedim(1, -1).numpy()


def pictures(rank: int, channels: int = 4) -> np.ndarray:
    shape = (2, *SHAPES[rank], channels)
    return np.random.default_rng(0).standard_normal(shape).astype("float32")


@pytest.mark.parametrize("dtype", ["uint8", "int32", "bool"])
def test_integer_images_are_refused(dtype):
    layer, image = CoordConv2D(4, 3), np.ones((1, 6, 7, 3), dtype)
    layer.build(image.shape)
    with pytest.raises(TypeError, match=f"expected a floating-point image, got {dtype}"):
        layer(image)
    with pytest.raises(TypeError, match=f"expected a floating-point image, got {dtype}"):
        keras.Sequential([keras.Input((6, 7, 3), dtype=dtype), layer]).predict(image, verbose=0)


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_the_grid_is_that_of_the_library_under_every_convention(size):
    for convention in EVERY_CONVENTION:
        expected = coordinate_grid(size, convention=convention, radius=True).movedim(0, -1)
        actual = numbers(coordinate_channels(size, convention, radius=True))
        np.testing.assert_allclose(actual, expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize(
    ("rank", "options"),
    [(2, options) for options in OPTIONS] + [(rank, OPTIONS[i]) for rank in (1, 3) for i in (2, 5)],
    ids=str,
)
def test_a_layer_with_the_weights_of_torch_computes_what_torch_computes(rank, options):
    theirs = getattr(coordconv, f"CoordConv{rank}d")(4, 6, **options)
    x = pictures(rank)
    np.testing.assert_allclose(numbers(from_torch(theirs)(x)), in_torch(theirs, x), atol=1e-5)


@pytest.mark.parametrize("preset", CONVENTIONS)
def test_every_preset_goes_to_keras_and_back(preset):
    theirs = coordconv.CoordConv2d(4, 6, 3, padding=1, radius=True, convention=preset)
    ours, x = from_torch(theirs), pictures(2)
    expected = in_torch(theirs, x)
    scale = max(1, np.abs(expected).max())
    assert np.abs(numbers(ours(x)) - expected).max() < 1e-5 * scale
    back = to_torch(ours)
    assert back.convention == theirs.convention
    assert back.radius
    for name, weight in theirs.state_dict().items():
        assert torch.equal(back.state_dict()[name], weight)


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize("strides", [1, 2])
def test_a_layer_equals_appending_the_coordinates_and_then_convolving(padding, strides):
    layer, x = CoordConv2D(6, 3, strides, padding, activation="tanh", radius=True), pictures(2)
    actual = numbers(layer(x))
    grid = coordinate_grid(SHAPES[2], radius=True).movedim(0, -1).numpy()
    joined = np.concatenate([x, np.broadcast_to(grid, (2, *grid.shape))], axis=-1)
    plain = layers.Conv2D(6, 3, strides, padding, activation="tanh")
    plain.build(joined.shape)
    plain.kernel.assign(np.concatenate([numbers(layer.kernel), numbers(layer.coord_kernel)], -2))
    np.testing.assert_allclose(actual, numbers(plain(joined)), atol=1e-5)


def test_a_causal_layer_sees_nothing_of_what_comes_after():
    layer, x = CoordConv1D(6, 3, padding="causal", dilation_rate=2), pictures(1)
    actual = numbers(layer(x))
    grid = np.broadcast_to(coordinate_grid((7,)).movedim(0, -1).numpy(), (2, 7, 1))
    plain = layers.Conv1D(6, 3, padding="causal", dilation_rate=2)
    plain.build((2, 7, 5))
    plain.kernel.assign(np.concatenate([numbers(layer.kernel), numbers(layer.coord_kernel)], -2))
    expected = numbers(plain(np.concatenate([x, grid], -1)))
    np.testing.assert_allclose(actual, expected, atol=1e-5)
    later = x.copy()
    later[:, 4:] = 0
    np.testing.assert_array_equal(numbers(layer(later))[:, :4], actual[:, :4])


@pytest.mark.parametrize("width", [9, 6])
def test_channels_may_come_first_for_any_width(width):
    theirs = coordconv.CoordConv2d(4, 6, 3, padding=1, radius=True)
    x = pictures(2)[:, :, :width]
    ours, first = from_torch(theirs, data_format="channels_first"), np.moveaxis(x, -1, 1).copy()
    try:
        layers.Conv2D(1, 1, data_format="channels_first")(first)
    except Exception as error:  # On some processors TensorFlow has channels last only.
        with pytest.raises(type(error)):
            ours(first)
        return
    actual = numbers(ours(first))
    np.testing.assert_allclose(np.moveaxis(actual, 1, -1), in_torch(theirs, x), atol=1e-5)


def test_fresh_weights_are_drawn_as_one_convolution_over_data_and_coordinates_draws_them():
    initializer = keras.initializers.GlorotUniform(seed=3)
    layer = CoordConv2D(6, 3, kernel_initializer=initializer)
    layer.build((None, 6, 9, 4))
    joint = numbers(initializer((3, 3, 6, 6)))
    np.testing.assert_array_equal(numbers(layer.kernel), joint[..., :4, :])
    np.testing.assert_array_equal(numbers(layer.coord_kernel), joint[..., 4:, :])


def test_one_model_serves_pictures_of_every_size():
    theirs = coordconv.CoordConv2d(4, 6, 3, radius=True)
    model = keras.Sequential([keras.Input((None, None, 4)), from_torch(theirs)])
    for size in ((6, 9), (3, 11)):
        x = np.random.default_rng(0).standard_normal((2, *size, 4)).astype("float32")
        actual = model.predict(x, verbose=0)
        np.testing.assert_allclose(actual, in_torch(theirs, x), atol=1e-5)


def test_coordinates_are_not_rounded_before_they_have_to_be():
    layer = CoordConv1D(1, 1, dtype="mixed_bfloat16", use_bias=False, convention="pixels")
    layer.build((None, 400, 1))
    layer.kernel.assign(np.zeros((1, 1, 1)))
    layer.coord_kernel.assign(np.ones((1, 1, 1)))
    output = layer(np.zeros((1, 400, 1), "float32"))
    assert keras.backend.standardize_dtype(output.dtype) == "bfloat16"
    expected = torch.arange(400.0).bfloat16().float().numpy()
    np.testing.assert_array_equal(numbers(ops.cast(output, "float32")).ravel(), expected)


def where_is_it(rng, amount: int) -> tuple[np.ndarray, np.ndarray]:
    """Pictures with one bright pixel, and its column, which no plain convolution can tell."""
    x, places = np.zeros((amount, 6, 9, 1), "float32"), rng.integers(0, 54, amount)
    x.reshape(amount, 54)[np.arange(amount), places] = 1
    return x, (places % 9).astype("float32")[:, None] / 8


def test_a_model_learns_is_saved_and_comes_back_the_same(tmp_path):
    keras.utils.set_random_seed(0)
    x, y = where_is_it(np.random.default_rng(0), 256)
    model = keras.Sequential(
        [
            keras.Input((None, None, 1)),
            CoordConv2D(16, 1, activation="relu", convention="deepcell", radius=True),
            layers.GlobalMaxPooling2D(),
            layers.Dense(1),
        ]
    )
    model.compile(optimizer=keras.optimizers.Adam(0.02), loss="mse")
    losses = model.fit(x, y, batch_size=32, epochs=12, verbose=0).history["loss"]
    assert losses[-1] < losses[0] / 5
    assert np.abs(numbers(model.layers[0].coord_kernel)).max() > 0
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(again.predict(x, verbose=0), model.predict(x, verbose=0))
    assert again.layers[0].get_config() == model.layers[0].get_config()
    assert again.layers[0].convention == CONVENTIONS["deepcell"]
    model.save_weights(tmp_path / "model.weights.h5")
    fresh = keras.models.clone_model(model)
    fresh.load_weights(tmp_path / "model.weights.h5")
    np.testing.assert_array_equal(fresh.predict(x, verbose=0), model.predict(x, verbose=0))


def test_a_configuration_with_an_old_value_of_a_convention_is_refused():
    config = CoordConv2D(2, 3).get_config()
    config["convention"]["alignment"] = "centres"
    with pytest.raises(TypeError, match="'centres', which was renamed to 'edges'"):
        CoordConv2D.from_config(config)


@pytest.mark.parametrize("layer", [CoordConv1D, CoordConv2D, CoordConv3D])
def test_every_layer_comes_back_from_its_configuration(layer):
    made = layer(6, 3, convention=Convention(span="pixels", order="ij"), radius=True)
    again = layer.from_config(made.get_config())
    assert again.get_config() == made.get_config()
    assert again.convention == made.convention


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda: CoordConv2D(6, 3, convention="nobody"), "presets"),
        (
            lambda: from_torch(coordconv.CoordConv2d(4, 6, 3, padding=1, stride=2)),
            "not support padding",
        ),
        (lambda: from_torch(coordconv.CoordConv2d(4, 6, 3, padding=2)), "not support padding"),
        (
            lambda: from_torch(
                coordconv.CoordConv2d(4, 6, 3, padding="same", padding_mode="circular")
            ),
            "not support padding",
        ),
        (lambda: from_torch(coordconv.CoordConv2d(4, 6, 3, 2, dilation=2)), "dilation_rate"),
        (lambda: to_torch(CoordConv2D(6, 3)), "call it once"),
        (
            lambda: to_torch(built(CoordConv2D(6, 3, activation="relu"))),
            "activation, got 'relu'",
        ),
        (
            lambda: to_torch(built(CoordConv2D(6, 3, 2, padding="same"))),
            "not support padding='same'",
        ),
    ],
)
def test_what_cannot_be_is_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        wrong()


def test_other_layers_are_refused():
    with pytest.raises(TypeError, match="Conv2d"):
        from_torch(torch.nn.Conv2d(3, 8, 3))
    with pytest.raises(TypeError, match="Conv2D"):
        to_torch(layers.Conv2D(8, 3))
    with pytest.raises(TypeError, match="custom subclasses"):
        from_torch(type("Own", (coordconv.CoordConv2d,), {})(4, 6, 3))
    with pytest.raises(TypeError, match="custom subclasses"):
        to_torch(built(type("Own", (CoordConv2D,), {})(6, 3)))
    with pytest.raises(TypeError, match="`radius` must be"):
        CoordConv2D(6, 3, radius="normalized")


def test_a_layer_with_lora_comes_back_and_computes_the_same(tmp_path):
    x = pictures(2)
    model = keras.Sequential([keras.Input((6, 9, 4)), CoordConv2D(6, 3)])
    model.layers[0].enable_lora(2)
    model.layers[0].lora_kernel_b.assign(np.ones((2, 6)))
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(numbers(again(x)), numbers(model(x)), atol=1e-5)
    assert tuple(CoordConv2D(6, 3, lora_rank=2)(x).shape) == (2, 4, 7, 6)


def test_a_layer_with_a_replaced_method_is_refused():
    layer = coordconv.CoordConv2d(4, 6, 3)
    layer.forward = lambda input: torch.relu(coordconv.CoordConv2d.forward(layer, input))
    with pytest.raises(ValueError, match="'CoordConv2d': its forward was replaced"):
        from_torch(layer)


@pytest.mark.parametrize("register", ["register_forward_hook", "register_forward_pre_hook"])
def test_a_layer_with_forward_hooks_is_refused(register):
    layer = coordconv.CoordConv2d(4, 6, 3)
    hook = getattr(layer, register)(lambda *_: None)
    with pytest.raises(ValueError, match="has forward hooks"):
        from_torch(layer)
    hook.remove()
    from_torch(layer)


def test_a_layer_recovers_from_a_picture_that_was_too_small():
    layer = CoordConv2D(6, 7)
    with pytest.raises((ValueError, RuntimeError), match=r".+"):  # the backend chooses
        layer(pictures(2))
    assert tuple(layer(np.zeros((1, 9, 9, 4), "float32")).shape) == (1, 3, 3, 6)
    assert CoordConv2D.from_config(layer.get_config()).get_config() == layer.get_config()


@pytest.mark.parametrize("dtype", ["float64", "bfloat16"])
def test_weights_keep_their_type_on_the_way(dtype):
    if keras.backend.backend() == "jax" and dtype == "float64":
        pytest.skip("JAX has no float64 unless it is switched on")
    theirs = coordconv.CoordConv2d(4, 6, 3, dtype=getattr(torch, dtype))
    back = to_torch(from_torch(theirs))
    for name, weight in theirs.state_dict().items():
        assert torch.equal(back.state_dict()[name], weight)
        assert back.state_dict()[name].dtype == weight.dtype


def built(layer):
    layer.build((None, 6, 9, 4))
    return layer
