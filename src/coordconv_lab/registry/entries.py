"""All experiments, tasks and networks by name, from this package and from plug-ins."""

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Annotated, Any, Union

from pydantic import Field, TypeAdapter

from coordconv_lab.errors import InputError, in_short
from coordconv_lab.registry.descriptors import Experiment, Network, Plugin, Task
from coordconv_lab.registry.reproduction import Reproduction


class Registry:
    """The known experiments.

    Attributes:
        plugins: Plug-ins by name, in the order in which they were added.
        experiments: Experiments by name.
        tasks: Tasks by name.
        networks: Networks by kind.
    """

    def __init__(self) -> None:
        self.plugins: dict[str, Plugin] = {}
        self.experiments: dict[str, Experiment] = {}
        self.tasks: dict[str, Task] = {}
        self.networks: dict[str, Network] = {}
        self._experiment_of: dict[str, Experiment] = {}
        self._source: dict[str, Plugin] = {}
        self._adapter: TypeAdapter[Any] | None = None

    def add(self, plugin: Plugin) -> None:
        """Add the experiments, tasks and networks of a plug-in. After an error, add none of them.

        Raises:
            InputError: A name is already in use, or a task or network refers to a network or task
                that does not exist.
        """
        tasks = list(_tasks_of(plugin, self.experiments))
        self._check_new("plug-in", [plugin.name], self.plugins)
        self._check_new("experiment", [one.name for one in plugin.experiments], self.experiments)
        self._check_new("task", [task.name for task, _ in tasks], self.tasks)
        self._check_new("network", [network.kind for network in plugin.networks], self.networks)
        names = {*self.tasks, *(task.name for task, _ in tasks)}
        for network in plugin.networks:
            if unknown := [name for name in network.tasks if name not in names]:
                raise InputError(
                    f"the network {network.kind} of the plug-in {plugin.name} is for the task "
                    f"{in_short(unknown[0])}, which does not exist"
                )
        kinds = {*self.networks, *(network.kind for network in plugin.networks)}
        for task, _ in tasks:
            if unknown := [kind for kind in task.learned_by if kind not in kinds]:
                raise InputError(
                    f"the task {task.name} of the plug-in {plugin.name} names the network "
                    f"{in_short(unknown[0])}, which does not exist"
                )
        self.plugins[plugin.name] = plugin
        self.experiments |= {one.name: one for one in plugin.experiments}
        self.tasks |= {task.name: task for task, _ in tasks}
        self._experiment_of |= {task.name: experiment for task, experiment in tasks}
        self.networks |= {network.kind: network for network in plugin.networks}
        sources = [
            *(f"experiment {experiment.name}" for experiment in plugin.experiments),
            *(f"task {task.name}" for task, _ in tasks),
            *(f"network {network.kind}" for network in plugin.networks),
        ]
        self._source |= dict.fromkeys(sources, plugin)
        self._adapter = None

    @staticmethod
    def _check_new(what: str, names: list[str], known: Mapping[str, object]) -> None:
        for name in names:
            if name in known or names.count(name) > 1:
                raise InputError(f"there are two {what}s with the name {name!r}; rename one")

    def task(self, name: str) -> Task:
        """Return the task with this name.

        Raises:
            InputError: There is no such task.
        """
        if name not in self.tasks:
            raise InputError(self.unknown("task", name, self.tasks))
        return self.tasks[name]

    def experiment_of(self, task: str) -> Experiment:
        """Return the experiment of a task.

        Raises:
            InputError: There is no such task.
        """
        self.task(task)
        return self._experiment_of[task]

    def networks_of(self, task: str) -> list[Network]:
        """Return the networks that can learn a task."""
        kinds = self.tasks[task].learned_by
        return [one for one in self.networks.values() if task in one.tasks or one.kind in kinds]

    def main_family(self, task: str) -> str:
        """Return the family of the networks that the experiment of a task is about.

        Raises:
            InputError: There is no such task, or no network for it.
        """
        one = self.task(task)
        if one.network:
            return one.network
        networks = self.networks_of(task)
        if not networks:
            raise InputError(f"no network can learn the task {task}; add one to the plug-in")
        return networks[0].spec().family

    def compared_families(self, task: str) -> tuple[str, str]:
        """Return the families of the main network and of the baseline, which tables compare.

        Raises:
            InputError: There is no such task, or no network for it.
        """
        return self.main_family(task), self.task(task).baseline

    def to_reproduce(self, name: str | None = None) -> tuple[Experiment, Reproduction]:
        """Return an experiment and its reproduction; by default, the first known experiment.

        Raises:
            InputError: There is no such experiment, or it does not declare a reproduction.
        """
        able = [one.name for one in self.experiments.values() if one.reproduction]
        chosen = able[0] if name is None else name
        if chosen not in self.experiments:
            raise InputError(self.unknown("experiment", chosen, self.experiments))
        experiment = self.experiments[chosen]
        if experiment.reproduction is None:
            raise InputError(
                f"the experiment {chosen} does not declare a table to reproduce; set "
                f"reproduction=Reproduction(tasks=...) in its Experiment, or choose from "
                f"{', '.join(able)}"
            )
        return experiment, experiment.reproduction

    def sources(self, task: str, kind: str) -> list[Plugin]:
        """Return the plug-ins that define a task and a network, except built-in ones."""
        names = (f"experiment {self._experiment_of[task].name}", f"task {task}", f"network {kind}")
        found = {self._source[name].name: self._source[name] for name in names}
        return [one for one in found.values() if not one.built_in]

    @property
    def network_adapter(self) -> TypeAdapter[Any]:
        """A validator of network settings, which chooses the class of settings by ``kind``."""
        if self._adapter is None:
            union: Any = Union[tuple(network.spec for network in self.networks.values())]  # noqa: UP007
            self._adapter = TypeAdapter[Any](Annotated[union, Field(discriminator="kind")])  # pyright: ignore
        return self._adapter

    @staticmethod
    def unknown(what: str, name: object, known: Mapping[str, object]) -> str:
        """Return the message for an unknown name."""
        near = get_close_matches(str(name), known, n=1)
        hint = f'Did you mean "{near[0]}"?' if near else f"Choose from {', '.join(known)}."
        return (
            f"no {what} has the name {in_short(name)}. {hint} If a plug-in defines it, pass the "
            "plug-in's file with --plugin, or install its package"
        )


def _tasks_of(plugin: Plugin, known: Mapping[str, Experiment]) -> Iterator[tuple[Task, Experiment]]:
    """Yield the tasks of a plug-in with their experiments.

    Raises:
        InputError: A task is for an experiment that does not exist.
    """
    own = {experiment.name: experiment for experiment in plugin.experiments}
    for experiment in plugin.experiments:
        yield from ((task, experiment) for task in experiment.tasks)
    for name, tasks in plugin.tasks.items():
        experiment = own.get(name) or known.get(name)
        if experiment is None:
            raise InputError(
                f"the plug-in {plugin.name} adds tasks to the experiment {in_short(name)}, which "
                f"does not exist; load the plug-in that defines the experiment first"
            )
        yield from ((task, experiment) for task in tasks)
