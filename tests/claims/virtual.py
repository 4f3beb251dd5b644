"""The committed records in memory, where they can be left out, swapped and doubled quickly."""

from collections import defaultdict
from collections.abc import Mapping
from functools import cache, cached_property
from pathlib import Path
from typing import NamedTuple

from coordconv_lab.claims.claim import Claim, Finding
from coordconv_lab.claims.evidence import Evidence, NotYet, Used
from coordconv_lab.claims.recordings import Recordings, Run
from coordconv_lab.results.curve import CurveRow, read_curve
from coordconv_lab.results.record import Record
from coordconv_lab.results.store import RunStore
from coordconv_lab.results.stored import is_stored
from coordconv_lab.specs import ExperimentSpec
from coordconv_lab.studies import known_replications

RESULTS = Path(__file__).parents[2] / "results"


class Kept(NamedTuple):
    """A record, and the directory that has its curve."""

    record: Record
    curve: Path

    def of(self, spec: ExperimentSpec) -> "Kept":
        """The same scores as the run of another spec."""
        return self._replace(record=self.record.model_copy(update={"spec": spec}))


Runs = Mapping[Path, Kept]


@cache
def committed() -> Runs:
    """Every committed record by its directory, except those of replications.

    Replications are judged apart: see tests/studies/test_replication.py.
    """
    apart = known_replications()
    return {
        path: Kept(record, path)
        for study in sorted(RESULTS.glob("*/"))
        if study.name not in apart
        for path, record in RunStore(study).records()
    }


class VirtualRecordings(Recordings):
    """Recordings of runs that are in memory."""

    def __init__(self, runs: Runs) -> None:
        super().__init__(RESULTS)
        self.runs = runs

    @cached_property
    def places(self) -> dict[str, list[Path]]:
        """The directories of the runs by their names."""
        found: dict[str, list[Path]] = defaultdict(list)
        for path in sorted(self.runs):
            found[path.name].append(path)
        return found

    def _read(self, path: Path, spec: ExperimentSpec) -> Run | None:
        assert self.runs[path].record.spec == spec
        return path, self.runs[path].record

    def _spec(self, directory: Path) -> ExperimentSpec | None:
        return self.runs[directory].record.spec


_curve = cache(read_curve)


class VirtualEvidence(Evidence):
    """Evidence from memory, which reads each curve once."""

    def curve(self, run: Run) -> list[CurveRow]:
        """The curve that belongs to the scores of a run."""
        assert isinstance(self.recordings, VirtualRecordings)
        path = self.recordings.runs[run[0]].curve / "metrics.csv"
        if not is_stored(path):
            raise NotYet("no curve")
        return _curve(path)


@cache
def _evidence() -> VirtualEvidence:
    """One for all, so that the studies are made once."""
    return VirtualEvidence(VirtualRecordings({}))


def outcome(claim: Claim, runs: Runs) -> tuple[Finding | None, list[Used]]:
    """Return the finding of a claim on records (None if refused) and the records that it used."""
    evidence = _evidence()
    evidence.recordings = VirtualRecordings(runs)
    evidence.used.clear()
    try:
        finding = claim.test(evidence)
    except NotYet:
        return None, []
    return finding, list(evidence.used.values())
