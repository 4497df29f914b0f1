"""Validate: judge what ingest landed; accept it, quarantine rows, or refuse it."""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from pydantic import ValidationError

from pipelines import disk, storage
from pipelines.contracts.data import (
    ACCEPTED,
    LANDED_FILE,
    REPORTS,
    AcceptedManifest,
    Judged,
    Landed,
    LandedKey,
    LandingManifest,
    PartitionReport,
    ValidateRecord,
)
from pipelines.descriptors import Descriptor
from pipelines.errors import (
    ExpectationRaised,
    LandingDamaged,
    NothingLanded,
    PartitionRejected,
    TandemError,
)
from pipelines.home import Home
from pipelines.identity import load_or_create_key
from pipelines.params import Params, ValidateParams
from pipelines.progress import track
from pipelines.validate import acceptance, decision, quarantine, report
from pipelines.validate.judging import Judge, Judgement, Landing
from pipelines.yaml_records import refused

MANIFEST = "manifest.json"


def run(params: Params) -> ValidateRecord:
    """Judges the partitions of `var/landed.json`; accepts all of them, or none.

    Every decision is written to the home. Accepted rows go to `data/` of cwd under pseudonyms,
    refused ones to the home's quarantine, before.

    Args:
        params: Parameters; `validate` holds the limits.

    Raises:
        NothingLanded: `ingest` has landed nothing here, or another data set.
        LandingDamaged: A landed file is not what its manifest says.
        PartitionRejected: A critical check failed; nothing was accepted.
        ExpectationRaised: A check could not be made; nothing was accepted.
    """
    descriptor = Descriptor.load(params.dataset)
    home = Home.find().ensure()
    landed = _landed(descriptor.name)
    _require_space(landed)
    accepted = _accepted()

    judgements = _judge(params, descriptor, home, landed, accepted)
    refused = [judgement for judgement in judgements if not judgement.is_accepted]
    if not refused:
        judgements = _number(judgements, accepted)

    with _locked(home, [judgement.report.key for judgement in judgements]):
        _apply(judgements, home, is_accepted=not refused)
    if refused:
        raise _refusal(refused, len(judgements), home)
    return ValidateRecord(
        dataset=descriptor.name,
        partitions=[_line(judgement.report, home) for judgement in judgements],
    )


@contextmanager
def _locked(home: Home, keys: Sequence[str]) -> Iterator[None]:
    """Nobody else writes the outcome of these KEYs meanwhile."""
    with ExitStack() as stack:
        for key in sorted(keys):
            name = f"validate-{key}.lock"
            stack.enter_context(storage.lock(home.locks / name, f"validate {key}"))
        yield


def _apply(judgements: Sequence[Judgement], home: Home, *, is_accepted: bool) -> None:
    """Every decision; then, if all are accepted, all refused rows; then the accepted ones."""
    for judgement in judgements:
        _write_decision(home.validation, judgement.report)
    if not is_accepted:
        return
    for judgement in judgements:
        quarantine.write(home, judgement.report.key, judgement.refused)
    for judgement in judgements:
        _write_accepted(judgement)
        _write_decision(REPORTS, judgement.report)


def _landed(dataset: str) -> Landed:
    if not LANDED_FILE.is_file():
        raise NothingLanded(
            "nothing is landed here", where=[str(LANDED_FILE)], hint="run `tandem ingest` first"
        )
    landed = storage.read_record(LANDED_FILE, Landed)
    if landed.dataset != dataset:
        raise NothingLanded(
            f"what is landed here is {landed.dataset}, not {dataset}",
            where=[str(LANDED_FILE)],
            hint=f"validate it with `-P dataset={landed.dataset}`, or ingest {dataset}",
        )
    if not landed.keys:
        raise NothingLanded(
            "the last ingest found nothing new",
            where=[str(LANDED_FILE)],
            hint="all is accepted; name a range with `tandem ingest --from KEY --to KEY`",
        )
    return landed


def _require_space(landed: Landed) -> None:
    """Accepted tables take about what the landed ones do."""
    files = (path for entry in landed.keys for path in Path(entry.path).glob("*.parquet"))
    disk.require_space(ACCEPTED, sum(path.stat().st_size for path in files), "what was landed")


def _accepted() -> list[PartitionReport]:
    return [storage.read_record(path, PartitionReport) for path in sorted(REPORTS.glob("*.json"))]


