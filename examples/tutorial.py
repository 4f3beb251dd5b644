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
# Where in an image is a white square? A person sees it at once. For a convolutional network, this question is surprisingly hard, but two extra input channels with the coordinates of each pixel make it easy. A convolution with these extra channels is called CoordConv. This notebook first builds the CoordConv layer, then trains networks with it, and finally asks you to break these networks.
#
# The notebook follows Ashwin D'Cruz's "Coord Conv Tutorial" and the paper that introduced CoordConv ([Liu et al. 2018](https://arxiv.org/abs/1807.03247)). Below, they are called the tutorial and the paper. The notebook also shows testable claims of the tutorial and the paper. Each claim is shown in a box, together with a verdict that is computed from training runs stored in this repository.
#
# You need a checkout of the repository and `pip install '.[lab]' jupyterlab`. Everything runs on a laptop in a few minutes. Trained networks are kept in the directory `runs/`, so running the notebook again takes seconds. The same text is available as a page, as a script (`examples/tutorial.py`) and as a notebook (`examples/tutorial.ipynb`).

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
# A convolution computes the same function at every pixel. If its input shifts, its output shifts by the same amount and is otherwise unchanged. This is usually a strength. Here it is the problem: if the input is an image with one white pixel, the largest value of the output does not depend on the position of this pixel.

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
# The fix is simple: give every pixel its coordinates. CoordConv appends two channels to its input. The first channel contains the column of each pixel and the second channel contains its row. Both are scaled to [-1, 1]. CoordConv then applies an ordinary convolution, which can use these two channels or ignore them.
#
# As in the tutorial, our example is a batch of 8 images with 28 rows, 30 columns and 3 color channels. Note that the images are not square.

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
# ### A bug in the paper's code
#
# The tutorial has a postscript that reports a bug in the paper's code: this code divides the columns by the *height* and the rows by the *width*. For square images this makes no difference. The following cell computes the coordinates of an image with 20 rows and 60 columns, both correctly and with the bug:

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
# The bug causes no error or warning. However, x goes far beyond 1, and y never becomes positive. To find such bugs, the tests of this library use non-square images.

# %%
claim("non-square-bug")

# %% [markdown]
# ### The layer from the library
#
# `CoordConv2d` takes the arguments of `nn.Conv2d`. It computes the same outputs as appending the coordinates by hand and then convolving, but it concatenates the channels only if that is faster. The layer has two weights: `weight` for the image channels, as in `nn.Conv2d`, and `coord_weight` for the coordinates.

# %%
layer = CoordConv2d(3, 16, kernel_size=3, padding=1)

joined = torch.cat([layer.weight, layer.coord_weight], dim=1)
by_hand = F.conv2d(append_by_hand(images), joined, layer.bias, padding=1)
torch.testing.assert_close(layer(images), by_hand)

c, d, out, k = 3, 2, 16, 3
weights = layer.weight.numel() + layer.coord_weight.numel()
print(f"(c + d) c' k^2 = {(c + d) * out * k**2} weights; the layer has {weights}")

# %% [markdown]
# If the coordinate weights are zero, the layer is a plain convolution. A network that does not need positions can therefore learn to ignore them:

# %%
with torch.no_grad():
    layer.coord_weight.zero_()
plain = F.conv2d(images, layer.weight, layer.bias, padding=1)
print("equal to the plain convolution:", torch.equal(layer(images), plain))

# %% [markdown]
# ## 3. The data in two lines
#
# The paper's data set is called Not-so-Clevr. Each image shows one white 9 x 9 square on a black 64 x 64 canvas. There is one image for each of 56 x 56 = 3136 positions of the square. Each row of an identity matrix, reshaped to 56 x 56, is an image with a single white pixel. Padding this image by four pixels on each side gives the 64 x 64 canvas. A convolution with a 9 x 9 kernel of ones then turns the pixel into a square. (Here it is useful that a convolution computes the same function at every position: it draws the same square wherever the pixel is.)

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
# Each example of the data exists in three forms: a **point** (x, y), an image with **one white pixel** at this point, and an image with a **square** around this point. The paper has three tasks. In each task, a network gets one form as input and has to predict another form:
#
# | task | input | output |
# |---|---|---|
# | classification | point | the pixel, out of 4096 |
# | regression | image of one pixel | point |
# | rendering | point | square |
#
# ## 4. Two splits
#
# The examples are split into a training set and held-out examples, which are used only for testing. There are two ways to split them. The *uniform* split holds out a random fifth of the positions, so the training set contains neighbors of each held-out position. The *quadrant* split holds out all positions in the lower right quarter of the canvas. To predict positions in this quarter correctly, a network must generalize. Memorizing the training positions is not enough. The images below show held-out positions in black.

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
# We now look at the tasks classification and regression. For each of these tasks, there is one network with coordinates and one network without. The networks without coordinates are called *deconv* and *conv*.


