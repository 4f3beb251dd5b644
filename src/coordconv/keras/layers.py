"""CoordConv layers for Keras 3.

The layers follow Liu et al. 2018, arXiv:1807.03247, section "The CoordConv layer" and Figure 3.
"""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Literal

import keras
from keras import ops

from coordconv.conventions import Convention, ConventionName, checked_radius
from coordconv.keras.grids import coordinate_channels
from coordconv.operations import SizeNd

__all__ = ["CoordConv1D", "CoordConv2D", "CoordConv3D"]


class _CoordinateConvolution:
    """Mixin of the 1-D, 2-D and 3-D layers.

    Each of these classes inherits first from this mixin, then from the plain Keras layer.
    """

    def __init__(
        self,
        filters: int,
        kernel_size: SizeNd,
        strides: SizeNd = 1,
        padding: Literal["valid", "same", "causal"] = "valid",
        data_format: Literal["channels_last", "channels_first"] | None = None,
        dilation_rate: SizeNd = 1,
        groups: int = 1,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        *,
        radius: bool = False,
        convention: Convention | ConventionName | Mapping[str, Any] = "paper",
        **options: Any,
    ) -> None:
        super().__init__(
            filters=filters,
            kernel_size=kernel_size,
            strides=strides,
            padding=padding,
            data_format=data_format,
            dilation_rate=dilation_rate,
            groups=groups,
            activation=activation,
            use_bias=use_bias,
            kernel_initializer=kernel_initializer,
            bias_initializer=bias_initializer,
            kernel_regularizer=kernel_regularizer,
            bias_regularizer=bias_regularizer,
            activity_regularizer=activity_regularizer,
            kernel_constraint=kernel_constraint,
            bias_constraint=bias_constraint,
            **options,
        )
        if isinstance(convention, Mapping):  # The convention of a saved layer is a mapping.
            convention = Convention(**convention)
        self.radius = checked_radius(radius)
        self.convention = Convention.of(convention)

    def build(self, input_shape: Any) -> None:
        """Create the weights, initialized like a single convolution over [data, coordinates]."""
        initializer, coordinates = self.kernel_initializer, self.rank + (1 if self.radius else 0)
        channels = input_shape[-1 if self.data_format == "channels_last" else 1]
        data, low_rank = channels // self.groups, self.lora_rank
        self.kernel_initializer = _Part(initializer, data + coordinates, slice(0, data))
        self.lora_rank = None  # Keras does not allow new weights after LoRA is enabled.
        try:
            super().build(input_shape)
        finally:
            self.kernel_initializer, self.lora_rank = initializer, low_rank
        self.coord_kernel = self.add_weight(
            name="coord_kernel",
            shape=(*self.kernel_size, coordinates, self.filters),
            initializer=_Part(initializer, data + coordinates, slice(data, None)),
            regularizer=self.kernel_regularizer,
            constraint=self.kernel_constraint,
            dtype=self.dtype,
        )
        if low_rank:
            self.enable_lora(low_rank, lora_alpha=self.lora_alpha)

    def call(self, inputs: Any) -> Any:
        """Return the activation of the convolution over ``inputs`` and their coordinates."""
        outputs = self.convolution_op(inputs, self.kernel)
        if self.use_bias:
            shape = [1] * (self.rank + 2)
            shape[-1 if self.data_format == "channels_last" else 1] = self.filters
            # The bias must be the first operand of the addition. In ``outputs + bias``, Keras 3.15
            # with TensorFlow adds the bias along the width when the width equals `filters`.
            outputs = ops.add(ops.reshape(self.bias, shape), outputs)
        return outputs if self.activation is None else self.activation(outputs)

    def convolution_op(self, inputs: Any, kernel: Any) -> Any:
        """Return the sum of the convolutions of the data and of the coordinates.

        Raises:
            TypeError: If ``inputs`` are not floating-point numbers.
        """
        dtype = keras.backend.standardize_dtype(inputs.dtype)
        if not keras.backend.is_float_dtype(dtype):
            raise TypeError(
                f"expected a floating-point image, got {dtype}, which cannot represent coordinates "
                "from -1 to 1; convert the image first, for example keras.ops.cast(image, "
                "'float32') / 255"
            )
        first = self.data_format == "channels_first"
        size = ops.shape(inputs)[2:] if first else ops.shape(inputs)[1:-1]
        grid = coordinate_channels(size, self.convention, self.radius)
        grid = ops.cast(ops.moveaxis(grid, -1, 0) if first else grid, inputs.dtype)[None]
        return self._convolve(inputs, kernel) + self._convolve(grid, self.coord_kernel)

    def _convolve(self, inputs: Any, kernel: Any) -> Any:
        padding = self.padding
        if padding == "causal":  # Only 1-D layers accept it.
            before = (self.dilation_rate[0] * (self.kernel_size[0] - 1), 0)
            last = self.data_format == "channels_last"
            inputs = ops.pad(inputs, [(0, 0), before, (0, 0)] if last else [(0, 0), (0, 0), before])
            padding = "valid"
        return ops.conv(
            inputs,
            kernel,
            strides=list(self.strides),
            padding=padding,
            dilation_rate=self.dilation_rate,
            data_format=self.data_format,
        )

    def get_config(self) -> dict[str, Any]:
        """Return the arguments to create the layer again, as a dictionary to save as JSON."""
        return super().get_config() | {
            "radius": self.radius,
            "convention": asdict(self.convention),
        }

    def save_own_variables(self, store: Any) -> None:
        """Save the weights of the plain layer and the coordinate weights."""
        super().save_own_variables(store)
        if self.built:
            store["coord_kernel"] = self.coord_kernel

    def load_own_variables(self, store: Any) -> None:
        """Load the weights saved by `save_own_variables`."""
        super().load_own_variables(store)
        if self.built:
            self.coord_kernel.assign(store["coord_kernel"])


