"""A model is told where its input is, and every layer in it sees its own true positions."""

import threading
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context

import pytest
import torch
from torch import nn
from torch.func import functional_call, vmap
from torch.testing import assert_close
from torch.utils.data import default_collate

from coordconv import (
    AddCoords,
    CoordConv1d,
    CoordConv2d,
    CoordConvTranspose2d,
    Placement,
    convert,
    coord_conv,
    coordinate_grid,
    decompose,
    positions,
    precompute,
)

FULL = (48, 64)
IMAGE = Placement(FULL)


class UNet(nn.Module):
    """Coordinate layers at strides 1, 2 and 4, on the way down and on the way up."""

    def __init__(self, kernel: int = 3) -> None:
        super().__init__()
        options = {"padding": kernel // 2, "dtype": torch.float64}
        self.stem = CoordConv2d(3, 4, kernel, **options)
        self.down = nn.Sequential(nn.MaxPool2d(2), CoordConv2d(4, 8, kernel, **options), nn.Tanh())
        self.bottom = nn.Sequential(
            CoordConv2d(8, 8, kernel, **options | {"stride": 2}), AddCoords(radius=True)
        )
        self.up = CoordConvTranspose2d(11, 8, 2, stride=2, dtype=torch.float64)
        self.head = nn.ModuleDict({"last": CoordConv2d(12, 2, kernel, **options)})

    def forward(self, x):
        fine = self.stem(x).tanh()
        middle = self.down(fine)
        coarse = self.bottom(middle)
        middle = torch.cat([self.up(coarse)], dim=1)
        middle = nn.functional.interpolate(middle, scale_factor=2.0, mode="nearest")
        return self.head["last"](torch.cat([fine, middle], dim=1))


@pytest.fixture(scope="module")
def net() -> UNet:
    torch.manual_seed(0)
    return UNet()


@pytest.fixture(scope="module")
def image() -> torch.Tensor:
    return torch.randn(2, 3, *FULL, dtype=torch.float64)


def cut(image, start, size):
    return image[..., start[0] : start[0] + size[0], start[1] : start[1] + size[1]]


@pytest.mark.parametrize("start", [(0, 0), (4, 8), (16, 32)])
def test_a_pointwise_model_gives_on_a_crop_the_bits_that_it_gives_there_on_the_full_image(start):
    model = nn.Sequential(CoordConv2d(3, 8, 1), nn.ReLU(), CoordConv2d(8, 2, 1, radius=True))
    image, size = torch.randn(2, 3, *FULL), (32, 32)
    with positions(model, IMAGE.crop(start, size)):
        output = model(cut(image, start, size))
    # The same sums in the same order: a batch of pixels of any size.
    assert torch.equal(output, cut(model(image), start, size))
    assert not torch.equal(model(cut(image, start, size)), output)


@pytest.mark.parametrize("start", [(0, 0), (4, 8), (16, 32), (12, 28)])
def test_a_tile_behind_strides_gives_what_the_full_image_gives_inside_it(net, image, start):
    size, margin = (32, 32), 14
    with positions(net, IMAGE.crop(start, size)):
        tile = net(cut(image, start, size))
    inner = tuple(s + margin for s in start), tuple(n - 2 * margin for n in size)
    assert_close(cut(tile, (margin, margin), inner[1]), cut(net(image), *inner))
    lost = net(cut(image, start, size))
    assert (lost - tile).abs().max() > 0.01


def test_each_sample_may_have_a_place_of_its_own(net, image):
    starts, size = [(4, 8), (16, 32)], (32, 32)
    crops = torch.stack([cut(x, start, size) for x, start in zip(image, starts, strict=True)])
    together = default_collate([IMAGE.crop(start, size) for start in starts])
    with positions(net, together):
        output = net(crops)
    for number, start in enumerate(starts):
        with positions(net, IMAGE.crop(start, size)):
            assert_close(output[number], net(crops)[number])
    with positions(net, IMAGE.crop(torch.tensor(starts), size)):
        assert_close(net(crops), output)


def test_a_flipped_image_keeps_its_positions():
    # Pooling and pointwise layers know no direction, so that only the coordinates do.
    model = nn.Sequential(
        CoordConv2d(3, 4, 1), nn.Tanh(), nn.MaxPool2d(2), CoordConv2d(4, 4, 1, radius=True)
    )
    image = torch.randn(2, 3, 10, 14)
    expected = model(image)
    for dims in [(-1,), (-2,), (-2, -1)]:
        with positions(model, Placement((10, 14)).flip(*dims)):
            assert_close(model(image.flip(dims)).flip(dims), expected)
        assert (model(image.flip(dims)).flip(dims) - expected).abs().max() > 0.01
    with positions(model, Placement((10, 14)).rot90()):
        turned = model(torch.rot90(image, 1, (-2, -1)))
    assert_close(torch.rot90(turned, -1, (-2, -1)), expected)


def test_a_window_takes_its_size_from_the_input(net, image):
    with positions(net, IMAGE.crop((4, 8), (32, 32))):
        expected = net(cut(image, (4, 8), (32, 32)))
    for window in [((4, 8), FULL), (torch.tensor([[4, 8], [4, 8]]), FULL)]:
        with positions(net, window):
            assert_close(net(cut(image, (4, 8), (32, 32))), expected)


class Functional(nn.Module):
    """Coordinates without a layer."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(2, 3, 1, 1))
        self.coord_weight = nn.Parameter(torch.randn(2, 2, 1, 1))

    def forward(self, x):
        return coord_conv(x, self.weight, self.coord_weight)


MODELS = {
    "functional": Functional,
    "lone layer": lambda: CoordConv2d(3, 2, 1),
    "traced by fx": lambda: torch.fx.symbolic_trace(nn.Sequential(CoordConv2d(3, 2, 1))),
    "decomposed": lambda: decompose(nn.Sequential(CoordConv2d(3, 2, 1))),
    "expanded layer": lambda: decompose(nn.Sequential(CoordConv2d(3, 2, 1)), form="layer"),
    "converted": lambda: converted(nn.Sequential(nn.Conv2d(3, 2, 1))),
}


def converted(model: nn.Module) -> nn.Module:
    convert(model)
    nn.init.normal_(model[0].coord_weight)  # pyright: ignore[reportIndexIssue, reportArgumentType]
    return model


@pytest.mark.parametrize("name", MODELS)
def test_every_form_of_a_coordinate_layer_is_reached(name):
    model, image = MODELS[name](), torch.randn(1, 3, *FULL)
    with positions(model, IMAGE.crop((5, 7), (9, 11))):
        output = model(cut(image, (5, 7), (9, 11)))
    assert_close(output, cut(model(image), (5, 7), (9, 11)))


def test_what_a_layer_is_given_by_the_model_comes_first():
    class Given(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = CoordConv2d(3, 2, 1)

        def forward(self, x):
            return self.layer(x, coordinates=torch.zeros(2, 4, 5))

    model, x = Given(), torch.randn(1, 3, 4, 5)
    with positions(model, IMAGE.crop((5, 7), (4, 5))):
        inside = model(x)
    assert torch.equal(inside, model(x))


def test_parameters_may_come_from_elsewhere(net, image):
    parameters = {name: p + 1 for name, p in net.named_parameters()}
    moved = UNet()
    moved.load_state_dict(parameters)
    crop = IMAGE.crop((4, 8), (32, 32))
    with positions(net, crop), positions(moved, crop):
        x = cut(image, (4, 8), (32, 32))
        assert_close(functional_call(net, parameters, (x,)), moved(x))


# What is refused, each with what to do.


def refused(model, placement, x, error=ValueError, **options):
    with pytest.raises(error) as caught, positions(model, placement, **options):
        model(x)
    return str(caught.value)


def test_a_tile_between_the_pixels_of_a_feature_map_is_refused_by_name(net, image):
    text = refused(net, IMAGE.crop((2, 8), (32, 32)), cut(image, (2, 8), (32, 32)))
    assert "layer 'bottom.1' (AddCoords)" in text
    assert "size (8, 8) for an input of size (32, 32)" in text
    assert "multiples of the stride" in text
    with positions(net, IMAGE.crop((2, 8), (32, 32)), strict=False):
        net(cut(image, (2, 8), (32, 32)))


def test_an_input_of_another_size_is_refused(net, image):
    text = refused(net, IMAGE.crop((4, 8), (32, 32)), image)
    assert "no input of UNet has" in text
    assert "(2, 3, 48, 64)" in text
    assert "no input of UNet has 1 spatial axes" in refused(net, ((1,), (4,)), image)


def test_a_layer_outside_of_the_model_is_refused(net, image):
    with positions(net, IMAGE):
        expected = net(image)
        with pytest.raises(ValueError, match="not by the model that was passed"):
            net.stem(image)
        assert_close(net(image), expected)
    with positions(net, IMAGE.crop((0, 0), (8, 8)), strict=False):
        loose = net.stem(image)
    assert_close(loose, net.stem(image))


def test_a_layer_of_another_rank_is_refused():
    model = nn.Sequential(nn.Conv2d(3, 2, 1), nn.Flatten(2), CoordConv1d(2, 2, 1))
    text = refused(model, Placement((4, 5)), torch.randn(1, 3, 4, 5))
    assert "layer '2' (CoordConv1d) has 1 spatial axes, but the placement has 2" in text


def test_rows_for_another_number_of_samples_are_refused(net, image):
    placement = IMAGE.crop(torch.zeros(3, 2), FULL)
    assert "rows for 3 samples" in refused(net, placement, image)


def test_replicas_in_other_threads_are_refused(net, image):
    replica = net._replicate_for_data_parallel()
    with positions(net, IMAGE), pytest.raises(RuntimeError, match="DistributedDataParallel"):
        replica(image)


def test_a_folded_model_is_refused_but_for_full_images():
    model, x = nn.Sequential(CoordConv2d(3, 2, 1)), torch.randn(1, 3, 4, 5)
    precomputed = precompute(model, x)
    assert "precomputed" in refused(precomputed, Placement((8, 9)).crop((1, 2), (4, 5)), x)
    with positions(precomputed, Placement((4, 5))):
        output = precomputed(x)
    assert_close(output, model(x))


@pytest.mark.parametrize("arguments", [(None, IMAGE), (nn.Identity(), 3), (nn.Identity(), None)])
def test_anything_but_a_model_and_a_placement_is_refused(arguments):
    with pytest.raises(TypeError, match="must be"), positions(*arguments):
        pass


# Calls within calls, threads, tasks, errors.


def test_the_innermost_model_has_its_own_placement(net, image):
    class Outer(nn.Module):
        def __init__(self):
            super().__init__()
            self.own, self.inner = CoordConv2d(3, 3, 1, dtype=torch.float64), net

        def forward(self, x):
            x = self.own(x)
            with positions(self.inner, IMAGE.crop((0, 0), x.shape[-2:])):
                inner = self.inner(x)
            return inner, self.own(x)

    outer, x = Outer(), cut(image, (4, 8), (32, 32))
    with positions(outer, IMAGE.crop((4, 8), (32, 32))):
        inner, own = outer(x)
    first = outer.own(x, window=((4, 8), FULL))
    with positions(net, IMAGE.crop((0, 0), (32, 32))):
        assert_close(inner, net(first))
    assert_close(own, outer.own(first, window=((4, 8), FULL)))


def test_two_models_in_one_block_keep_their_placements_apart(net, image):
    other, x = UNet(), cut(image, (4, 8), (32, 32))
    first, second = (IMAGE.crop(start, (32, 32)) for start in [(4, 8), (0, 0)])
    with positions(net, first), positions(other, second):
        outputs = [net(x), other(x), net(x)]
    with positions(net, first):
        assert torch.equal(outputs[0], net(x))
        assert torch.equal(outputs[2], net(x))
    with positions(other, second):
        assert torch.equal(outputs[1], other(x))


def test_an_error_in_the_model_leaves_nothing_behind(net, image):
    with positions(net, IMAGE):
        with pytest.raises(ValueError, match="`x` must have shape"):
            net(image[:, :2])
        with pytest.raises(ValueError, match="not by the model that was passed"):
            net.stem(image)
        inside = net(image)
    assert_close(net(image), inside)
    assert not net._forward_pre_hooks
    assert not net._forward_hooks


def test_blocks_in_generators_may_end_in_any_order_and_in_any_context(net, image):
    x, crop = cut(image, (4, 8), (32, 32)), IMAGE.crop((4, 8), (32, 32))

    def predictions():
        with positions(net, crop):
            yield net(x)

    first, second, third = predictions(), predictions(), predictions()
    outputs = [next(first), next(second)]
    outputs += copy_context().run(lambda: [next(third)])
    for one in (first, second, third):
        assert next(one, None) is None
    with positions(net, crop):
        assert all(torch.equal(output, net(x)) for output in outputs)
    assert net.stem(image).shape == (2, 4, *FULL)  # It is not inside a block.


@pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning")
def test_a_trace_has_the_positions_of_the_block(net, image):
    x, crop = cut(image, (4, 8), (32, 32)), IMAGE.crop((4, 8), (32, 32))
    with positions(net, crop):
        traced = torch.jit.trace(net, x, check_trace=False)
        assert_close(traced(-x), net(-x))


def test_threads_have_their_own_placements_and_tasks_inherit_them(net, image):
    x, crop = cut(image, (4, 8), (32, 32)), IMAGE.crop((4, 8), (32, 32))
    found = {}
    barrier = threading.Barrier(2)

    def in_a_thread(name, placement):
        with positions(net, placement):
            barrier.wait()
            found[name] = net(x)
            barrier.wait()

    def without():
        found["without"] = net(x)

    places = {"one": crop, "other": IMAGE.crop((0, 0), (32, 32))}
    threads = [threading.Thread(target=in_a_thread, args=item) for item in places.items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with positions(net, crop):
        thread = threading.Thread(target=without)
        thread.start()
        thread.join()
        # What asyncio.to_thread does, without an event loop, of which another test may have one.
        with ThreadPoolExecutor() as pool:
            found["task"] = pool.submit(copy_context().run, net, x).result()
        expected = net(x)
    assert torch.equal(found["one"], expected)
    assert torch.equal(found["task"], expected)
    assert torch.equal(found["without"], net(x))
    with positions(net, places["other"]):
        assert torch.equal(found["other"], net(x))


# Graphs and transforms.


class Placed(nn.Module):
    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, x, placement):
        with positions(self.model, placement):
            return self.model(x)


def crops_at(*starts) -> Placement:
    return IMAGE.crop(torch.tensor(starts), (32, 32))


def test_a_placement_is_an_input_like_any_other_when_exported(net, image):
    x = cut(image, (4, 8), (32, 32))
    program = torch.export.export(Placed(net), (x, crops_at((0, 0), (8, 4))))
    moved = crops_at((16, 12), (4, 32))
    with positions(net, moved):
        assert_close(program.module()(x, moved), net(x))
    with pytest.raises(RuntimeError, match="do not fit the stride"):
        program.module()(x, crops_at((16, 12), (2, 32)))


def test_a_model_that_enlarges_is_exported_for_every_size():
    class Flipped(nn.Module):
        def __init__(self):
            super().__init__()
            self.model = nn.Sequential(nn.Upsample(scale_factor=3), CoordConv2d(1, 2, 1))

        def forward(self, x, starts):
            crop = Placement((64, 64)).crop(starts, tuple(x.shape[2:])).flip(-1)
            with positions(self.model, crop):
                return self.model(x)

    starts, height = torch.tensor([[2, 0], [5, 7]]), torch.export.Dim("height", min=2, max=32)
    inputs, model = (torch.randn(2, 1, 8, 6), starts), Flipped()
    # By default, torch 2.7 traces strictly, and then it cannot trace this block.
    shapes = ({2: height}, None)
    program = torch.export.export(model, inputs, dynamic_shapes=shapes, strict=False)
    for rows in (8, 13):
        x = torch.randn(2, 1, rows, 6)
        assert_close(program.module()(x, starts + 1), model(x, starts + 1))


@pytest.mark.slow("a compiler")
def test_a_compiled_model_sees_the_placement_of_each_call_without_compiling_anew(net, image):
    x, graphs = cut(image, (4, 8), (32, 32)), []

    def backend(graph, inputs):
        graphs.append(graph)
        return graph.forward

    torch._dynamo.reset()
    compiled = torch.compile(net, backend=backend, fullgraph=True)
    with torch.no_grad():
        assert_close(compiled(x), net(x))
        for starts in [((0, 0), (8, 4)), ((16, 12), (4, 32)), ((4, 4), (4, 4))]:
            with positions(compiled, crops_at(*starts)):
                output = compiled(x)
            with positions(net, crops_at(*starts)):
                assert_close(output, net(x))
        assert len(graphs) == 2  # without a placement and with one
        assert_close(compiled(x), net(x))
        whole = torch.compile(Placed(net), backend="eager", fullgraph=True)
        assert_close(whole(x, crops_at(*starts)), output)
    torch._dynamo.reset()


def test_a_placement_is_mapped_over_together_with_the_input(net, image):
    x, places = cut(image, (4, 8), (32, 32)), crops_at((0, 0), (8, 4))

    def function(x, place):
        with positions(net, place, strict=False):
            return net(x[None])[0]

    with positions(net, places):
        expected = net(x)
    assert_close(vmap(function)(x, places), expected)

    def strictly(x, place):
        with positions(net, place):
            return net(x[None])[0]

    with pytest.raises(RuntimeError, match="strict=False"):
        vmap(strictly)(x, places)


def test_the_positions_of_a_grid_module_are_those_of_the_placement():
    crop = IMAGE.crop((4, 8), (32, 32)).flip(-1)
    model = nn.Sequential(nn.MaxPool2d(4), AddCoords())
    with positions(model, crop):
        appended = model(torch.zeros(1, 1, 32, 32))
    expected = coordinate_grid((12, 16))[:, 1:9, 2:10].flip(-1)
    assert_close(appended[0, 1:], expected)
