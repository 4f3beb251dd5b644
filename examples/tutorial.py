# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # CoordConv, step by step
#
# Where is the square? A person sees it at once. For a convolutional network this is surprisingly hard, but two extra input channels make it easy. This notebook starts with the layer, continues with trained networks, and then asks you to break them.
#
# It follows Ashwin D'Cruz's "Coord Conv Tutorial" and the paper behind it ([Liu et al. 2018](https://arxiv.org/abs/1807.03247)). Cards show the testable claims of both, each with a verdict that is computed from the recorded runs in this repository.
#
# You need a checkout of the repository and `pip install '.[lab]' jupyterlab`. Everything runs on a laptop in a few minutes. Finished runs are kept in `runs/`, so running the notebook again takes seconds. The text is also in `examples/tutorial.py` and `examples/tutorial.ipynb`.

# %%
import math

import torch
from torch.nn import functional as F

from coordconv import CoordConv2d
from coordconv_lab import claim, runs, train
from coordconv_lab.experiments.notsoclevr.data import NotSoClevr
from coordconv_lab.experiments.notsoclevr.networks import build, count_parameters
from coordconv_lab.experiments.notsoclevr.recipes import tuned
from coordconv_lab.experiments.notsoclevr.specs import DataSpec
from coordconv_lab.experiments.notsoclevr.tutorial_scores import TUTORIAL_SCORES
from coordconv_lab.interactive import show_images
from coordconv_lab.recipes import with_settings

_ = torch.manual_seed(0)
# %% [markdown]
# ## 1. A convolution does not know its position
#
# A convolution computes the same function at every pixel. If its input shifts, its output shifts by the same amount and is otherwise unchanged. This is usually a strength, but here it is the problem: the largest value of the output does not depend on the position of the pixel.

# %%
image = torch.zeros(1, 1, 16, 24)
image[0, 0, 4, 5] = 1
moved = image.roll((6, 11), dims=(2, 3))
convolution = torch.nn.Conv2d(1, 1, kernel_size=3)

print("at row  4, column  5:", convolution(image).amax().item())
print("at row 10, column 16:", convolution(moved).amax().item())

# %%
claim("conv-is-equivariant")

# %% [markdown]
# ## 2. The layer by hand
#
# The fix is simple: give every pixel its coordinates. CoordConv appends two channels to its input. One contains the column of each pixel, the other the row, both scaled to [-1, 1]. An ordinary convolution follows, which can use these channels or ignore them.
#
# We take the tutorial's example of 8 images with 28 rows, 30 columns and 3 colors. Note that the images are not square.

# %%
images = torch.randn(8, 3, 28, 30)


def append_by_hand(images):
    count, _, height, width = images.shape
    x = torch.arange(width) / (width - 1) * 2 - 1  # column 0 is -1, the last column is 1
    y = torch.arange(height) / (height - 1) * 2 - 1
    x = x.expand(count, 1, height, width)
    y = y[:, None].expand(count, 1, height, width)
    return torch.cat([images, x, y], dim=1)


with_coordinates = append_by_hand(images)
print(tuple(images.shape), "->", tuple(with_coordinates.shape))
show_images(
    {
        "a color of an image": with_coordinates[0, 0],
        "x, the column": with_coordinates[0, 3],
        "y, the row": with_coordinates[0, 4],
    }
)

# %% [markdown]
# ### The postscript's bug
#
# The tutorial's postscript reports a bug: the paper's code divides the columns by the *height* and the rows by the *width*. On square images this makes no difference. Here are both versions on an image with 20 rows and 60 columns:

# %%
height, width = 20, 60
columns, rows = torch.arange(width), torch.arange(height)

right = columns / (width - 1) * 2 - 1
wrong = columns / (height - 1) * 2 - 1
print(f"x, divided by the width:  {right[0]:.2f} to {right[-1]:.2f}")
print(f"x, divided by the height: {wrong[0]:.2f} to {wrong[-1]:.2f}")

