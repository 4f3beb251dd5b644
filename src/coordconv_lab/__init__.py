"""The laboratory: the experiments that show when coordinates help a convolution, and how much."""
