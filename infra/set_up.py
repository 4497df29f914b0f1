"""Set-up of this clone: system packages, the virtual environment and the `tandem` command.

With the argument `tests` also the system packages that only tests need. Runs with a bare Python and
nothing installed, asks nothing, and may be killed and run again: a stamp, written last, says for
which lock file the environment is complete. The machine's own pip settings (index, links,
certificates, proxy) also apply to uv, which does not read them itself.
"""

import ast
import fcntl
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, NoReturn
from urllib.parse import unquote, urlparse

ROOT = Path(__file__).resolve().parent.parent
ENVIRONMENT = ROOT / ".venv"
PYTHON = ENVIRONMENT / "bin" / "python"
UV = ENVIRONMENT / "bin" / "uv"
STAMP = ENVIRONMENT / "complete"
LOCK = ROOT / "requirements" / "requirements.lock"
TESTS = "tests"  # the argument
POSTGRESQL = Path("/usr/lib/postgresql")  # Debian keeps the server's programs off the path
EXIT_CODE = 5  # the environment is at fault, as with every verb of ours

# pip's setting → the variable by which uv takes the same; several values are parted by blanks.
PIP_TO_UV = {
    "index-url": "UV_DEFAULT_INDEX",
    "extra-index-url": "UV_INDEX",
    "find-links": "UV_FIND_LINKS",
    "no-index": "UV_NO_INDEX",
    "trusted-host": "UV_INSECURE_HOST",
    "timeout": "UV_HTTP_TIMEOUT",
    "default-timeout": "UV_HTTP_TIMEOUT",
    "cert": "SSL_CERT_FILE",
    "client-cert": "SSL_CLIENT_CERT",
    "proxy": "ALL_PROXY",
}
PIP_SECTIONS = ("global", "install", ":env:")  # later ones win, as in pip


class SystemPackage(NamedTuple):
    """A Debian package that we need, and whether this machine already has what it brings."""

    name: str
    present: bool
    why: str


def main() -> None:
    """Makes the environment complete, or says what keeps it from being so."""
    if sys.version_info[:2] != (3, 11):
        found = ".".join(map(str, sys.version_info[:3]))
        stop(f"Python 3.11 is needed, this is {found}", "apt-get install python3.11")
    descriptor = os.open(ROOT, os.O_RDONLY | os.O_CLOEXEC)
    fcntl.flock(descriptor, fcntl.LOCK_EX)  # of two set-ups at once the second waits, then agrees
    install_missing(system_packages(sys.argv[1:]))
    digest = wanted_digest()
    if STAMP.is_file() and STAMP.read_text() == digest:
        return
    STAMP.unlink(missing_ok=True)
    make_environment()
    install_locked()
    STAMP.write_text(digest)
    tell(f"ready: {PYTHON.parent.relative_to(ROOT)}/tandem")


# --- system packages


def system_packages(arguments: Sequence[str] = ()) -> list[SystemPackage]:
    """What we need from the system, in the order in which it is told."""
    certificates = Path("/etc/ssl/certs/ca-certificates.crt").is_file()
    packages = [
        SystemPackage("git", has_command("git"), "data versions and the state repository"),
        SystemPackage("curl", has_command("curl"), "the request that ends the quick start"),
        SystemPackage("ca-certificates", certificates, "package indexes over TLS"),
        SystemPackage("python3.11-venv", has_module("ensurepip"), "the virtual environment"),
    ]
    if TESTS in arguments:
        has_server = any(POSTGRESQL.glob("*/bin/initdb"))
        packages += [
            SystemPackage("postgresql", has_server, "a database as a source and behind Airflow"),
            SystemPackage("strace", has_command("strace"), "faults at a chosen system call"),
        ]
    return packages


def has_command(name: str) -> bool:
    """Whether the command is on the path."""
    return shutil.which(name) is not None


def has_module(name: str) -> bool:
    """Whether this Python can import the module; Debian ships some apart."""
    return importlib.util.find_spec(name) is not None