# %%
def describe(task, name):
    network = build(tuned(task, "quadrant", name).model)
    print(f"{task:15}{name:11}{count_parameters(network):6,} parameters")


describe("classification", "coordconv")
describe("classification", "deconv")
describe("regression", "coordconv")
describe("regression", "conv")

# %% [markdown]
# Both regression networks are stacks of convolutions that end in a pooling layer. The regression network with coordinates does not even have activation functions.
#
# The two classification networks have different architectures. *deconv* treats the point as an image of a single pixel and upsamples it to 64 x 64 pixels with transposed convolutions. *coordconv* copies the point (x, y) to all pixels, appends the coordinates of each pixel, and compares the point with these coordinates by 1 x 1 convolutions. The author of the tutorial asked whether a network could also copy the point to all pixels and then use plain 1 x 1 convolutions, without coordinates.
#
# Let us try this network. Every pixel gets the same input and computes the same function of it, so the logits of all pixels are equal, and the softmax over the 4096 pixels is uniform. The loss is therefore ln 4096 for all values of the weights, and training cannot reduce it.

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
# The function `train` trains a network and returns a *run*: the trained network with its settings, scores and predictions. Pass a task, a split, a model, and any other settings as keyword arguments. Settings that you leave out have default values that were tuned for the task. We start with the network with coordinates, on the quadrant split:

# %%
with_coords = train("regression", split="quadrant")
with_coords

# %% [markdown]
# The network has only 906 parameters and was trained for two epochs. Its predictions are correct at all 784 positions of the held-out quadrant, which it never saw in training. The figure on the right draws a line from each true point to its prediction. Because the predictions are correct, all lines have length zero.
#
# Next, we train the network without coordinates. It has 14 times as many parameters. We train it for four epochs to save time. (In the stored runs on which the verdicts are based, this network was trained for 16 epochs.)

# %%
without = train("regression", split="quadrant", model="conv", epochs=4)
runs([with_coords, without]).show("predictions")

# %% [markdown]
# The dark lines belong to points in the held-out quadrant. Many of these lines are long: the predictions for these points are shifted toward the three quadrants that were used for training. The network has memorized the training positions and has not learned a rule that also holds at new positions.
#
# The method `predict` of a run predicts the position of a single pixel. The following cell calls `predict` on both runs, with the same position in the held-out quadrant. The predictions are returned as (x, y), so the column comes first:

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
# Without coordinates (*deconv*), the network is correct for about half of the training points after this short training, but for almost none of the points in the held-out quadrant. The reason is that none of the 784 pixels of this quadrant was ever the correct class in training.
#
# ## 8. The tables
#
# The first table below lists all runs so far, and the second table lists the tutorial's scores. In this notebook, the networks without coordinates were trained for only a few epochs. The [report](../docs/report.html) has a table of longer runs with several seeds. It also lets you choose any position and shows what each network predicts there.

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
# In the rendering task, a network gets a point and has to draw the square around it. The squares in the tutorial's figures were blurred, even those of the network with coordinates. Below, we train our network with coordinates. In the figure, the top row shows the true squares, labeled with the row and column of their centers. The bottom row shows the predictions.

# %%
renderer = train("rendering", split="quadrant")
renderer.show("predictions")

# %%
painter = train("rendering", split="quadrant", model="deconv", epochs=12)
painter.show("predictions")