right = rows / (height - 1) * 2 - 1
wrong = rows / (width - 1) * 2 - 1
print(f"y, divided by the height: {right[0]:.2f} to {right[-1]:.2f}")
print(f"y, divided by the width:  {wrong[0]:.2f} to {wrong[-1]:.2f}")

# %% [markdown]
# There is no error or warning, but x goes far beyond 1, and y never reaches the positive half of its range. Because of such bugs, the tests of this library use non-square images.

# %%
claim("non-square-bug")

# %% [markdown]
# ### The layer from the library
#
# `CoordConv2d` takes the arguments of `nn.Conv2d`. It computes what we just wrote, but concatenates the channels only if that is faster. It has two weights: `weight` for the data, as in `nn.Conv2d`, and `coord_weight` for the coordinates.

# %%
layer = CoordConv2d(3, 16, kernel_size=3, padding=1)

joined = torch.cat([layer.weight, layer.coord_weight], dim=1)
by_hand = F.conv2d(append_by_hand(images), joined, layer.bias, padding=1)
torch.testing.assert_close(layer(images), by_hand)

c, d, out, k = 3, 2, 16, 3
weights = layer.weight.numel() + layer.coord_weight.numel()
print(f"(c + d) c' k^2 = {(c + d) * out * k**2} weights; the layer has {weights}")

# %% [markdown]
# With zero coordinate weights, the layer is a plain convolution, so a network that does not need positions can learn to ignore them:

# %%
with torch.no_grad():
    layer.coord_weight.zero_()
plain = F.conv2d(images, layer.weight, layer.bias, padding=1)
print("equal to the plain convolution:", torch.equal(layer(images), plain))

# %% [markdown]
# ## 3. The data in two lines
#
# The Not-so-Clevr data are very simple: a 9 x 9 square on a 64 x 64 canvas, at each of the 56 x 56 positions where it fits. Each row of an identity matrix, reshaped to 56 x 56, is an image with a single white pixel. Padding by four pixels gives the canvas, and a convolution with a 9 x 9 kernel of ones turns the pixel into a square. (Here we need exactly what a convolution does: the same at every position.)

# %%
one_hot = F.pad(torch.eye(3136).reshape(3136, 1, 56, 56), (4, 4, 4, 4))
squares = F.conv2d(one_hot, torch.ones(1, 1, 9, 9), padding=4)

data = NotSoClevr(DataSpec(split="quadrant"))
assert torch.equal(squares, data.square_images(data.points))
x, y = data.points[1234].tolist()
show_images(
    {
        f"the pixel at row {y}, column {x}": one_hot[1234, 0],
        "its square": squares[1234, 0],
        "all squares, added": squares.sum(dim=0)[0],
    }
)

# %% [markdown]
# An example has three forms: a **point** (x, y), an image with **one white pixel**, and an image with a **square**. Each of the paper's three tasks turns one form into another:
#
# | task | input | output |
# |---|---|---|
# | classification | point | the pixel, out of 4096 |
# | regression | image of one pixel | point |
# | rendering | point | square |
#
# ## 4. Two splits
#
# The *uniform* split holds out a random fifth of the positions, so the training set contains neighbors of each held-out position. The *quadrant* split holds out the lower right quarter. To predict these positions correctly, a network must generalize; memorizing the training positions is not enough. The images below show held-out positions in black.

# %%
masks = {}
for split in ("uniform", "quadrant"):
    data = NotSoClevr(DataSpec(split=split))
    title = f"{split}: {len(data.train_points)} for training, {len(data.test_points)} held out"
    masks[title] = data.is_train.reshape(56, 56)
show_images(masks)

# %% [markdown]
# ## 5. Four networks, and one that cannot work
#
# For each task, there is one network with coordinates and one without.


# %%
def describe(task, name):
    network = build(tuned(task, "quadrant", name).model)
    print(f"{task:15}{name:11}{count_parameters(network):6,} parameters")