def install_missing(packages: Sequence[SystemPackage]) -> None:
    """Installs by apt-get what the machine lacks, and only that."""
    missing = [package for package in packages if not package.present]
    if not missing:
        return
    for package in missing:
        tell(f"system package {package.name}: {package.why}")
    names = [package.name for package in missing]
    by_hand = f"apt-get update && apt-get install {' '.join(names)}"
    if not has_command("apt-get"):
        stop(f"missing on this machine: {', '.join(names)}", f"install them; on Debian: {by_hand}")
    prefix = [] if os.geteuid() == 0 else ["sudo", "-n"]
    if prefix and not has_command("sudo"):
        stop("system packages need root, and there is no sudo", f"as root: {by_hand}")
    apt = [*prefix, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get"]
    run([*apt, "update", "-q"], hint=f"as root: {by_hand}")
    run([*apt, "install", "-qy", "--no-install-recommends", *names], hint=f"as root: {by_hand}")


# --- the virtual environment


def wanted_digest() -> str:
    """Names an environment: the lock, the project's metadata, this script, Python and the place."""
    digest = hashlib.sha256(f"{sys.version}\0{ROOT}\0".encode())
    for path in (LOCK, ROOT / "pyproject.toml", Path(__file__)):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def make_environment() -> None:
    """An environment whose Python has pip; what is half-made, or was moved here, is replaced."""
    if _was_made_here() and _succeeds([str(PYTHON), "-m", "pip", "--version"]):
        return
    tell(f"virtual environment: {ENVIRONMENT.relative_to(ROOT)}")
    run([sys.executable, "-m", "venv", "--clear", str(ENVIRONMENT)])


def _was_made_here() -> bool:
    """False in a folder that was moved or copied: the scripts in it name the old place."""
    configuration = ENVIRONMENT / "pyvenv.cfg"
    if not configuration.is_file():
        return False
    return configuration.read_text().rstrip().endswith(f" {ENVIRONMENT}")


def install_locked() -> None:
    """Exactly the lock's packages, hashes checked, and this project on top, editable."""
    with tempfile.TemporaryDirectory() as folder:
        installer = Path(folder) / "installer.txt"
        installer.write_text(lock_entry(LOCK.read_text(), "uv"))
        pip = [str(PYTHON), "-m", "pip", "install", "--quiet", "--no-deps", "--require-hashes"]
        run([*pip, "-r", str(installer)])
    settings = uv_settings(pip_settings(), os.environ)
    if settings:
        tell(f"pip's settings hold for uv, too: {', '.join(sorted(settings))}")
    environment = {**os.environ, **settings, "VIRTUAL_ENV": str(ENVIRONMENT)}
    tell("packages: requirements/requirements.lock, some minutes the first time")
    sync = [str(UV), "pip", "sync", "--require-hashes", "--build-constraints", str(LOCK), str(LOCK)]
    run(sync if sys.stderr.isatty() else [*sync, "--quiet"], environment)
    project = ["--no-deps", "--no-build-isolation", "--editable", str(ROOT)]
    run([str(UV), "pip", "install", "--quiet", *project], environment)


def lock_entry(lock: str, name: str) -> str:
    """One package's lines of a hashed lock file: the pin and its hashes."""
    lines = lock.splitlines()
    first = next(i for i, line in enumerate(lines) if line.startswith(f"{name}=="))
    last = first
    while lines[last].endswith("\\"):
        last += 1
    return "\n".join(lines[first : last + 1]) + "\n"


# --- pip's settings, for uv


def pip_settings() -> dict[str, str]:
    """What pip is set to, by option name, from its files and from PIP_ variables."""
    command = [str(PYTHON), "-m", "pip", "config", "list"]
    listing = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return parse_pip_settings(listing)


def parse_pip_settings(listing: str) -> dict[str, str]:
    """The settings in the output of `pip config list`, the strongest section's value for each."""
    sections: dict[str, dict[str, str]] = {section: {} for section in PIP_SECTIONS}
    for line in listing.splitlines():
        name, _, value = line.partition("=")
        section, _, option = name.rpartition(".")
        if section in sections:
            sections[section][option] = str(ast.literal_eval(value))
    return {option: value for found in sections.values() for option, value in found.items()}


def uv_settings(pip: Mapping[str, str], environment: Mapping[str, str]) -> dict[str, str]:
    """Variables that make uv use pip's settings; what the environment says of uv itself stays.

    With extra indexes uv would stop at the first that knows a name; pip looks at all, and so do
    we: with hashes required, no index can slip in another file.
    """
    settings: dict[str, str] = {}
    for option, variable in PIP_TO_UV.items():
        values = [value for value in pip.get(option, "").split() if _is_there(value)]
        if values and variable not in environment:
            settings[variable] = " ".join(values)
    if "UV_FIND_LINKS" in settings:
        settings["UV_FIND_LINKS"] = settings["UV_FIND_LINKS"].replace(" ", ",")
    if "UV_INDEX" in settings and "UV_INDEX_STRATEGY" not in environment:
        settings["UV_INDEX_STRATEGY"] = "unsafe-best-match"
    return settings


def _is_there(value: str) -> bool:
    """False for a local folder or file that does not exist: pip warns of it, uv would fail."""
    parsed = urlparse(value)
    if parsed.scheme == "file":
        return Path(unquote(parsed.path)).exists()
    return not value.startswith(("/", "~")) or Path(value).expanduser().exists()


# --- running and telling


def run(
    command: Sequence[str], environment: Mapping[str, str] | None = None, *, hint: str = ""
) -> None:
    """Runs a command whose output is shown; its failure ends the set-up."""
    ended = subprocess.run(
        command, env=environment, cwd=ROOT, stdin=subprocess.DEVNULL, check=False
    )
    if ended.returncode != 0:
        stop(
            f"`{' '.join(command)}` ended with {ended.returncode}",
            hint or "then run the same again",
        )


def _succeeds(command: Sequence[str]) -> bool:
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def tell(message: str) -> None:
    """One line on stderr."""
    print(f"set-up: {message}", file=sys.stderr, flush=True)


def stop(what: str, hint: str) -> NoReturn:
    """Ends the set-up with what happened and how to fix it."""
    print(f"error: {what}\nhint: {hint}", file=sys.stderr)
    sys.exit(EXIT_CODE)


if __name__ == "__main__":
    main()
