"""Settings of the process for training apply to all threads."""

import json
import subprocess
import sys

PROGRAM = """
import json
import torch
from coordconv_lab.train.processor import prepare_processor

def left(tensor):
    return (tensor.contiguous().view(torch.int32) != 0).float().mean().item()

tiny = torch.full((8, 16, 64, 64), 1e-40)
weight = torch.ones(16, 16, 1, 1)

def denormals_left():
    results = [tiny * 0.5, torch.conv2d(tiny, weight), tiny.view(-1, 16) @ weight[0, :, 0]]
    return [left(result) for result in results]

before = denormals_left()  # the worker threads have started
prepare_processor()
print(json.dumps([before, denormals_left()]))
"""


def test_denormals_are_flushed_in_all_threads_including_existing_ones():
    output = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, check=True)
    before, after = json.loads(output.stdout)
    assert before == [1, 1, 1]
    assert after == [0, 0, 0]


FAULTS = """
import resource
import torch
from coordconv_lab.train.processor import prepare_processor

prepare_processor()
for step in range(30):
    if step == 10:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    large = [torch.ones(2**24) for _ in range(4)]
    del large
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def test_freed_memory_is_reused():
    """20 x 256 MB are 1.3 million pages of 4 kB."""
    output = subprocess.run([sys.executable, "-c", FAULTS], capture_output=True, check=True)
    assert int(output.stdout) < 10_000
