"""`tune`: searches settings on the validation window, and says whether one is better."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pipelines import storage
from pipelines.contracts.model import PREPARED
from pipelines.contracts.tune import TUNE, TUNE_PAGE, Found, Search, Tuned, TuneReport
from pipelines.errors import UsageError
from pipelines.home import Home
from pipelines.models.examples import INTERACTIONS, ITEMS, PreparedData
from pipelines.models.examples import PREPARED as PREPARED_FILE
from pipelines.models.family import code_digest
from pipelines.params import Params
from pipelines.tune import trial
from pipelines.tune.edits import annotated, edited, yaml_text
from pipelines.tune.experiments import Experiments
from pipelines.tune.report import page
from pipelines.tune.searching import Bench, Lane, search
from pipelines.tune.spaces import SearchSpace, identity, search_space
from pipelines.tune.studies import Study
from pipelines.tune.summary import Measure, found, headline, summarise
from pipelines.tune.turns import Share
from pipelines.tune.windows import without_test

STUDIES = "study.db"
SCRATCH = "scratch"


@dataclass(frozen=True)
class Wanted:
    """What the command line asks for."""

    budget_minutes: float
    """Wall time; 0 only judges what was tried before."""
    families: Sequence[str] = ()
    """Empty = all that params.yaml lists."""
    seed: int | None = None
    """Of the search; None = `fit.seed`."""
    write: bool = False
    params_file: Path = Path("params.yaml")
    overrides: Sequence[str] = ()


def run(params: Params, wanted: Wanted) -> Tuned:
    """Writes `reports/tune.json` and `tune.html`; with `write`, what improves into params.yaml.

    Raises:
        BadParameter: A family has no search space, or one that it does not take.
        NoValidation: The prepared data have no validation window.
        PresentFails: A family's present setting cannot be fitted or scored.
        LockHeld: Another search runs in this home.
        UsageError: What would be written is not what was tried: overrides came in between.
    """
    if wanted.write and wanted.overrides:
        raise UsageError("--write and -P exclude each other", hint="edit params.yaml first")
    spaces = [search_space(params, family) for family in wanted.families or params.families]
    home = Home.find().ensure()
    with storage.lock(home.locks / "tune", "tune"):
        bench, data, digest = _bench(params, wanted, home)
        seed = params.fit.seed if wanted.seed is None else wanted.seed
        lanes = [_lane(home, params, space, digest, seed) for space in spaces]

        is_interrupted = search(bench, lanes, wanted.budget_minutes * 60)

        measure = Measure(params, data.prepared.heads)
        searches = [summarise(lane.study, measure) for lane in lanes]
        if wanted.write and not is_interrupted:
            searches = _write_back(wanted.params_file, searches, data.prepared.data_version)
        report = TuneReport(
            schema=1,
            dataset=data.prepared.dataset,
            data_version=data.prepared.data_version,
            data_digest=digest,
            metric=bench.metric,
            seed=seed,
            budget_minutes=wanted.budget_minutes,
            is_interrupted=is_interrupted,
            searches=searches,
        )
        storage.write_record(TUNE, report)
        storage.write_atomic(TUNE_PAGE, page(report).encode())
        shutil.rmtree(bench.folder, ignore_errors=True)
    if is_interrupted:
        raise KeyboardInterrupt
    return _tuned(searches)


def _bench(params: Params, wanted: Wanted, home: Home) -> tuple[Bench, PreparedData, str]:
    """What trials share, the data that they get, and its digest."""
    data = without_test(PreparedData.load(PREPARED))
    folder = home.tune / SCRATCH
    shutil.rmtree(folder, ignore_errors=True)
    prepared = folder / trial.PREPARED
    storage.write_table(prepared / INTERACTIONS, data.interactions)
    storage.write_table(prepared / ITEMS, data.items)
    storage.write_record(prepared / PREPARED_FILE, data.prepared)
    text = wanted.params_file.read_text(encoding="utf-8")
    overrides = dict(override.split("=", 1) for override in wanted.overrides)
    bench = Bench(
        folder=folder,
        logs=home.logs,
        text=edited(text, overrides),
        metric=headline(params),
        experiments=Experiments(Path.cwd()),
    )
    return bench, data, storage.tree_digest(prepared)


def _lane(home: Home, params: Params, space: SearchSpace, data_digest: str, seed: int) -> Lane:
    digests = {"data": data_digest, "code": code_digest(space.family)}
    name = f"{space.family}-{identity(params, space, digests)}"
    study = Study(home.tune / STUDIES, name, space, params.tune, seed)
    return Lane(study, Share(space.family, study.quickest))


def _write_back(file: Path, searches: Sequence[Search], data_version: str) -> list[Search]:
    """Puts what improves into the file, with where it is from; the searches, marked."""
    text = file.read_text(encoding="utf-8")
    better = [one for one in searches if one.judgement and one.judgement.improves]
    for one in better:
        best = next(trial for trial in one.trials if trial.number == one.best)
        values = {f"{one.family}.{n}": yaml_text(v) for n, v in best.setting.items()}
        origin = f"on {data_version}, validation: {TUNE}, study {one.study}, trial {best.number}"
        text = annotated(edited(text, values), one.family, origin)
    if better:
        storage.write_atomic(file, text.encode())
    return [one.model_copy(update={"is_written": one in better}) for one in searches]


def _tuned(searches: Sequence[Search]) -> Tuned:
    shown: list[Found] = [found(one) for one in searches]
    open_ends = [one.family for one in shown if one.improves]
    is_written = any(one.is_written for one in searches)
    words = " ".join(f"--family {family}" for family in open_ends)
    return Tuned(
        report=str(TUNE),
        page=str(TUNE_PAGE),
        families=shown,
        write_with=None if is_written or not words else f"tandem tune --budget 0 {words} --write",
    )
