"""Every error that a user can cause, with its exit code and its slug.

TandemError
├── UsageError        2   usage or configuration
├── InputRefused      3   data that we do not take
├── CheckFailed       4   the gate or a deployment check said no
├── EnvironmentFault  5   the machine: ports, services, disk, locks
└── NothingToDo      99   no work (Airflow: skipped)

An error has three parts: what happened (`message`), where (`where`) and how to fix it (`hint`).
Anything else that escapes a verb is a bug: exit 1, with the traceback in a log file.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import ClassVar

MAX_PLACES = 3
MAX_VALUE_LENGTH = 160


class TandemError(Exception):
    """What went wrong, where, and how to fix it.

    Args:
        message: What happened, lower case, with counts and the offending value.
        where: Files, rows, parameters or URLs at fault; the first three are shown.
        hint: A command or an edit that fixes it.
    """

    code: ClassVar[str] = "error"
    exit_code: ClassVar[int] = 1
    answer: Mapping[str, object] = MappingProxyType({})
    """The record of a verb that has an answer and yet ends with this error."""

    def __init__(self, message: str, *, where: Sequence[str] = (), hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.where = tuple(where)
        self.hint = hint

    def record(self) -> dict[str, object]:
        """The machine-readable form: code, message, where, hint, exit_code."""
        return {
            "code": self.code,
            "message": self.message,
            "where": list(self.where),
            "hint": self.hint,
            "exit_code": self.exit_code,
        }

    def render(self) -> str:
        """The human form: up to three lines, `error:`, `where:` and `hint:`."""
        lines = [f"error: {self.message}"]
        if self.where:
            lines.append(f"where: {places(self.where)}")
        if self.hint:
            lines.append(f"hint: {self.hint}")
        return "\n".join(lines)


def places(where: Sequence[str]) -> str:
    """The first three places, shortened, and how many more there are."""
    shown = [shorten(place) for place in where[:MAX_PLACES]]
    more = len(where) - MAX_PLACES
    return ", ".join(shown) + (f" and {more} more" if more > 0 else "")


def shorten(value: str, limit: int = MAX_VALUE_LENGTH) -> str:
    """The value, cut to `limit` characters with an ellipsis."""
    return value if len(value) <= limit else value[: limit - 1] + "…"


class UsageError(TandemError):
    """Usage or configuration is wrong: unknown parameter, bad value, no home yet."""

    code, exit_code = "usage", 2


class InputRefused(TandemError):
    """Data that we do not take; nothing was committed."""

    code, exit_code = "input-refused", 3


class CheckFailed(TandemError):
    """The gate or a deployment check said no; what is live stays live."""

    code, exit_code = "check-failed", 4


class EnvironmentFault(TandemError):
    """The machine is at fault: a port, a service, the disk, a lock."""

    code, exit_code = "environment", 5


class NothingToDo(TandemError):
    """There is no work; Airflow shows the task as skipped."""

    code, exit_code = "nothing-to-do", 99


# --- foundation: parameters, home, storage


class BadParameter(UsageError):
    """A key of params.yaml or of `-P` is unknown, or its value is not allowed."""

    code = "bad-parameter"


class NoHome(UsageError):
    """A verb needs the runtime home and there is none yet."""

    code = "no-home"


class BadRecord(InputRefused):
    """A JSON record on disk cannot be read as what it claims to be."""

    code = "bad-record"


class BadKey(UsageError):
    """The identity key is not 64 hexadecimal digits, or its file is unreadable."""

    code = "bad-identity-key"


class KeyLost(UsageError):
    """The identity key is gone, and decisions made under it are there: a new one is never made."""

    code = "identity-key-lost"


class StateNewer(EnvironmentFault):
    """A record was written by a newer Tandem than this one; nothing of it is read or changed."""

    code = "state-newer"


class LockHeld(EnvironmentFault):
    """Another process works on the same thing; it is named with its pid and verb."""

    code = "lock-held"


class DiskFull(EnvironmentFault):
    """A write failed for lack of space, quota or by a file size limit."""

    code = "disk-full"


class DiskError(EnvironmentFault):
    """A write or an fsync failed; the old content is untouched."""

    code = "disk-error"


class NotWritable(EnvironmentFault):
    """A folder or a file cannot be written by this user."""

    code = "not-writable"


# --- data: ingest and validate


class UnknownDataset(UsageError):
    """No descriptor in datasets/ has this name."""

    code = "unknown-dataset"


class PartitionKey(UsageError):
    """A KEY is not one of the grain's: its form, its calendar or its range is wrong."""

    code = "partition-key"