class _Part:
    """An initializer for one part of a joint weight over [data, coordinates].

    The weights of the data and of the coordinates are two slices of the same joint weight. To
    initialize a slice, the initializer is called for the joint weight, and the slice is taken from
    the result. The initializer returns the same values in every call.
    """

    def __init__(self, initializer: Any, inputs: int, part: slice) -> None:
        self.initializer, self.inputs, self.part = initializer, inputs, part

    def __call__(self, shape: Any, dtype: Any = None) -> Any:
        joint = self.initializer((*shape[:-2], self.inputs, shape[-1]), dtype=dtype)
        return joint[..., self.part, :]


@keras.saving.register_keras_serializable(package="coordconv")
class CoordConv1D(_CoordinateConvolution, keras.layers.Conv1D):
    """A 1-D convolution with coordinates as additional input channels; see `CoordConv2D`.

    Unlike in `CoordConv2D`, the padding may also be ``"causal"``. The coordinates are padded with
    zeros, like the data.

    Args:
        filters: Number of output channels.
        kernel_size: Length of the kernel, in pixels.
        strides: Step of the kernel, in pixels.
        padding: ``"valid"``, ``"same"`` or ``"causal"``.
        data_format: ``"channels_last"`` or ``"channels_first"``; the default of Keras if None.
        dilation_rate: Distance between the taps of the kernel, in pixels.
        groups: Number of groups of the data channels. Each group gets all coordinates.
        activation: Activation of the output, by name or as a function.
        use_bias: Whether to learn a constant per output channel.
        kernel_initializer: Initializes data and coordinate weights as one kernel.
        bias_initializer: Initializes the bias.
        kernel_regularizer: Regularizes the data and the coordinate weights.
        bias_regularizer: Regularizes the bias.
        activity_regularizer: Regularizes the output.
        kernel_constraint: Constrains the data and the coordinate weights.
        bias_constraint: Constrains the bias.
        radius: Whether to append the radius (the distance to the center) as a coordinate.
        convention: The meaning of the coordinates: a `Convention` or the name of a preset.
        options: Keyword arguments of every Keras layer: ``name``, ``dtype``, ``trainable``.

    Raises:
        ValueError: As in `CoordConv2D`.
        TypeError: As in `CoordConv2D`.

    Example:
        >>> tuple(CoordConv1D(8, 3, padding="causal")(keras.ops.zeros((4, 7, 3))).shape)
        (4, 7, 8)
    """


