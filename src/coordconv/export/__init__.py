"""Models with coordinate layers for other runtimes, compared with the model before they are kept.

Coordinate layers compute their coordinates from the size of what they are given, so that what is
exported once serves pictures of every size. What an exporter writes can still be wrong in silence,
with the sizes of the example frozen in it for instance; here it is run beside the model first.
"""

from coordconv.export.exported_program import to_exported_program
from coordconv.export.metadata import coordinates_in_file, coordinates_of
from coordconv.export.onnx_file import to_onnx

__all__ = ["coordinates_in_file", "coordinates_of", "to_exported_program", "to_onnx"]