class NothingLanded(UsageError):
    """`validate` has nothing to judge: `ingest` has not run in this clone."""

    code = "nothing-landed"


class NoNewPartition(NothingToDo):
    """The source has no KEY that is not accepted already with equal content."""

    code = "no-new-partition"


class SourceUnreachable(EnvironmentFault):
    """A source could not be fetched, after all attempts."""

    code = "source-unreachable"


class NoSourceUrl(UsageError):
    """The environment variable of a database source is not set, or holds no URL."""

    code = "no-source-url"


class QueryRefused(UsageError):
    """A database does not take the query of a descriptor."""

    code = "query-refused"


class EmptyPartition(NothingToDo):
    """A source has no interaction, and the descriptor says that such a period may be."""

    code = "empty-partition"


class SourceEmpty(InputRefused):
    """A source has no bytes, or nothing but blanks."""

    code = "source-empty"


class NoRows(InputRefused):
    """A source has a header and no row."""

    code = "no-rows"


class NotTabular(InputRefused):
    """A source is a page, a pointer, a document or an archive, not a table."""

    code = "not-tabular"


class BadEncoding(InputRefused):
    """A source is not in the declared encoding; line and byte are named."""

    code = "encoding"


class DelimiterMismatch(InputRefused):
    """A source is delimited by another character than the declared one."""

    code = "delimiter-mismatch"


class HeaderMissing(InputRefused):
    """The first line of a source holds data, not names."""

    code = "header-missing"


class ColumnsMissing(InputRefused):
    """A required column is not there; near names are suggested."""

    code = "columns-missing"


class ColumnsDuplicate(InputRefused):
    """Two columns have the same name, or names that differ in case or blanks only."""

    code = "columns-duplicate"


class QuoteUnclosed(InputRefused):
    """A quoted field is never closed; its opening line is named."""

    code = "quote-unclosed"


class SourceTruncated(InputRefused):
    """A compressed source ends too early."""

    code = "source-truncated"


class SourceCorrupt(InputRefused):
    """A source has a wrong checksum, junk behind it, or a broken structure."""

    code = "source-corrupt"


class SourceTooLarge(InputRefused):
    """A source is larger than `ingest.max_source_bytes`, also after decompression."""

    code = "source-too-large"


class UnsafePath(InputRefused):
    """A source is not a readable regular file: a link, a device, a folder, or missing."""

    code = "unsafe-path"


class SchemaDrift(InputRefused):
    """A Parquet column has a type that is no single text, number or time."""

    code = "schema-drift"


class SourceChanged(InputRefused):
    """A source has other content than its declared digest says."""

    code = "source-changed"


class SourceChanging(InputRefused):
    """A source was rewritten while it was read."""

    code = "source-changing"


class TimestampFormat(InputRefused):
    """Timestamps are written day first or month first; which of both cannot be told."""

    code = "timestamp-format"


class TimestampUnit(InputRefused):
    """Timestamps are in another unit than the declared one; the key to set is named."""

    code = "timestamp-unit"


class LandingDamaged(InputRefused):
    """A landed file is missing, or has other content than when it was landed."""

    code = "landing-damaged"


class PartitionRejected(InputRefused):
    """A critical check of a partition failed; nothing of the run was accepted."""

    code = "partition-rejected"


class ExpectationRaised(InputRefused):
    """An expectation itself raised; that never counts as passed."""

    code = "expectation-raised"


# --- models: fit, artifact, train, evaluate, tune, refit, gate


class TooLittleData(InputRefused):
    """The accepted data leave a window of the time split empty."""

    code = "too-little-data"


class DataChanged(InputRefused):
    """A file is not the one that the step before it wrote; its digest differs."""

    code = "data-changed"


