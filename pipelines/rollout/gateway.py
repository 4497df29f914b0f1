"""The gateway's files: bootstrap, clusters and routes; a route counts only when read back.

Envoy takes a watched file by rename and keeps the old routes when the new file is bad, so a write
proves nothing: the accepted version is read from its config dump.
"""

import json
import time
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Any

import httpx

from pipelines import storage
from pipelines.contracts.release import SLOTS, Ports, SlotName
from pipelines.errors import BadRecord, GatewayRejected, ServiceDown
from pipelines.home import Home
from pipelines.rollout import problems
from pipelines.rollout.local import local_client
from pipelines.rollout.moves import Route

TEMPLATE = Path(__file__).parents[2] / "infra" / "gateway" / "bootstrap.yaml"
ACCEPT_SECONDS = 3.0
POLL_SECONDS = 0.02
CALL_SECONDS = 2.0
ANSWER_TIMEOUT = "10s"
UPSTREAM_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
RETRY_PRIORITY = "envoy.extensions.retry.priority.previous_priorities.v3.PreviousPrioritiesConfig"
READY_WORDS = '"status":"ready","version":"recommender@'  # what a ready slot's /readyz says
TYPES = "type.googleapis.com/envoy.config"
PATHS = ("/livez", "/readyz", "/metrics", "/openapi.json")
BODY_METHODS = "^(POST|PUT|PATCH)$"
NOBODY = Route("0", None)
# Slot and spare by cluster: the name in the route alone says who is champion.
CLUSTERS: dict[str, tuple[SlotName, SlotName | None]] = {
    "blue": ("blue", None),
    "green": ("green", None),
    "blue-then-green": ("blue", "green"),
    "green-then-blue": ("green", "blue"),
}
JSON_BODY = "(?i)^application/json(;.*)?$"


@dataclass(frozen=True)
class Health:
    """What the gateway knows of a slot."""

    is_well: bool
    in_flight: int
    """Requests that it waits for."""


