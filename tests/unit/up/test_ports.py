"""The choice of ports."""

import socket

import pytest

from pipelines.errors import PortTaken
from pipelines.rollout.listeners import holder, is_taken
from pipelines.up import ports

WANTED = {"airflow": 8080, "blue": 3001, "green": 3002, "gateway": 8000, "admin": 9901}


def choose(taken: set[int], next_free: bool = False, recorded: object = None) -> dict[str, int]:
    """The chosen ports where these are taken."""
    chosen = ports.choose(WANTED, recorded, taken.__contains__, next_free)  # type: ignore[arg-type]  # None or Ports
    return chosen.numbers()


def test_free_ports_are_taken_as_the_settings_say() -> None:
    assert choose(set()) == WANTED


def test_taken_port_is_refused_with_its_setting_and_a_way_out() -> None:
    with pytest.raises(PortTaken) as refusal:
        choose({8000})

    assert "port 8000 of gateway" in refusal.value.message
    assert refusal.value.where == ("up.gateway_port in params.yaml",)
    assert "--next-free-ports" in refusal.value.hint


def test_next_free_port_is_neither_taken_nor_another_services() -> None:
    chosen = choose({3001, 3003}, next_free=True)

    # 3001 is taken, 3002 is green's, 3003 is taken
    assert chosen == {**WANTED, "blue": 3004}


def test_moved_port_is_said() -> None:
    chosen = ports.choose(WANTED, None, {8000}.__contains__, True)

    assert ports.moved(chosen) == ["gateway 8000 -> 8001"]


def test_port_of_a_former_start_is_kept_while_the_settings_stay() -> None:
    former = ports.choose(WANTED, None, {8000}.__contains__, True)

    assert choose(set(), recorded=former)["gateway"] == 8001


def test_changed_settings_beat_a_former_start() -> None:
    former = ports.choose({**WANTED, "gateway": 7000}, None, {7000}.__contains__, True)

    assert choose(set(), recorded=former)["gateway"] == 8000


def test_listener_is_seen_and_named_also_beside_reuseport() -> None:
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]

        assert is_taken(port)
        assert holder(port).startswith("pid ")

    assert not is_taken(port)
