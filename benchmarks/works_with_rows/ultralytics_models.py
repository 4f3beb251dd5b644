"""YOLO networks from their descriptions, which need no download."""

import os
import tempfile

__all__ = ["detector"]


def detector():
    """Return YOLOv8n with random weights."""
    os.environ.setdefault("YOLO_CONFIG_DIR", tempfile.mkdtemp())
    os.environ |= {"YOLO_OFFLINE": "true", "YOLO_AUTOINSTALL": "false"}
    from ultralytics.nn.tasks import DetectionModel

    return DetectionModel("yolov8n.yaml", verbose=False)