class UnknownFamily(UsageError):
    """A family that params.yaml does not list, or that a refresh knows no epochs for."""

    code = "unknown-family"


class NotMeasured(UsageError):
    """The gate has no evaluation of this clone's test window to compare with."""

    code = "not-measured"


class Rejected(CheckFailed):
    """The gate's verdict is reject, or hold for `--artifact`; the checks that decided are named."""

    code = "rejected"


class OnHold(NothingToDo):
    """The gate's verdict is hold: there is too little evidence to ship, and nothing failed."""

    code = "on-hold"


class NonFinite(CheckFailed):
    """A loss, a weight or an answer of a model is NaN or infinite; nothing was written."""

    code = "non-finite"


class NothingToLearn(InputRefused):
    """The fit window holds no interaction with an item of the catalogue."""

    code = "nothing-to-learn"


class BadArtifact(CheckFailed):
    """An artifact folder is incomplete, holds a foreign file, or a file has another digest."""

    code = "bad-artifact"


class NoValidation(UsageError):
    """`tune` has nothing to choose by: the prepared data are those of a refresh."""

    code = "no-validation-window"


class PresentFails(CheckFailed):
    """The setting in params.yaml cannot be fitted or scored: no other can be compared with it."""

    code = "present-setting-fails"


# --- state: init, run, register, checkout, status


class NotInRepository(UsageError):
    """`init` or a run needs a Git repository with a commit, and cwd lies in none."""

    code = "not-in-repository"


class OtherDataset(UsageError):
    """The home belongs to another data set: there is one home per data set."""

    code = "other-dataset"


class RunName(UsageError):
    """A run's name cannot be a folder and a Git branch."""

    code = "run-name"


class UnknownRun(UsageError):
    """No run of this name was opened in this home."""

    code = "unknown-run"


class NothingToCommit(UsageError):
    """A run has neither accepted data nor trained, or has done both and `main` has moved."""

    code = "nothing-to-commit"


class UnknownVersion(UsageError):
    """The registry has no such version."""

    code = "unknown-version"


class FolderTaken(UsageError):
    """`checkout` makes a new folder, and there is something under that name."""

    code = "folder-taken"


class NotCommitted(UsageError):
    """`register` acts on a run's commit, and the state repository has none from here."""

    code = "not-committed"


class RunRefused(InputRefused):
    """The run's data were refused by validation: it is never committed."""

    code = "run-refused"


class PartitionTaken(InputRefused):
    """Another run has accepted other rows for the same KEY in the meantime."""

    code = "partition-taken"


class GitFailed(EnvironmentFault):
    """A Git command failed; the end of what it said is shown."""

    code = "git-failed"


class DvcFailed(EnvironmentFault):
    """A DVC command failed for a reason of its own; the end of what it said is shown."""

    code = "dvc-failed"


class StateDamaged(EnvironmentFault):
    """The state repository cannot be read; it has to be restored."""

    code = "state-damaged"


class CloneDamaged(EnvironmentFault):
    """A run's clone is broken or gone; the state is whole, and `run open` makes the clone again."""

    code = "clone-damaged"


class RemoteUnreachable(EnvironmentFault):
    """Data could not be pushed to the DVC remote; no ref was moved."""

    code = "remote-unreachable"


class CacheCorrupt(EnvironmentFault):
    """A stored object is missing or has other content, in the cache and in the remote."""

    code = "cache-corrupt"


class PushRejected(EnvironmentFault):
    """Other runs won every try to push a commit."""

    code = "push-rejected"


class OutOfMemory(EnvironmentFault):
    """A step was killed from outside, in general by the kernel for lack of memory."""

    code = "out-of-memory"


class StepKilled(EnvironmentFault):
    """A step was ended by a signal."""

    code = "step-killed"


class RunCommitted(NothingToDo):
    """The run is committed already; its steps are not done again."""

    code = "run-committed"


class AlreadyAccepted(NothingToDo):
    """Another run has accepted the same rows in the meantime."""

    code = "already-accepted"


class AlreadyRegistered(NothingToDo):
    """The commit has a version already; it is named."""

    code = "already-registered"


# --- reproduce and doctor