# %% [markdown]
# At training positions, the network without coordinates paints roughly the correct square. In the held-out quadrant, the squares are broken or in the wrong place. The IoU (intersection over union) above each prediction measures how well the predicted square covers the true one. It is 1 for a perfect prediction.
#
# Why did the tutorial's CoordConv network paint blurred squares? It first marks the center of the square and then paints the square with five convolutions that have 2 x 2 kernels. Together, these five convolutions have a receptive field that is 1 + 5 (2 - 1) = 6 pixels wide, but the square is 9 pixels wide. We return to this problem in the last part of section 10.
#
# ## 10. Change something
#
# You learn most about a network by breaking it. This section makes four changes to the networks. Each change needs only a few arguments of `train`. The tutorial warns against the first two changes: average pooling, and a learning rate of 1e-4.
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
# With average pooling, the network predicts the same point for every input. The tutorial also reports this result and explains it by translation invariance. A more complete explanation is that this network is linear, so the average over its output is the same wherever the white pixel is. The network can therefore learn only a constant. The best constant is the mean of the training points. On the quadrant split, this mean is *not* the center of the canvas, (31.5, 31.5).

# %%
claim("average-pool-collapses")

# %% [markdown]
# ### A learning rate of 1e-4

# %%
slow = train("regression", split="quadrant", learning_rate=1e-4)
slow.show("predictions")

# %% [markdown]
# In the figure, each line ends at a prediction, near the center of the canvas. The predictions are not all equal. They form a small quadrilateral, like a miniature of the canvas. The network has started to learn, but two epochs are too few to see whether it would succeed. Try `epochs=20` or `input_scale=1000` yourself. The next cell shows the results of longer runs:

# %%
claim("low-rate-stuck")

# %% [markdown]
# ### No coordinates

# %%
no_coordinates = train("regression", split="quadrant", coordinates=False)
runs([with_coords, average, slow, no_coordinates]).show("map")

# %% [markdown]
# The figure shows the error at every position for four networks. The last network lacks the 16 parameters that multiply the coordinates. It learns nothing. The network has no padding, so the largest value of its output is the same wherever the white pixel is. Section 1 showed this for a single convolution with random weights. Here we see that it also holds for a network with several trained convolutions.
#
# ### 2 x 2 kernels for painting the square
#
# The last experiment is about rendering. We train two networks that paint the square with five convolutions, as in the paper's code. In the first network these convolutions have 2 x 2 kernels, so their receptive field is 6 pixels wide. In the second network they have 3 x 3 kernels, so their receptive field is 11 pixels wide. The square is 9 pixels wide. To keep the runs short, we use the uniform split and a small canvas of 32 x 32 pixels.

# %%
five = {"painter_widths": (8, 8, 16, 16), "painter_logit_scale": 1}
two = train("rendering", painter_kernel=2, canvas=(32, 32), epochs=4, **five)
three = train("rendering", painter_kernel=3, canvas=(32, 32), epochs=4, **five)
runs([two, three]).show("predictions")

# %% [markdown]
# With 2 x 2 kernels, every predicted square is too small. The reason is that the receptive field of a pixel at a corner of the square does not contain the center of the square, so the convolutions cannot know that this pixel should be white. With 3 x 3 kernels, the receptive field contains the center.
#
# Both networks first mark the center of the square with a single sharp point, because our settings include a separate loss for this point. Without this loss, a network with 2 x 2 kernels can spread the mark over several pixels, some of which are in the receptive field of the corners. The following claim is about networks without this loss. With 2 x 2 kernels, some seeds learn to spread the mark and others do not.

# %%
claim("rendering-can-be-perfect")

# %% [markdown]
# ## Your turn
#
# - `runs("runs")` compares all your runs, and `runs("runs").frame()` returns them as a pandas DataFrame (install it with `pip install pandas`).
# - `train("regression", split="quadrant", model="hand-built-regressor")` returns a run whose network needs no training. Look at the attribute `.network` of this run to see why.
# - Train on a canvas that is wider than it is high, with the argument `canvas=(48, 80)`. Then also pass `grid="swapped_divisors"`, which reproduces the bug of section 2. Does the accuracy change?
# - A single run proves little. Repeat the runs of section 10 with `seed=1` and `seed=2`. Do you agree with the verdicts of the claims?
# - Misspell an argument: `train("regression", haed="average")` raises an error that suggests the right spelling.
#
# On the command line, `coordconv claims` lists all claims with their verdicts, and `coordconv report` writes an interactive page about your runs.
