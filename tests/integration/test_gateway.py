"""A real Envoy: routes by rename and read back, limits at the edge, problems as refusals."""

import http.server
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import pytest

from pipelines import storage
from pipelines.errors import GatewayRejected, ServiceDown
from pipelines.rollout.gateway import Gateway, route_file
from pipelines.rollout.moves import Route
from tests.integration.running import free_ports, home_at, running_gateway, wait_until

READ_SECONDS = 12.0


class Echo(http.server.BaseHTTPRequestHandler):
    """An upstream that tells what reached it."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        length = int(self.headers.get("content-length") or 0)
        told = {
            "path": self.path,
            "headers": {name.lower(): value for name, value in self.headers.items()},
            "body": self.rfile.read(length).decode(),
            "port": self.server.server_address[1],
        }
        ready = {"status": "ready", "version": "recommender@v1.0.0", "path": "/readyz"}
        self.answer(ready if self.path == "/readyz" else told)

    def answer(self, told: dict[str, object]) -> None:
        content = json.dumps(told, separators=(",", ":")).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_POST = do_GET  # noqa: N815 -- http.server's names

    def log_message(self, *args: object) -> None:
        pass


class Upstream(http.server.ThreadingHTTPServer):
    """A server whose open connections end with it, as with a process."""

    def server_bind(self) -> None:
        self.connections: list[socket.socket] = []
        super().server_bind()

    def process_request(self, request, client_address) -> None:
        self.connections.append(request)
        super().process_request(request, client_address)

    def server_close(self) -> None:
        super().server_close()
        for connection in self.connections:
            with suppress(OSError):  # closed by the client
                connection.shutdown(socket.SHUT_RDWR)


@contextmanager
def upstream(port: int, answers: type[Echo] = Echo) -> Iterator[None]:
    """An echo on this port."""
    with Upstream(("127.0.0.1", port), answers) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A gateway that routes to blue, with an echo in both slots."""
    home = home_at(tmp_path_factory.mktemp("gateway"))
    with running_gateway(home) as (gateway, _):
        ports = gateway.ports
        with upstream(ports.blue), upstream(ports.green):
            wait_until(
                lambda: all(slot.is_well for slot in gateway.slots().values()), "slots are well"
            )
            gateway.route(Route("1", "blue"))
            yield gateway


def raw(gateway: Gateway, request: bytes) -> str:
    """The first bytes of the answer to bytes that no HTTP client would send."""
    with socket.create_connection(("127.0.0.1", gateway.ports.gateway)) as connection:
        connection.settimeout(READ_SECONDS)
        connection.sendall(request)
        return connection.recv(4096).decode()


def code(answer: httpx.Response) -> str:
    """The problem's code, after the checks that hold for every problem."""
    assert answer.headers["content-type"] == "application/problem+json"
    content = answer.json()
    assert content["status"] == answer.status_code
    assert {"type", "title", "detail", "instance", "request_id"} <= content.keys()
    assert content["type"] == f"/problems/{content['code']}"
    return str(content["code"])


def test_no_champion_is_a_503_that_says_when_to_try_again(tmp_path: Path) -> None:
    with running_gateway(home_at(tmp_path)) as (gateway, _):
        answer = httpx.post(f"{gateway.url}/v1/recommend", json={})

    assert (answer.status_code, code(answer)) == (503, "no-champion")
    assert answer.headers["retry-after"] == "5"


def test_routed_slot_without_a_process_is_a_503(tmp_path: Path) -> None:
    with running_gateway(home_at(tmp_path)) as (gateway, _):
        gateway.route(Route("1", "blue"))
        answer = httpx.get(f"{gateway.url}/readyz")

    assert (answer.status_code, code(answer)) == (503, "slot-unavailable")
    assert answer.headers["retry-after"] == "5"


def test_request_reaches_the_slot_without_the_user_id_and_with_our_request_id(
    gateway: Gateway,
) -> None:
    headers = {"x-user-id": "a%20person", "x-request-id": "forged"}

    told = httpx.post(f"{gateway.url}//v1//recommend", json={"k": 3}, headers=headers).json()

    assert told["path"] == "/v1/recommend"
    assert json.loads(told["body"]) == {"k": 3}
    assert "x-user-id" not in told["headers"]
    assert told["headers"]["x-request-id"] != "forged"


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/metrics", "/openapi.json"])
def test_service_pages_are_reached(gateway: Gateway, path: str) -> None:
    assert httpx.get(gateway.url + path).json()["path"] == path