describe("classification", "coordconv")
describe("classification", "deconv")
describe("regression", "coordconv")
describe("regression", "conv")

# %% [markdown]
# Both regressors are stacks of convolutions that end in a pooling layer, and the one with coordinates does not even have activation functions. The two classifiers have different architectures: *deconv* upsamples one pixel to 64 x 64 with transposed convolutions. CoordConv copies the point to all pixels, appends the coordinates, and compares the two with 1 x 1 convolutions. The tutorial's author asked whether one could also copy the point and use plain convolutions.
#
# Let us try. Every pixel gets the same input and computes the same function, so all logits are equal, and the softmax over the 4096 pixels is uniform. The loss is ln 4096 for any weights, so training cannot help.

# %%
spec = tuned("classification", "quadrant", "coordconv")
blind = build(with_settings(spec, {"model.coordinates": False}).model)

points = data.points[:4]
logits = blind(points).flatten(1)
pixels = points[:, 1] * 64 + points[:, 0]
loss = F.cross_entropy(logits, pixels)
print("standard deviation of the logits:", logits.std(dim=1).max().item())
print(f"loss {loss:.4f}, ln 4096 = {math.log(4096):.4f}")

# %%
claim("tiling-fails")

# %% [markdown]
# ## 6. Regression: where is the pixel?
#
# `train` trains a network and returns the run. It takes a task, a split, a model, and any setting by name. Settings that you leave out come from a recipe. We start with the network with coordinates, on the hard split:

# %%
with_coords = train("regression", split="quadrant")
with_coords

# %% [markdown]
# With 906 parameters and after two epochs, it is correct at all 784 positions of a quadrant that it never saw. The figure on the right draws a line from each point to its prediction, and every line has length zero.
#
# Now the network without coordinates. It has 14 times as many parameters, and we train it for four epochs. (The recorded runs have 16 epochs, with settings tuned for this network.)

# %%
without = train("regression", split="quadrant", model="conv", epochs=4)
runs([with_coords, without]).show("predictions")

# %% [markdown]
# Look at the strong lines: the predictions for held-out points are pulled back into the part of the canvas that was in training. The network has memorized the training positions instead of learning what position is.
#
# A run can also predict. Here both networks get a point of the held-out quadrant. Predictions are (x, y), so the column comes first:

# %%
print("true position        row 50, column 40")
for run in (with_coords, without):
    x, y = run.predict(row=50, column=40)
    print(f"{run.spec.model_name:10} predicts row {y:.1f}, column {x:.1f}")

# %% [markdown]
# ## 7. Classification: which of 4096 pixels?

# %%
classifier = train("classification", split="quadrant")
deconv = train("classification", split="quadrant", model="deconv", epochs=10)
runs([classifier, deconv]).show("map")

# %% [markdown]
# The network without coordinates learns most of the training points, but none of the points in the held-out quadrant: in training, none of those 784 pixels was ever the target.
#
# ## 8. The tables
#
# Here are all runs so far, followed by the tutorial's scores. The networks without coordinates were trained for only a few epochs here. The [report](../docs/report.html) has the full table with several seeds, and an explorer of all positions.

# %%
runs([classifier, deconv, with_coords, without])

# %%
print("tutorial, quadrant split       training  held out")
for (task, split, model), (training, held_out) in TUTORIAL_SCORES.items():
    if split == "quadrant" and training is not None:
        print(f"{task:15} {model:12} {training:10.1%} {held_out:9.1%}")

# %%
claim("conv-overfits-quadrant")

# %% [markdown]
# ## 9. Rendering: paint the square
#
# In this task, the tutorial's images were blurred even with coordinates. In the figure, the top row shows the true squares, labeled by row and column as in the tutorial's galleries. The bottom row shows the predictions.

# %%
renderer = train("rendering", split="quadrant")
renderer.show("predictions")

# %%
painter = train("rendering", split="quadrant", model="deconv", epochs=12)
painter.show("predictions")

