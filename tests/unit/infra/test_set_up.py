"""The set-up's decisions: what is missing, what to pin, and pip's settings in uv's words."""

from pathlib import Path

import pytest

from infra import set_up
from infra.set_up import (
    SystemPackage,
    install_missing,
    lock_entry,
    parse_pip_settings,
    uv_settings,
)

INDEX = "https://index.example/simple"
GIT = SystemPackage("git", present=False, why="the state repository")
LOCK = """\
uvloop==0.23.0 \\
    --hash=sha256:aa
    # via uvicorn
uv==0.13.9 \\
    --hash=sha256:bb \\
    --hash=sha256:cc
    # via -r requirements.in
virtualenv==21.15 \\
    --hash=sha256:dd
"""


class Commands:
    """Records the commands that would have run."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.lines: list[str] = []
        monkeypatch.setattr(set_up, "run", self._record)

    def _record(self, command: list[str], *_: object, **__: object) -> None:
        self.lines.append(" ".join(command))


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> Commands:
    return Commands(monkeypatch)


def test_a_lock_entry_is_the_pin_with_all_its_hashes_and_nothing_else() -> None:
    assert lock_entry(LOCK, "uv") == (
        "uv==0.13.9 \\\n    --hash=sha256:bb \\\n    --hash=sha256:cc\n"
    )


def test_the_real_lock_pins_its_installer() -> None:
    entry = lock_entry(set_up.LOCK.read_text(), "uv")

    assert entry.startswith("uv==")
    assert entry.count("--hash=sha256:") > 1
    assert not entry.rstrip().endswith("\\")


def test_pips_environment_wins_over_its_install_section_and_that_over_the_global_one() -> None:
    listing = "\n".join(
        [
            ":env:.index-url='https://third.example'",
            "global.index-url='https://first.example'",
            "install.index-url='https://second.example'",
            "install.timeout='9'",
            "list.format='json'",
        ]
    )

    assert parse_pip_settings(listing) == {"index-url": "https://third.example", "timeout": "9"}


def test_pips_settings_become_uvs(tmp_path: Path) -> None:
    pip = {"index-url": INDEX, "cert": str(tmp_path), "proxy": "http://proxy.example:3128"}

    assert uv_settings(pip, {}) == {
        "UV_DEFAULT_INDEX": INDEX,
        "SSL_CERT_FILE": str(tmp_path),
        "ALL_PROXY": "http://proxy.example:3128",
    }


def test_all_extra_indexes_are_looked_at_as_pip_does() -> None:
    pip = {"extra-index-url": f"\n{INDEX}\nhttps://more.example/simple"}

    assert uv_settings(pip, {}) == {
        "UV_INDEX": f"{INDEX} https://more.example/simple",
        "UV_INDEX_STRATEGY": "unsafe-best-match",
    }


def test_links_to_folders_that_do_not_exist_are_left_out(tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    pip = {"find-links": f"{tmp_path} {gone} {tmp_path.as_uri()} {gone.as_uri()}"}

    assert uv_settings(pip, {})["UV_FIND_LINKS"] == f"{tmp_path},{tmp_path.as_uri()}"


def test_what_the_environment_says_of_uv_itself_stays() -> None:
    assert uv_settings({"index-url": INDEX}, {"UV_DEFAULT_INDEX": "https://own.example"}) == {}


def test_without_settings_uv_gets_none() -> None:
    assert uv_settings({}, {}) == {}


def test_a_machine_that_has_everything_is_left_alone(commands: Commands) -> None:
    install_missing([GIT._replace(present=True)])

    assert commands.lines == []


def test_root_installs_only_what_is_missing_and_is_asked_nothing(
    commands: Commands, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setattr(set_up, "has_command", lambda name: name == "apt-get")

    install_missing([GIT, SystemPackage("curl", present=True, why="requests")])

    assert commands.lines == [
        "env DEBIAN_FRONTEND=noninteractive apt-get update -q",
        "env DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends git",
    ]
    assert "git: the state repository" in capsys.readouterr().err


def test_what_only_tests_need_is_asked_for_by_the_argument_alone() -> None:
    always = [package.name for package in set_up.system_packages()]
    with_tests = [package.name for package in set_up.system_packages(["tests"])]

    assert "git" in always
    assert with_tests == [*always, "postgresql", "strace"]


def test_a_database_server_off_the_path_counts_as_present(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(set_up, "POSTGRESQL", tmp_path)
    before = set_up.system_packages(["tests"])[-2]
    (tmp_path / "15/bin").mkdir(parents=True)
    (tmp_path / "15/bin/initdb").touch()

    after = set_up.system_packages(["tests"])[-2]

    assert (before.present, after.present) == (False, True)


def test_others_use_sudo_without_a_prompt(
    commands: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    monkeypatch.setattr(set_up, "has_command", lambda _: True)

    install_missing([GIT])

    assert all(line.startswith("sudo -n env ") for line in commands.lines)


@pytest.mark.parametrize("present", [["apt-get"], ["sudo"]], ids=["no sudo", "no apt"])
def test_what_cannot_be_installed_is_told_with_the_command_to_type(
    commands: Commands,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    present: list[str],
) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    monkeypatch.setattr(set_up, "has_command", present.__contains__)

    with pytest.raises(SystemExit) as stopped:
        install_missing([GIT])

    assert stopped.value.code == 5
    assert "apt-get install git" in capsys.readouterr().err
    assert commands.lines == []