@pytest.mark.parametrize(
    "path", ["/", "/v1", "/admin", "/config_dump", "/v1/../etc", "/v1/%2e%2e/x"]
)
def test_unknown_path_is_a_404(gateway: Gateway, path: str) -> None:
    answer = raw(gateway, f"GET {path} HTTP/1.1\r\nhost: a\r\n\r\n".encode())

    assert answer.startswith("HTTP/1.1 404")
    assert '"code":"not-found"' in answer


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"content-type": "application/vnd.bentoml+pickle"}, "unsupported-media-type"),
        ({"content-type": "multipart/form-data; boundary=x"}, "unsupported-media-type"),
        ({"content-type": "application/jsonp"}, "unsupported-media-type"),
        ({}, "unsupported-media-type"),
        (
            {"content-type": "application/json", "content-encoding": "gzip"},
            "unsupported-encoding",
        ),
    ],
    ids=["pickle", "multipart", "another type", "none", "gzip"],
)
def test_body_that_is_not_plain_json_is_a_415(
    gateway: Gateway, headers: dict[str, str], expected: str
) -> None:
    answer = httpx.post(f"{gateway.url}/v1/recommend", content=b"{}", headers=headers)

    assert (answer.status_code, code(answer)) == (415, expected)


def test_json_with_a_charset_passes(gateway: Gateway) -> None:
    headers = {"content-type": "Application/JSON; charset=utf-8"}

    assert httpx.post(f"{gateway.url}/v1/rank", content=b"{}", headers=headers).status_code == 200


def test_body_over_a_mebibyte_is_a_413(gateway: Gateway) -> None:
    headers = {"content-type": "application/json"}

    answer = httpx.post(f"{gateway.url}/v1/rank", content=b" " * 1_100_000, headers=headers)

    assert (answer.status_code, code(answer)) == (413, "body-too-large")


@pytest.mark.parametrize(
    "headers",
    [{"x-large": "a" * 70_000}, {f"x-{number}": "a" for number in range(120)}],
    ids=["too large", "too many"],
)
def test_headers_over_the_limit_are_a_431(gateway: Gateway, headers: dict[str, str]) -> None:
    answer = httpx.get(f"{gateway.url}/v1/model", headers=headers)

    assert (answer.status_code, code(answer)) == (431, "headers-too-large")


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"GARBAGE\r\n\r\n",
        b"GET /v1/model HTTP/1.1\r\n\r\n",
        b"GET /v1%2fmodel HTTP/1.1\r\nhost: a\r\n\r\n",
        b"GET /v1/model HTTP/1.1\r\nhost: a\r\nx_user: 1\r\n\r\n",
        b"POST /v1/rank HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n"
        b"transfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST /v1/rank HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\n{}",
    ],
    ids=["garbage", "no host", "escaped slash", "underscore", "CL and TE", "two lengths"],
)
def test_invalid_http_is_a_400(gateway: Gateway, request_bytes: bytes) -> None:
    answer = raw(gateway, request_bytes)

    assert answer.startswith("HTTP/1.1 400")
    assert '"code":"malformed-request"' in answer


def test_body_that_drips_is_cut_off(gateway: Gateway) -> None:
    head = b"POST /v1/rank HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n"

    answer = raw(gateway, head + b"content-length: 10\r\n\r\n{")

    assert answer.startswith("HTTP/1.1 408")
    assert '"code":"request-timeout"' in answer


def ports_that_answer(gateway: Gateway) -> set[int]:
    """The upstreams behind so many requests; only good answers count."""
    answers = [httpx.get(f"{gateway.url}/v1/model", timeout=5) for _ in range(5)]
    return {answer.json()["port"] for answer in answers if answer.status_code == 200}


def test_spare_answers_while_the_champion_is_dead_and_no_longer(tmp_path: Path) -> None:
    route = Route("1", "blue", spare="green")
    with running_gateway(home_at(tmp_path), route) as (gateway, _), upstream(gateway.ports.green):
        with upstream(gateway.ports.blue):
            wait_until(lambda: ports_that_answer(gateway) == {gateway.ports.blue}, "blue answers")
            wait_until(lambda: gateway.slots()["green"].is_well, "green is well")

        assert ports_that_answer(gateway) == {gateway.ports.green}
        wait_until(lambda: gateway.answering() == "green", "it is seen")
        with upstream(gateway.ports.blue):
            wait_until(lambda: ports_that_answer(gateway) == {gateway.ports.blue}, "blue is back")
        assert gateway.accepted() == route