@keras.saving.register_keras_serializable(package="coordconv")
class CoordConv2D(_CoordinateConvolution, keras.layers.Conv2D):
    """A 2-D convolution with coordinates as additional input channels, for images.

    The output is the same as if the coordinates of every pixel were appended to the channels before
    the convolution. The coordinates are computed from the image size. Padding adds zeros to the
    coordinates and to the data. ``kernel`` and ``bias`` are as in ``keras.layers.Conv2D``.
    ``coord_kernel``, shape (kh, kw, d, filters), holds the weights of the d coordinates: x, y and
    optionally the radius. With groups, every group gets all coordinates.

    Args:
        filters: Number of output channels.
        kernel_size: Height and width of the kernel, in pixels.
        strides: Step of the kernel, in pixels.
        padding: ``"valid"`` or ``"same"``.
        data_format: ``"channels_last"`` or ``"channels_first"``; the default of Keras if None.
        dilation_rate: Distance between the taps of the kernel, in pixels.
        groups: Number of groups of the data channels. Each group gets all coordinates.
        activation: Activation of the output, by name or as a function.
        use_bias: Whether to learn a constant per output channel.
        kernel_initializer: Initializes data and coordinate weights as one kernel.
        bias_initializer: Initializes the bias.
        kernel_regularizer: Regularizes the data and the coordinate weights.
        bias_regularizer: Regularizes the bias.
        activity_regularizer: Regularizes the output.
        kernel_constraint: Constrains the data and the coordinate weights.
        bias_constraint: Constrains the bias.
        radius: Whether to append the radius (the distance to the center) as a coordinate.
        convention: The meaning of the coordinates: a `Convention` or the name of a preset.
        options: Keyword arguments of every Keras layer: ``name``, ``dtype``, ``trainable``.

    Raises:
        ValueError: As in ``keras.layers.Conv2D``, or if ``convention`` is not the name of a preset.
        TypeError: If ``radius`` is not True or False.

    Example:
        >>> layer = CoordConv2D(8, 3, padding="same", activation="relu")
        >>> tuple(layer(keras.ops.zeros((4, 6, 9, 3))).shape)
        (4, 6, 9, 8)
        >>> tuple(layer.coord_kernel.shape)
        (3, 3, 2, 8)
    """


@keras.saving.register_keras_serializable(package="coordconv")
class CoordConv3D(_CoordinateConvolution, keras.layers.Conv3D):
    """A 3-D convolution with coordinates as additional input channels; see `CoordConv2D`.

    Args:
        filters: Number of output channels.
        kernel_size: Depth, height and width of the kernel, in pixels.
        strides: Step of the kernel, in pixels.
        padding: ``"valid"`` or ``"same"``.
        data_format: ``"channels_last"`` or ``"channels_first"``; the default of Keras if None.
        dilation_rate: Distance between the taps of the kernel, in pixels.
        groups: Number of groups of the data channels. Each group gets all coordinates.
        activation: Activation of the output, by name or as a function.
        use_bias: Whether to learn a constant per output channel.
        kernel_initializer: Initializes data and coordinate weights as one kernel.
        bias_initializer: Initializes the bias.
        kernel_regularizer: Regularizes the data and the coordinate weights.
        bias_regularizer: Regularizes the bias.
        activity_regularizer: Regularizes the output.
        kernel_constraint: Constrains the data and the coordinate weights.
        bias_constraint: Constrains the bias.
        radius: Whether to append the radius (the distance to the center) as a coordinate.
        convention: The meaning of the coordinates: a `Convention` or the name of a preset.
        options: Keyword arguments of every Keras layer: ``name``, ``dtype``, ``trainable``.

    Raises:
        ValueError: As in `CoordConv2D`.
        TypeError: As in `CoordConv2D`.

    Example:
        >>> tuple(CoordConv3D(8, 3)(keras.ops.zeros((4, 5, 6, 7, 3))).shape)
        (4, 3, 4, 5, 8)
    """
