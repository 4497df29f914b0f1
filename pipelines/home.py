"""Where runtime state lives: every path under TANDEM_HOME, and how the home is found."""

import errno
import os
from dataclasses import dataclass
from pathlib import Path

from pipelines import disk
from pipelines.errors import NoHome, NotWritable

PRIVATE = 0o700


def repository_root(start: Path | None = None) -> Path | None:
    """The nearest folder at or above `start` (default: cwd) that is a Tandem clone, if any."""
    here = (start or Path.cwd()).resolve()
    for folder in (here, *here.parents):
        if (folder / "dvc.yaml").is_file() and (folder / "pipelines" / "__main__.py").is_file():
            return folder
    return None


@dataclass(frozen=True)
class Home:
    """The runtime home of one data set. Folders with raw ids or keys are 0700."""

    path: Path

    @classmethod
    def find(cls) -> "Home":
        """The home named by TANDEM_HOME, else `var/` of the clone that cwd is in.

        The folder need not exist yet.

        Raises:
            NoHome: Neither is there: cwd lies in no clone.
        """
        named = os.environ.get("TANDEM_HOME")
        if named:
            return cls(Path(named).resolve())
        root = repository_root()
        if root is None:
            raise NoHome(
                "there is no Tandem home here",
                where=[str(Path.cwd())],
                hint="run `tandem init` in a clone of the repository, or set TANDEM_HOME",
            )
        return cls(root / "var")

    def require(self) -> "Home":
        """This home, if `tandem init` has made it.

        Raises:
            NoHome: The state repository does not exist.
        """
        if not self.state_repo.is_dir():
            raise NoHome(
                "this home has no state repository",
                where=[str(self.path)],
                hint="run `tandem init`",
            )
        return self

    def ensure(self) -> "Home":
        """Makes the home's folders with their modes; safe to repeat.

        Raises:
            NotWritable: This user may not, or a file is in the way.
            DiskFull, DiskError: The disk is at fault.
        """
        private = (self.path, self.keys, self.landing, self.quarantine)
        try:
            for folder in (*private, self.validation, self.runs, self.logs, self.locks):
                folder.mkdir(parents=True, exist_ok=True)
                if folder in private:
                    folder.chmod(PRIVATE)
        except (PermissionError, FileExistsError, NotADirectoryError) as error:
            raise NotWritable(
                f"the home cannot be made: {error.strerror}",
                where=[str(self.path)],
                hint="choose another TANDEM_HOME",
            ) from error
        except OSError as error:
            raise disk.fault(error.errno or errno.EIO, self.path) from error
        return self

    @property
    def state_repo(self) -> Path:
        """The bare Git repository that holds every run's commit."""
        return self.path / "state.git"

    @property
    def cache(self) -> Path:
        """DVC's cache, shared by all run clones."""
        return self.path / "cache"

    @property
    def remote(self) -> Path:
        """DVC's remote: the copy that a run pushes to before its refs."""
        return self.path / "remote"

    @property
    def runs(self) -> Path:
        """One clone `ID/` and one record `ID.json` per run."""
        return self.path / "runs"

    @property
    def keys(self) -> Path:
        """Secrets, one file each, 0600."""
        return self.path / "keys"

    @property
    def identity_key(self) -> Path:
        """The key of the user pseudonyms."""
        return self.keys / "identity"

    @property
    def api_key(self) -> Path:
        """The bearer key of the prediction API."""
        return self.keys / "api"

    @property
    def landing(self) -> Path:
        """Fetched and not yet judged (raw ids)."""
        return self.path / "landing"

    @property
    def quarantine(self) -> Path:
        """Refused rows with reasons (raw ids)."""
        return self.path / "quarantine"

    @property
    def validation(self) -> Path:
        """Decisions: `KEY.json` and `KEY.html`."""
        return self.path / "validation"

    @property
    def online(self) -> Path:
        """What serving knows of users and items."""
        return self.path / "online.sqlite"

    @property
    def deployment(self) -> Path:
        """The deployment machine's record."""
        return self.path / "deployment.json"

    @property
    def ports(self) -> Path:
        """The ports that `up` chose."""
        return self.path / "ports.json"

    @property
    def client_env(self) -> Path:
        """What a client needs to call us, as KEY=value lines (0600)."""
        return self.path / "client.env"

    @property
    def bentoml(self) -> Path:
        """BENTOML_HOME."""
        return self.path / "bentoml"

    @property
    def airflow(self) -> Path:
        """AIRFLOW_HOME; `dags/` inside is written from the state's commit."""
        return self.path / "airflow"

    @property
    def gateway(self) -> Path:
        """Envoy's bootstrap and its watched route files."""
        return self.path / "gateway"

    @property
    def supervisor(self) -> Path:
        """Supervisord's configuration and socket."""
        return self.path / "supervisor"

    @property
    def tune(self) -> Path:
        """What `tune` has tried: Optuna's studies, and the scratch folder of the running trial."""
        return self.path / "tune"

    @property
    def logs(self) -> Path:
        """Log files of services and of failed verbs."""
        return self.path / "logs"

    @property
    def locks(self) -> Path:
        """Lock files, named by what they guard."""
        return self.path / "locks"
