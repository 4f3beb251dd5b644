"""The known experiments, tasks and networks, and the plug-ins that add more.

The code for training, reports and the command line finds experiments here, and never imports an
experiment directly. This package does not import torch.
"""

from coordconv_lab.registry.descriptors import (
    Experiment,
    Network,
    Plugin,
    Score,
    Task,
    distance,
)
from coordconv_lab.registry.loading import plugin_versions, registry, use_plugins
from coordconv_lab.registry.references import Reference, resolve
from coordconv_lab.registry.reproduction import Reproduction

__all__ = [
    "Experiment",
    "Network",
    "Plugin",
    "Reference",
    "Reproduction",
    "Score",
    "Task",
    "distance",
    "plugin_versions",
    "registry",
    "resolve",
    "use_plugins",
]