class Gateway:
    """The home's Envoy: writes its files, reads back what it made of them."""

    def __init__(self, home: Home, ports: Ports) -> None:
        self.folder = home.gateway
        self.ports = ports
        self.url = f"http://127.0.0.1:{ports.gateway}"
        self._admin = f"http://127.0.0.1:{ports.admin}"
        self._client = local_client(CALL_SECONDS)

    @property
    def bootstrap(self) -> Path:
        """The configuration that Envoy starts with."""
        return self.folder / "bootstrap.yaml"

    def prepare(self, route: Route | None = None) -> None:
        """Writes bootstrap and clusters, and the routes that it starts with.

        Args:
            route: What the record says is live; None leaves the routes on disk as they are.
        """
        watched = self.folder / "watched"
        watched.mkdir(parents=True, exist_ok=True)
        text = Template(TEMPLATE.read_text()).substitute(
            admin_port=self.ports.admin,
            gateway_port=self.ports.gateway,
            folder=json.dumps(str(watched)),
            clusters=json.dumps(str(self._clusters)),
            routes=json.dumps(str(self._routes)),
            local_replies=json.dumps(problems.local_replies()),
        )
        storage.write_json(self._clusters, _clusters(self.ports))
        if route is not None or not self._routes.exists():
            self.write(route or NOBODY)
        storage.write_atomic(self.bootstrap, text.encode())

    def write(self, route: Route) -> None:
        """Puts a route file in place; what Envoy makes of it, `accepted` tells."""
        storage.write_json(self._routes, route_file(route))

    def route(self, wanted: Route) -> None:
        """Writes a route and waits until the gateway has it.

        Raises:
            GatewayRejected: It kept its old routes.
            ServiceDown: Its admin port does not answer.
        """
        before = self.refusals()
        self.write(wanted)
        deadline = time.monotonic() + ACCEPT_SECONDS
        while (seen := self.accepted()) != wanted:
            refused = self.refusals() - before
            if refused or time.monotonic() > deadline:
                raise GatewayRejected(
                    f"the gateway still has route version {seen.version if seen else 'none'}, "
                    f"not {wanted.version} ({refused} refusals)",
                    where=[str(self._routes)],
                    hint="see gateway.log in the home's logs",
                )
            time.sleep(POLL_SECONDS)

    def accepted(self) -> Route | None:
        """The route that the gateway works with; None before it has any.

        Raises:
            ServiceDown: Its admin port does not answer.
        """
        dump = self._get("/config_dump?resource=dynamic_route_configs").json()
        for entry in dump.get("configs", []):
            return Route(entry.get("version_info", ""), *_champion(entry["route_config"]))
        return None

    def confirmed(self) -> Route | None:
        """The accepted route, if the file from which a restart would take it says the same."""
        seen = self.accepted()
        try:
            is_kept = seen is not None and storage.read_json(self._routes) == route_file(seen)
        except BadRecord:
            is_kept = False
        return seen if is_kept else None

    def refusals(self) -> int:
        """How many route files the gateway has refused since it started."""
        text = self._get("/stats?filter=rds.api.update_(failure|rejected)").text
        return sum(int(line.rsplit(":", 1)[1]) for line in text.splitlines() if ":" in line)

    def slots(self) -> dict[SlotName, Health]:
        """Per slot: whether all health checks pass, and how many requests are waited for."""
        hosts: dict[int, list[dict[str, Any]]] = defaultdict(list)
        for cluster in self._get("/clusters?format=json").json().get("cluster_statuses", []):
            for host in cluster.get("host_statuses", []):
                hosts[host["address"]["socket_address"]["port_value"]].append(host)
        numbers = self.ports.numbers()
        found = {slot: hosts[numbers[slot]] for slot in SLOTS}
        return {
            slot: Health(
                is_well=bool(seen) and all(map(_is_well, seen)),
                in_flight=sum(map(_in_flight, seen)),
            )
            for slot, seen in found.items()
        }

    def answering(self) -> SlotName | None:
        """The slot that answers clients: the routed one, or its spare while that one is unwell."""
        route, health = self.accepted() or NOBODY, self.slots()
        slots = (route.slot, route.spare)
        return next((slot for slot in slots if slot and health[slot].is_well), None)

    def ready(self) -> bool:
        """Whether the gateway takes requests."""
        try:
            return self._get("/ready").status_code == httpx.codes.OK
        except ServiceDown:
            return False

    @property
    def _clusters(self) -> Path:
        return self.folder / "watched" / "clusters.json"

    @property
    def _routes(self) -> Path:
        return self.folder / "watched" / "routes.json"

    def _get(self, path: str) -> httpx.Response:
        try:
            return self._client.get(self._admin + path)
        except httpx.HTTPError as error:
            raise ServiceDown(
                "the gateway's admin port does not answer",
                where=[self._admin],
                hint="run `tandem up`",
            ) from error


def route_file(route: Route) -> dict[str, Any]:
    """The route file (an Envoy discovery response) that sends everything to one cluster."""
    answer = _to_cluster(_cluster_of(route)) if route.slot else problems.direct("no-champion")
    routes = [
        _refusal("unsupported-encoding", _header("content-encoding", present_match=True)),
        _refusal(
            "unsupported-media-type",
            _header(":method", string_match={"safe_regex": {"regex": BODY_METHODS}}),
            _header(
                "content-type",
                string_match={"safe_regex": {"regex": JSON_BODY}},
                invert_match=True,
                treat_missing_header_as_empty=True,
            ),
        ),
        {
            "name": "champion",
            "match": {"prefix": "/v1/"},
            # Envoy takes equal content under a new version for no change, and says the old one.
            "metadata": {"filter_metadata": {"tandem": {"version": route.version}}},
            **answer,
        },
        *({"match": {"path": path}, **answer} for path in PATHS),
    ]
    content = {
        "@type": f"{TYPES}.route.v3.RouteConfiguration",
        "name": "api",
        # The user id picks the side of a canary and is nobody else's business.
        "request_headers_to_remove": ["x-user-id"],
        "virtual_hosts": [{"name": "api", "domains": ["*"], "routes": routes}],
    }
    return {"version_info": route.version, "resources": [content]}


