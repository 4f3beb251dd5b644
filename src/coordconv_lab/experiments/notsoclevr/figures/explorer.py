"""Data for the explorer, a section of the report that compares two networks at one point."""

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

from coordconv_lab.experiments.notsoclevr.figures.answers import first_answers
from coordconv_lab.experiments.notsoclevr.figures.maps import probe_of
from coordconv_lab.report.runs import Cell, Network

LARGEST_SHEET = 500_000
"""Maximum number of characters of one sprite sheet."""

MOST_SHEETS = 4_000_000
"""Maximum number of characters of all sprite sheets, which keeps the page below 6 MB."""

MOST_PROBES = 2_000_000
"""Maximum number of characters of the predictions of networks that have no map on the page."""


class Explorer(NamedTuple):
    """The content of the explorer.

    Attributes:
        stages: The networks of each cell of the table of results, as data for the script of the
            page. A cell has all networks for one task on the same data.
        start: Index of the stage to start with.
        probes: Predictions of networks without a map on the page, by id.
        left_out: Number of networks that do not fit on the page.
    """

    stages: list[dict[str, Any]]
    start: int
    probes: dict[str, dict[str, Any]]
    left_out: int

    @property
    def has_choice(self) -> bool:
        """Whether a cell has more than two networks to choose from."""
        return any(len(stage["nets"]) > 2 for stage in self.stages)

    @property
    def data(self) -> dict[str, Any]:
        """Data for the script of the page."""
        return {"stages": self.stages, "start": self.start}


def explorer(drawn: Sequence[Cell], every: Sequence[Cell]) -> Explorer | None:
    """Return the data of the explorer, or None if no network has predictions.

    The script of the page finds the labels of maps by the ids of the maps, and uses these labels to
    describe predictions.

    Args:
        drawn: Cells with the networks that have a map on the page.
        every: The same cells with all networks.
    """
    room = _Room({one.id for cell in drawn for one in cell.networks})
    stages = [stage for cell in every if (stage := _stage(cell, room))]
    if not stages:
        return None
    # Start with the last stage. For the tutorial's rows, this is rendering on the quadrant split.
    return Explorer(stages, len(stages) - 1, room.probes, room.left_out)


class _Room:
    """The space left on the page for predictions and sprite sheets."""

    def __init__(self, on_maps: set[str]) -> None:
        self._on_maps, self._for_sheets, self._for_probes = on_maps, MOST_SHEETS, MOST_PROBES
        self.probes: dict[str, dict[str, Any]] = {}
        self.left_out = 0

    def takes_answers(self, network: Network) -> bool:
        """Whether the page has space for the predictions of a network."""
        answers = first_answers(network)
        if isinstance(answers, str) or network.id in self._on_maps:
            return True
        probe = probe_of(network.task, answers)
        size = len(json.dumps(probe, separators=(",", ":")))
        if size > self._for_probes:
            self.left_out += 1
            return False
        self._for_probes -= size
        self.probes[answers_id(network)] = probe
        return True

    def sheet(self, network: Network) -> tuple[str, str]:
        """Return the sprite sheet of a network, and a message if there is none."""
        run = network.first
        sheet = run.files.get("sheet.png") or ""
        if "sheet.png" in run.gaps:
            return "", f"{network.label(run)}: {run.gaps['sheet.png']}."
        if len(sheet) > min(LARGEST_SHEET, self._for_sheets):
            size = f"{len(sheet) / 1e6:.1f} MB"
            return "", f"{network.label(run)}: its images take {size}, too much for the page."
        self._for_sheets -= len(sheet)
        return sheet, ""


def _stage(cell: Cell, room: _Room) -> dict[str, Any] | None:
    networks = [network for network in cell.networks if room.takes_answers(network)]
    nets = [_net(network, room) for network in networks]
    ready = [at for at, net in enumerate(nets) if net["answers"]]
    if not ready:
        return None
    data = cell.networks[0].first.record.spec.data
    # Choose the best network of each color or, if there is only one color, the two best networks.
    best = {nets[at]["family"]: at for at in reversed(range(len(nets)))}
    pair = sorted(best.values(), key=lambda at: nets[at]["family"] != "coordconv")
    chosen = list(dict.fromkeys([*pair, *range(len(nets))]))[:2]
    return {
        "task": cell.task,
        "split": cell.data,
        "canvas": list(data.canvas),
        "square": data.square,
        "nets": nets,
        "chosen": chosen,
    }


def _net(network: Network, room: _Room) -> dict[str, str]:
    """Return the id of a network's predictions, its sprite sheet, and a message about gaps."""
    answers = first_answers(network)
    net = {"model": network.name, "family": network.style, "answers": "", "sheet": ""}
    if isinstance(answers, str):
        return net | {"gap": answers}
    sheet, gap = room.sheet(network)
    return net | {"answers": answers_id(network), "sheet": sheet, "gap": gap}


def answers_id(network: Network) -> str:
    """Return the id of a network's predictions in the page."""
    return f"answers-{network.id}"
