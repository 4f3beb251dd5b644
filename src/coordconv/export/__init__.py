"""Export models with coordinate layers and verify the result against the model.

Coordinate layers compute the coordinates from the input size, so one exported model works for
images of every size. An exporter can still silently write a wrong model, for example with the
sizes of the example as constants. The functions here therefore run the exported model and compare
its outputs with those of the original model before they keep the file.
"""

from coordconv.export.exported_program import to_exported_program
from coordconv.export.metadata import conventions_in_file, conventions_of
from coordconv.export.onnx_file import to_onnx

__all__ = ["conventions_in_file", "conventions_of", "to_exported_program", "to_onnx"]