def test_slot_that_another_program_answers_for_gets_nothing(tmp_path: Path) -> None:
    class Stranger(Echo):
        def do_GET(self) -> None:
            self.answer({"status": "ready"})

    with (
        running_gateway(home_at(tmp_path), Route("1", "blue", spare="green")) as (gateway, _),
        upstream(gateway.ports.blue, Stranger),
        upstream(gateway.ports.green),
    ):
        wait_until(lambda: ports_that_answer(gateway) == {gateway.ports.green}, "green answers")

        assert not gateway.slots()["blue"].is_well


def test_accepted_route_counts_only_while_its_file_is_whole(gateway: Gateway) -> None:
    gateway.route(Route("whole", "blue"))
    assert gateway.confirmed() == Route("whole", "blue")

    (gateway.folder / "watched" / "routes.json").unlink()

    assert gateway.confirmed() is None
    assert gateway.accepted() == Route("whole", "blue")


def test_switches_under_load_lose_no_request(gateway: Gateway) -> None:
    stop, statuses = threading.Event(), []

    def ask() -> None:
        with httpx.Client() as client:
            while not stop.is_set():
                try:
                    answer = client.post(f"{gateway.url}/v1/recommend", json={})
                    statuses.append((answer.status_code, answer.json().get("port")))
                except httpx.HTTPError as error:
                    statuses.append((repr(error), None))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for number in range(10):
        gateway.route(Route(f"flip-{number}", "green" if number % 2 == 0 else "blue"))
    stop.set()
    for thread in threads:
        thread.join()

    assert {status for status, _ in statuses} == {200}
    assert {port for _, port in statuses} == {gateway.ports.blue, gateway.ports.green}


@pytest.mark.parametrize(
    "content",
    [
        b"{{{ not yaml",
        json.dumps({"version_info": "bad", "resources": [{"@type": "nonsense"}]}).encode(),
    ],
    ids=["unreadable", "of another schema"],
)
def test_bad_route_file_keeps_the_old_routes_and_is_counted(
    gateway: Gateway, content: bytes
) -> None:
    gateway.route(Route("good", "blue"))
    before = gateway.refusals()

    storage.write_atomic(gateway.folder / "watched" / "routes.json", content)

    wait_until(lambda: gateway.refusals() > before, "the gateway has refused the file")
    assert gateway.accepted() == Route("good", "blue")


def n_taken(gateway: Gateway) -> int:
    """How many route files the gateway has taken since it started."""
    url = f"http://127.0.0.1:{gateway.ports.admin}/stats?filter=rds.api.update_success"
    return sum(int(line.rsplit(":", 1)[1]) for line in httpx.get(url).text.splitlines())


def test_route_file_written_in_place_is_not_taken(gateway: Gateway) -> None:
    gateway.route(Route("before", "blue"))
    taken = n_taken(gateway)

    (gateway.folder / "watched" / "routes.json").write_text(
        json.dumps(route_file(Route("in place", "green")))
    )
    gateway.route(Route("after", "blue"))

    assert gateway.accepted() == Route("after", "blue")
    assert n_taken(gateway) == taken + 1


def test_same_slot_under_a_new_version_is_accepted(gateway: Gateway) -> None:
    gateway.route(Route("one", "blue"))

    gateway.route(Route("two", "blue"))

    assert gateway.accepted() == Route("two", "blue")


def test_route_that_the_gateway_does_not_see_is_an_error(gateway: Gateway) -> None:
    elsewhere = Gateway(home_at(gateway.folder.parent / "elsewhere"), gateway.ports)

    with pytest.raises(GatewayRejected, match="not 77"):
        elsewhere.route(Route("77", "green"))

    assert gateway.accepted() != Route("77", "green")


def test_gateway_that_is_down_is_named(tmp_path: Path) -> None:
    gateway = Gateway(home_at(tmp_path), free_ports())

    assert not gateway.ready()
    with pytest.raises(ServiceDown, match="admin port"):
        gateway.accepted()


def test_gateway_that_starts_takes_the_recorded_route_over_a_damaged_file(tmp_path: Path) -> None:
    home = home_at(tmp_path)
    watched = home.gateway / "watched"
    watched.mkdir(parents=True)
    (watched / "routes.json").write_bytes(b"{")

    with running_gateway(home, Route("5", "green")) as (gateway, _):
        assert gateway.accepted() == Route("5", "green")


def test_restarted_gateway_has_its_routes_from_disk(tmp_path: Path) -> None:
    with running_gateway(home_at(tmp_path)) as (gateway, supervisor):
        gateway.route(Route("9", "green"))

        supervisor.replace("gateway")

        wait_until(gateway.ready, "the gateway is ready again")
        assert gateway.accepted() == Route("9", "green")