def _to_cluster(cluster: str) -> dict[str, Any]:
    return {
        "route": {
            "cluster": cluster,
            "timeout": ANSWER_TIMEOUT,
            # Only what the slot cannot have seen is sent again, and then to the spare at once.
            "retry_policy": {
                "retry_on": "connect-failure,refused-stream,reset-before-request",
                "num_retries": 2,
                "retry_priority": {
                    "name": "envoy.retry_priorities.previous_priorities",
                    "typed_config": {
                        "@type": f"type.googleapis.com/{RETRY_PRIORITY}",
                        "update_frequency": 1,
                    },
                },
            },
        }
    }


def _refusal(code: str, *headers: dict[str, Any]) -> dict[str, Any]:
    return {"match": {"prefix": "/v1/", "headers": list(headers)}, **problems.direct(code)}


def _header(name: str, **match: Any) -> dict[str, Any]:
    return {"name": name, **match}


def _is_well(host: dict[str, Any]) -> bool:
    """Envoy's health flags are absent or false when a host is well."""
    health = host.get("health_status", {})
    is_up = health.get("eds_health_status") == "HEALTHY"
    return is_up and not any(value is True for value in health.values())


def _in_flight(host: dict[str, Any]) -> int:
    counters = {stat.get("name"): int(stat.get("value", 0)) for stat in host.get("stats", [])}
    return counters.get("rq_active", 0)


def _champion(configuration: dict[str, Any]) -> tuple[SlotName | None, SlotName | None]:
    """Slot and spare of an accepted route configuration."""
    for host in configuration.get("virtual_hosts", []):
        for route in host.get("routes", []):
            if route.get("name") == "champion":
                return CLUSTERS.get(route.get("route", {}).get("cluster"), (None, None))
    return None, None


def _cluster_of(route: Route) -> str:
    sides = (route.slot, route.spare)
    return next(name for name, order in CLUSTERS.items() if order == sides)


def _clusters(ports: Ports) -> dict[str, Any]:
    numbers = ports.numbers()
    clusters = [
        _cluster(name, [numbers[slot] for slot in order if slot])
        for name, order in CLUSTERS.items()
    ]
    return {"version_info": "-".join(str(numbers[slot]) for slot in SLOTS), "resources": clusters}


def _cluster(name: str, ports: list[int]) -> dict[str, Any]:
    """Slots in order: a later one answers only while all before it fail their health checks."""
    return {
        "@type": f"{TYPES}.cluster.v3.Cluster",
        "name": name,
        "type": "STATIC",
        "connect_timeout": "1s",
        "load_assignment": {
            "cluster_name": name,
            "endpoints": [
                {"priority": priority, "lb_endpoints": [{"endpoint": _endpoint(port)}]}
                for priority, port in enumerate(ports)
            ],
        },
        # A slot that is not ready gets nothing, even when no other host is left.
        "common_lb_config": {
            "healthy_panic_threshold": {"value": 0},
            "update_merge_window": "0s",  # by default health is acted upon up to a second later
        },
        "health_checks": [
            {
                # Frozen, a slot is found out within 0.5 + 0.9 + 0.5 + 0.9 s.
                "timeout": "0.9s",
                "interval": "0.5s",
                "no_traffic_interval": "0.5s",
                "unhealthy_threshold": 2,
                "healthy_threshold": 1,
                "http_health_check": {
                    "path": "/readyz",
                    # A stranger on the port may well answer 200.
                    "receive": [{"text": READY_WORDS.encode().hex()}],
                },
            }
        ],
        "typed_extension_protocol_options": {UPSTREAM_OPTIONS: _upstream()},
    }


def _endpoint(port: int) -> dict[str, Any]:
    return {"address": {"socket_address": {"address": "127.0.0.1", "port_value": port}}}


def _upstream() -> dict[str, Any]:
    """Idle connections end before the slot's server closes them (5 s), so no request meets one."""
    return {
        "@type": f"type.googleapis.com/{UPSTREAM_OPTIONS}",
        "common_http_protocol_options": {"idle_timeout": "3s"},
        "explicit_http_config": {"http_protocol_options": {}},
    }
