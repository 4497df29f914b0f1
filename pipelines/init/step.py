"""`tandem init`: the home, its key, the state repository and Airflow's DAG folder."""

import shutil
import tempfile
from pathlib import Path

from pipelines import identity, storage
from pipelines.contracts.state import Initialised
from pipelines.descriptors import FOLDER, Descriptor
from pipelines.errors import BadKey, NotInRepository, OtherDataset
from pipelines.home import Home, repository_root
from pipelines.init import dags, parameters
from pipelines.params import Params
from pipelines.progress import log
from pipelines.state import repository, settings
from pipelines.state.repository import MAIN, Repository

BARE = (
    ("receive.denyNonFastForwards", "true"),
    ("receive.denyDeletes", "true"),
    ("receive.shallowUpdate", "true"),
    ("core.fsync", "committed,reference"),
)


def run(params: Params, dataset: str | None) -> Initialised:
    """Makes what is missing; what is there stays as it is.

    The state is a bare clone of the repository that cwd is in, at its commit; parameters that were
    given differently from that commit's are written into it.

    Raises:
        NotInRepository: cwd lies in no Git repository with a commit, or that commit has
            another descriptor of the data set, or none.
        OtherDataset: The home belongs to another data set.
        BadKey: TANDEM_IDENTITY_KEY is not the key of this home.
    """
    wanted = params.model_copy(update={"dataset": dataset or params.dataset})
    descriptor = Descriptor.load(wanted.dataset)
    root = _root()
    home = Home.find().ensure()
    with storage.lock(home.locks / "init.lock", "init"):
        key = _key(home)
        for folder in (home.cache, home.remote):
            folder.mkdir(exist_ok=True)
        is_new = not home.state_repo.is_dir()
        if is_new:
            _create(home, root, wanted)
        _check_dataset(home, descriptor.name)
        dags.write(home)
        return Initialised(
            home=str(home.path),
            state_repo=str(home.state_repo),
            dataset=descriptor.name,
            commit=Repository(home.state_repo).git("rev-parse", MAIN).strip(),
            identity_key_fingerprint=identity.fingerprint(key),
            dags=str(home.airflow / "dags"),
            is_new=is_new,
        )


def _root() -> Repository:
    """The repository that cwd is in; it must have a commit."""
    root = repository_root()
    source = Repository(root or Path.cwd())
    if root is None or source.resolve("HEAD") is None:
        raise NotInRepository(
            "init takes the code from a Git repository of Tandem with a commit",
            where=[str(source.path)],
            hint="run it in a clone of the repository; commit first, if nothing is committed",
        )
    return source


def _key(home: Home) -> bytes:
    """The home's identity key; one that the environment shares is kept for the services."""
    key = identity.load_or_create_key(home)
    if identity.stored_key(home) is None:
        storage.write_new(home.identity_key, f"{key.hex()}\n".encode(), mode=0o600)
    if identity.stored_key(home) != key:
        raise BadKey(
            "TANDEM_IDENTITY_KEY is not the key of this home",
            where=[str(home.identity_key)],
            hint="unset it, or choose another TANDEM_HOME: a changed key makes users strangers",
        )
    return key


def _create(home: Home, source: Repository, wanted: Params) -> None:
    """The bare repository, whole or not there."""
    changed = source.git("status", "--porcelain", "--untracked-files=no").splitlines()
    if changed:
        log(f"{len(changed)} changed files are not committed: the state does not have them")
    staging = storage.staging_folder(home.state_repo)
    try:
        bare = Repository(staging)
        bare.git("init", "--quiet", "--bare", "--template=", f"--initial-branch={MAIN}")
        for name, value in BARE:
            bare.git("config", name, value)
        source.git("push", "--quiet", "--no-verify", str(staging), f"HEAD:refs/heads/{MAIN}")
        _adapt(staging, wanted)
        _require_descriptor(bare, wanted.dataset)
        storage.replace_folder(staging, home.state_repo)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _adapt(bare: Path, wanted: Params) -> None:
    """Commits the wanted parameters where they differ from those of the code's commit."""
    with tempfile.TemporaryDirectory(prefix="tandem-") as folder:
        clone = repository.clone(bare, Path(folder) / "clone")
        file = clone.path / settings.PARAMS
        changed = parameters.changes(wanted, file)
        if not changed:
            return
        parameters.apply(file, changed)
        names = ", ".join(".".join(keys) for keys in changed)
        clone.git("commit", "--quiet", "--all", "-m", f"Set parameters of this home\n\n{names}")
        clone.push(f"HEAD:refs/heads/{MAIN}")
        log(f"parameters of this home, beside params.yaml: {names}")


def _require_descriptor(bare: Repository, dataset: str) -> None:
    """Refuses a descriptor that was read from the work tree and is not what runs would get."""
    path = FOLDER / f"{dataset}.yaml"
    if bare.show(MAIN, path) != path.read_bytes():
        raise NotInRepository(
            f"the descriptor of {dataset}, as it is here, is not committed",
            where=[str(path)],
            hint="commit it, then run the same again",
        )


def _check_dataset(home: Home, dataset: str) -> None:
    own = settings.descriptor(home).name
    if own != dataset:
        raise OtherDataset(
            f"this home belongs to {own}, not to {dataset}",
            where=[str(home.path)],
            hint="one home per data set: set TANDEM_HOME to another folder",
        )