def _judge(
    params: Params,
    descriptor: Descriptor,
    home: Home,
    landed: Landed,
    accepted: Sequence[PartitionReport],
) -> list[Judgement]:
    judge = Judge(descriptor, _limits(params, descriptor), load_or_create_key(home))
    known = {entry.key: entry for entry in accepted}
    now_us = storage.micros(storage.now_utc())
    judgements = []
    for entry in track(landed.keys, "validating", len(landed.keys)):
        judgement = judge.judge(_read_landing(entry), list(known.values()), now_us)
        if judgement.is_accepted:
            known[entry.key] = judgement.report
        judgements.append(judgement)
    return judgements


def _limits(params: Params, descriptor: Descriptor) -> ValidateParams:
    try:
        return ValidateParams.model_validate(params.validate_.model_dump() | descriptor.limits)
    except ValidationError as error:
        raise refused(error, f"limits of {descriptor.name}", ValidateParams) from error


def _number(
    judgements: Sequence[Judgement], accepted: Sequence[PartitionReport]
) -> list[Judgement]:
    known = {entry.key: entry for entry in accepted}
    now = storage.rfc3339(storage.now_utc())
    numbered = []
    for judgement in judgements:
        entry = acceptance.numbered(judgement.report, list(known.values()), now)
        known[entry.key] = entry
        numbered.append(judgement.with_report(entry))
    return numbered


def _read_landing(entry: LandedKey) -> Landing:
    folder = Path(entry.path)
    manifest = storage.read_record(folder / MANIFEST, LandingManifest)
    tables = {}
    for name, table in manifest.tables.items():
        path = folder / f"{name}.parquet"
        if not path.is_file() or storage.sha256_file(path) != table.sha256:
            raise LandingDamaged(
                f"the landing of {entry.key} is damaged: {name} is not what was landed",
                where=[str(path)],
                hint=f"remove {folder} and run `tandem ingest` again",
            )
        tables[name] = storage.read_table(path)
    return Landing(manifest, tables)


def _write_decision(folder: Path, entry: PartitionReport) -> None:
    for suffix in ("html", "json"):
        storage.sweep(folder / f"{entry.key}.{suffix}")
    storage.write_atomic(folder / f"{entry.key}.html", report.page(entry).encode())
    storage.write_record(folder / f"{entry.key}.json", entry)


def _write_accepted(judgement: Judgement) -> None:
    entry = judgement.report
    for name, frame in judgement.tables.items():
        target = ACCEPTED / name / f"dt={entry.key}"
        staging = storage.staging_folder(target)
        try:
            path = staging / "part-0.parquet"
            storage.write_table(path, frame)
            manifest = AcceptedManifest(
                key=entry.key,
                revision=entry.revision or 0,
                tag=entry.tag or "",
                sequence=entry.sequence or 0,
                rows=len(frame),
                sha256=storage.sha256_file(path),
                source_digest=entry.source_digest,
            )
            storage.write_record(staging / MANIFEST, manifest)
            storage.replace_folder(staging, target)
        finally:
            shutil.rmtree(staging, ignore_errors=True)


def _refusal(refused: Sequence[Judgement], n_judged: int, home: Home) -> TandemError:
    """The first failed checks of the refused partitions, with counts, lines and hints."""
    failed = [
        (judgement.report.key, check)
        for judgement in refused
        for check in decision.fatal(judgement.report.checks)
    ]
    failed.sort(key=lambda pair: pair[1].outcome != "raised")
    key, first = failed[0]
    kind = ExpectationRaised if first.outcome == "raised" else PartitionRejected
    return kind(
        f"{len(refused)} of {n_judged} partitions refused, nothing accepted: "
        f"{key} {first.slug}, {decision.describe(first)}",
        where=[
            f"{key} {check.table} {check.slug}: {decision.describe(check)}" for key, check in failed
        ],
        hint=f"{first.hint or 'repair the rows'}; see {home.validation / key}.html",
    )


def _line(entry: PartitionReport, home: Home) -> Judged:
    return Judged(
        key=entry.key,
        decision=entry.decision,
        tag=entry.tag,
        rows=entry.rows,
        quarantined=entry.quarantined,
        dropped=entry.dropped,
        report=str(home.validation / f"{entry.key}.html"),
    )