# %% [markdown]
# At training positions, the network without coordinates paints roughly the square, and more epochs make it sharp. In the held-out quadrant, its squares break up or are in the wrong place, as the IoU shows.
#
# Why did the tutorial's CoordConv paint blurred squares? Look at its last five convolutions. They have 2 x 2 kernels, so their receptive field is 1 + 5 (2 - 1) = 6 pixels, but the square is 9 pixels wide. We return to this below.
#
# ## 10. Change something
#
# You learn most about a network by breaking it. Here are four changes, each of which needs only an argument or two. The tutorial warns of the first two.
#
# ### Average pooling instead of max pooling

# %%
average = train("regression", split="quadrant", head="average")
predicted = average.predictions.predicted.reshape(-1, 2)
seen = NotSoClevr(average.spec.data).train_points.float()
print("lowest prediction: ", predicted.min(axis=0).round(1))
print("highest prediction:", predicted.max(axis=0).round(1))
print("mean of the training points:", seen.mean(dim=0).numpy().round(1))
average.show("predictions")

# %% [markdown]
# The tutorial also reports this and explains it by translation invariance. A more complete explanation is that this network is linear, so the average over its output is the same wherever the white pixel is. The network can therefore only learn the best constant, which is the mean of the training points. On the quadrant split, that is *not* the center of the canvas, (31.5, 31.5).

# %%
claim("average-pool-collapses")

# %% [markdown]
# ### A learning rate of 1e-4

# %%
slow = train("regression", split="quadrant", learning_rate=1e-4)
slow.show("predictions")

# %% [markdown]
# Look at the center: the predictions are not a single point but a small square, a miniature of the canvas. The network has started to learn, but two epochs are too few to see whether it would succeed. Try `epochs=20` or `input_scale=1000` before you read the results of longer runs:

# %%
claim("low-rate-stuck")

# %% [markdown]
# ### No coordinates

# %%
no_coordinates = train("regression", split="quadrant", coordinates=False)
runs([with_coords, average, slow, no_coordinates]).show("map")

# %% [markdown]
# Without the 16 parameters that multiply the coordinates, the network learns nothing: it has no padding, so the largest value of its output is the same wherever the pixel is. We saw this in the first experiment of this notebook; now it is the same with a trained network.
#
# ### Kernels of 2 in the painter
#
# These networks have five painting convolutions, as in the paper's code. With 2 x 2 kernels their receptive field is 6 pixels, with 3 x 3 kernels it is 11. The square is 9 pixels wide. We use the easy split, and a small canvas of 32 x 32 to keep the runs short.

# %%
five = {"painter_widths": (8, 8, 16, 16), "painter_logit_scale": 1}
two = train("rendering", painter_kernel=2, canvas=(32, 32), epochs=4, **five)
three = train("rendering", painter_kernel=3, canvas=(32, 32), epochs=4, **five)
runs([two, three]).show("predictions")

# %% [markdown]
# With 2 x 2 kernels, every square shrinks to the same small spot, because at a corner of the square the painter cannot see the point. With 3 x 3 kernels it can.
#
# Both painters start from a sharp point, because the recipe has a separate loss for the point. Without that loss, the network can first spread the point over several pixels, so that some of them are visible from the corner. Some seeds learn this.

# %%
claim("rendering-can-be-perfect")

# %% [markdown]
# ## Your turn
#
# - `runs("runs")` compares all your runs, and `runs("runs").frame()` returns them as a pandas DataFrame.
# - `train("regression", split="quadrant", model="hand-built-regressor")` returns a network that needs no training. Look at its `.network` to see why.
# - Make the canvas wider with `canvas=(48, 80)`, then use the wrong divisors of section 2 with `grid="swapped_divisors"`. Does the accuracy change?
# - A single run proves little. Repeat section 10 with `seed=1` and `seed=2`. Do you agree with the verdicts?
# - `train("regression", haed="average")` raises an error that suggests the right spelling.
#
# `coordconv claims` lists all claims with their verdicts, and `coordconv report` writes a page about your runs, with an explorer.