class NotReproduced(CheckFailed):
    """A version rebuilt from its commit is another one; the first stage that differs is named."""

    code = "not-reproduced"


class Unhealthy(EnvironmentFault):
    """`doctor` found something broken; the checks that failed are named."""

    code = "unhealthy"


# --- release: package, deploy, rollback, up, down


class DigestMismatch(CheckFailed):
    """An artifact, a Bento or its model is not of the digest that its version names."""

    code = "digest-mismatch"


class BentoNotBuilt(EnvironmentFault):
    """BentoML could not store the model or build the Bento; the end of its output is shown."""

    code = "bento-not-built"


class PortTaken(EnvironmentFault):
    """A port that a service needs is in use; the setting and the holder are named."""

    code = "port-taken"


class ServiceDown(EnvironmentFault):
    """The supervisor or the gateway does not answer: `tandem up` has not run, or it died."""

    code = "service-down"


class StartTimeout(EnvironmentFault):
    """A service did not become healthy in time; the end of its log is shown."""

    code = "start-timeout"


class ProgramRefused(EnvironmentFault):
    """The supervisor cannot run a program: its command or its configuration is wrong."""

    code = "program-refused"


class GatewayRejected(EnvironmentFault):
    """The gateway did not accept a route file; the old routes stay."""

    code = "gateway-rejected"


class Superseded(EnvironmentFault):
    """A newer deployer has written the record; this one stops without a further write."""

    code = "superseded"


class SlotNotReady(CheckFailed):
    """A new slot did not become ready in time, or another service answers on its port."""

    code = "slot-not-ready"


class GoldenMismatch(CheckFailed):
    """A slot answers a golden request differently from the artifact that the gate judged."""

    code = "golden-mismatch"


class NoRollbackTarget(CheckFailed):
    """There is no previous version to return to."""

    code = "no-rollback-target"


class NotShippable(CheckFailed):
    """The gate's verdict on a version is not `ship`, or none is registered."""

    code = "not-shippable"


class NotPackaged(CheckFailed):
    """A version has no Bento that matches its registered digest."""

    code = "not-packaged"


class NothingToPackage(NothingToDo):
    """No registered version has the verdict ship."""

    code = "nothing-to-package"


class NothingToDeploy(NothingToDo):
    """No version is newer than the one that is live."""

    code = "nothing-to-deploy"


# --- orchestration: Airflow, demo, simulate


class AirflowUnreachable(EnvironmentFault):
    """Airflow does not answer, or answers with a server error."""

    code = "airflow-unreachable"


class DatabaseUnreachable(EnvironmentFault):
    """Airflow's database server does not answer, or does not let us in."""

    code = "database-unreachable"


class AirflowRefused(EnvironmentFault):
    """Airflow does not take a request of ours: wrong login, unknown DAG, a param out of pattern."""

    code = "airflow-refused"


class WaitedTooLong(EnvironmentFault):
    """Something did not come before the deadline; the message says what."""

    code = "timeout"


class VerbFailed(TandemError):
    """A verb that another verb drives has failed; its own exit code is passed on."""

    code = "verb-failed"

    def __init__(self, message: str, exit_code: int, *, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.exit_code = exit_code  # type: ignore[misc]  # the driven verb's, not our class's


class RunFailed(CheckFailed):
    """A DAG run that was followed has failed; the end of the task's log is shown."""

    code = "run-failed"

    def __init__(self, dag_id: str, task_id: str | None, page: str, log_lines: list[str]) -> None:
        shown = "".join(f"\n  | {line}" for line in log_lines)
        what = f"task {task_id} of {dag_id} failed" if task_id else f"a run of {dag_id} failed"
        super().__init__(what + shown, where=[page], hint="fix the cause and run the same again")
        self.dag_id, self.task_id = dag_id, task_id


class NothingShipped(CheckFailed):
    """Everything ran, and the gate let no model through, so that nothing is live."""

    code = "nothing-shipped"


class NothingArrived(NothingToDo):
    """The source holds no partition that is not accepted yet."""

    code = "nothing-arrived"


class RecommendationRefused(EnvironmentFault):
    """The live endpoint does not answer with a slate."""

    code = "recommendation-refused"
