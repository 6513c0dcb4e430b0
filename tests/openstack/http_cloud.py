"""An OpenStack that speaks HTTP and remembers, for what real services don't do on demand: fail at the Nth request, be full.

It answers what the provider asks, as the services of packaging/openstack do (their answers were looked at), at the level of
`requests`: openstacksdk and keystoneauth are the real ones.
"""

from __future__ import annotations

import copy
import json
import re
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from email.utils import formatdate
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import requests
import requests_mock

from rackless.model.places import OpenStackPlace

HOSTS = {"identity": "http://keystone/v3", "image": "http://glance", "network": "http://neutron", "compute": "http://nova/v2.1"}
PROJECT = "x" * 32
Fault = Callable[[Any], Any]


def status(code: int, **headers: str) -> Fault:
    """Answer with that status, without doing anything."""
    body = {"error": {"code": code, "message": f"injected {code}"}}
    return lambda request: _reply(request, code, body, headers)


def lost(request: Any) -> Any:
    """The connection breaks before an answer."""
    raise requests.exceptions.ConnectionError("injected")


class HttpCloud:
    """`faults`: by the number of a request (from 0, authentication and discovery not counted), what happens instead of it.
    `after`: the same, but the request is done first, and its answer lost. `stale`: lists that are as they were before the last
    change of their kind: what is gone is still in them, and what was made is not yet."""

    def __init__(self) -> None:
        self.things: dict[str, dict[str, dict[str, Any]]] = {
            kind: {} for kind in ("images", "networks", "subnets", "ports", "trunks", "servers", "flavors", "floatingips")
        }
        self.faults: dict[int, Fault] = {}
        self.refused: dict[str, tuple[int, Any]] = {}
        """What is answered to a kind of request, as "POST /ports", instead of doing it."""
        self.logins = 0
        self.after: set[int] = set()
        self.stale: set[int] = set()
        self.before: dict[str, list[dict[str, Any]]] = {}
        self.lists: list[int] = []
        """Numbers of the requests that list something."""
        self.member = False
        """Its user has no administrator's rights."""
        self.unbound: list[str] = []
        """Ports that were down when a machine got them: a switch's agent leaves them on no VLAN, with all their like."""
        self.asked: list[str] = []
        self.quota: dict[str, int] = {}
        self.no_host = False
        self.clock = 0.0
        """Seconds by which its clock is before ours."""
        self.extensions = {"port-security", "net-mtu", "trunk"}

    @contextmanager
    def serving(self, folder: Path) -> Iterator[OpenStackPlace]:
        auth = {"auth_url": HOSTS["identity"], "username": "u", "password": "p", "project_name": "x"}
        auth |= {"user_domain_id": "default", "project_domain_id": "default"}
        file = folder / "clouds.yaml"
        file.write_text(json.dumps({"clouds": {"mock": {"auth": auth, "region_name": "RegionOne"}}}))
        with requests_mock.Mocker() as mocker:
            mocker.add_matcher(self._answer)
            yield OpenStackPlace(name="mock", cloud="mock", clouds_file=file, segment_type="vlan", physical_network="p1")

    def left(self) -> list[str]:
        """What is there beside the installation's own: catalogue, parking and management network, flavors."""
        found = [
            f"{kind}: {one['name']}"
            for kind in ("servers", "ports", "trunks", "floatingips")
            for one in self.things[kind].values()
        ]
        found += [one["name"] for one in self.things["networks"].values() if "--" not in one["name"]]
        return found + [one["name"] for one in self.things["images"].values() if "rackless_kind" in one]

    def _answer(self, request: Any) -> Any:
        url = urlsplit(request.url)
        if url.hostname == "keystone":
            return self._identity(request)
        path = url.path.removeprefix("/v2.1").removeprefix("/v2.0").removeprefix("/v2")
        if path in ("", "/"):
            return _discovery(request, url.hostname or "")
        number = len(self.asked)
        self.asked.append(f"{request.method} {path}")
        if number in self.faults:
            return self.faults[number](request)
        if self.asked[-1] in self.refused:
            return _reply(request, *self.refused[self.asked[-1]])
        body = request.json() if request.body and "json" in request.headers.get("Content-Type", "") else {}
        self._number = number
        code, said = self._do(request.method, [part for part in path.split("/") if part], parse_qs(url.query), body)
        if number in self.after:
            return lost(request)
        return _reply(request, code, said, {"Date": formatdate(time.time() + self.clock, usegmt=True)})

    def _identity(self, request: Any) -> Any:
        if request.method == "GET":
            link = [{"rel": "self", "href": HOSTS["identity"]}]
            found = {"id": "v3.14", "status": "stable", "links": link, "updated": "2020-04-07T00:00:00Z"}
            return requests_mock.create_response(request, json={"version": found})
        self.logins += 1
        catalog = [
            {
                "type": kind, "name": kind, "id": kind,
                "endpoints": [
                    {"id": kind, "interface": "public", "region": "RegionOne", "region_id": "RegionOne", "url": address}
                ],
            }
            for kind, address in HOSTS.items()
        ]  # fmt: skip
        domain = {"id": "default", "name": "Default"}
        token = {
            "methods": ["password"], "issued_at": "2026-01-01T00:00:00.000000Z", "expires_at": "2096-01-01T00:00:00.000000Z",
            "user": {"id": "u" * 32, "name": "u", "domain": domain}, "project": {"id": PROJECT, "name": "x", "domain": domain},
            "roles": [{"id": "m", "name": "member"}], "catalog": catalog,
        }  # fmt: skip
        return requests_mock.create_response(
            request, status_code=201, json={"token": token}, headers={"X-Subject-Token": "token"}
        )

    def _do(self, method: str, path: list[str], query: dict[str, list[str]], body: dict[str, Any]) -> tuple[int, Any]:
        kind, *rest = path
        if kind == "limits":
            return 200, {
                "limits": {"absolute": {"maxTotalInstances": -1, "maxTotalCores": -1, "maxTotalRAMSize": -1}, "rate": []}
            }
        if kind == "extensions":
            return 200, {"extensions": [{"alias": alias, "name": alias} for alias in self.extensions]}
        table = self.things[kind]
        if kind == "servers" and len(rest) > 1:
            return self._of_server(method, rest, body)
        if not rest or rest == ["detail"]:
            return self._list(kind, query) if method == "GET" else self._create(kind, body)
        one = table.get(rest[0])
        if one is None:
            return 404, {"NotFound": {"message": "There is none."}}
        if method == "DELETE":
            return self._delete(kind, one)
        if len(rest) > 1:
            return self._more(kind, one, rest[1], body)
        if method in ("PUT", "PATCH"):
            # Glance takes RFC 6902.
            one.update(
                next(iter(body.values())) if isinstance(body, dict) else {step["path"][1:]: step["value"] for step in body}
            )
        return 200, one if kind == "images" else {kind[:-1]: one}

    def _list(self, kind: str, query: dict[str, list[str]]) -> tuple[int, Any]:
        self.lists.append(self._number)
        found = list(self.things[kind].values())
        if self._number in self.stale:
            found = self.before.get(kind, [])
        for key, values in query.items():
            if key in ("tag", "tags"):
                wanted = {tag for value in values for tag in value.split(",")}
                found = [one for one in found if wanted <= set(one["tags"])]
            elif key == "name" and kind == "servers":
                found = [one for one in found if re.search(values[0], one["name"])]
            elif key in ("project_id", "owner"):
                found = [one for one in found if one["project_id"] == values[0]]
            elif key in ("name", "description", "port_id", "network_id", "id"):
                found = [one for one in found if one.get(key) == values[0]]
        return 200, {kind: found}

    def _create(self, kind: str, body: dict[str, Any]) -> tuple[int, Any]:
        self.before[kind] = copy.deepcopy(list(self.things[kind].values()))
        if self.member and kind == "flavors":
            return 403, {"forbidden": {"code": 403, "message": "Policy doesn't allow os_compute_api:os-flavor-manage:create."}}
        if self.member and any(key.startswith("provider:") for key in body.get("network", {})):
            said = "(rule:create_network and rule:create_network:provider:network_type) is disallowed by policy"
            return 403, {"NeutronError": {"type": "PolicyNotAuthorized", "message": said, "detail": ""}}
        if kind == "flavors" and any(one["name"] == body["flavor"]["name"] for one in self.things[kind].values()):
            return 409, {"conflictingRequest": {"code": 409, "message": "Flavor with that name already exists."}}
        if kind in self.quota and len(self.things[kind]) >= self.quota[kind]:
            if kind == "servers":
                return 403, {"forbidden": {"code": 403, "message": "Quota exceeded for instances"}}
            said = f"Quota exceeded for resources: ['{kind[:-1]}']."
            return 409, {"NeutronError": {"type": "OverQuota", "message": said, "detail": ""}}
        if kind in body:
            made = [self._one(kind, values) for values in body[kind]]
            return 201, {kind: made}
        one = self._one(kind, body if kind == "images" else body[kind[:-1]])
        return (202 if kind == "servers" else 201), one if kind == "images" else {kind[:-1]: one}

    def _one(self, kind: str, values: dict[str, Any]) -> dict[str, Any]:
        one: dict[str, Any] = {"id": str(uuid.uuid4()), "project_id": PROJECT, "tags": [], "description": "", **values}
        if kind == "networks":
            one |= {"mtu": 9000, "subnets": [], "status": "ACTIVE"}
        elif kind == "subnets":
            self.things["networks"][one["network_id"]]["subnets"].append(one["id"])
        elif kind == "ports":
            one |= {"device_id": "", "fixed_ips": one.get("fixed_ips") or [{"ip_address": "198.18.0.9"}]}
        elif kind == "images":
            one |= {"status": "queued"}
        elif kind == "trunks":
            one |= {"sub_ports": []}
        elif kind == "floatingips":
            one |= {"floating_ip_address": f"203.0.113.{len(self.things[kind]) + 1}"}
        elif kind == "servers":
            one |= {"status": "ERROR" if self.no_host else "ACTIVE", "OS-EXT-STS:task_state": None}
            if self.no_host:
                one["fault"] = {"code": 500, "message": "No valid host was found. There are not enough hosts available."}
            for network in values["networks"]:
                self.things["ports"][network["port"]]["device_id"] = one["id"]
                self._seen([self.things["ports"][network["port"]]])
        self.things[kind][one["id"]] = one
        return one

    def _seen(self, ports: Iterable[dict[str, Any]]) -> None:
        self.unbound += [port["name"] for port in ports if not port["admin_state_up"]]

    def _delete(self, kind: str, one: dict[str, Any]) -> tuple[int, Any]:
        self.before[kind] = copy.deepcopy(list(self.things[kind].values()))
        if kind == "networks" and any(port["network_id"] == one["id"] for port in self.things["ports"].values()):
            return 409, {
                "NeutronError": {"type": "NetworkInUse", "message": "There are ports in use on the network.", "detail": ""}
            }
        if kind == "ports" and any(trunk["port_id"] == one["id"] for trunk in self.things["trunks"].values()):
            return 409, {"NeutronError": {"type": "PortInUseAsTrunkParent", "message": "It is a trunk's.", "detail": ""}}
        if kind == "ports":
            for floating in self.things["floatingips"].values():
                if floating["port_id"] == one["id"]:
                    floating["port_id"] = None  # It stays, as at Neutron.
        if kind == "servers":
            for port in self.things["ports"].values():
                if port["device_id"] == one["id"]:
                    port["device_id"] = ""
        del self.things[kind][one["id"]]
        return 204, None

    def _more(self, kind: str, one: dict[str, Any], what: str, body: dict[str, Any]) -> tuple[int, Any]:
        if what == "file":
            one["status"] = "active"
            return 204, None
        wanted = {entry["port_id"]: entry for entry in body["sub_ports"]}
        if what == "add_subports" and (gone := wanted.keys() - self.things["ports"].keys()):
            said = f"Port {min(gone)} could not be found."
            return 404, {"NeutronError": {"type": "PortNotFound", "message": said, "detail": ""}}
        one["sub_ports"] = [entry for entry in one["sub_ports"] if entry["port_id"] not in wanted]
        if what == "add_subports":
            one["sub_ports"] += wanted.values()
        return 200, one

    def _of_server(self, method: str, rest: list[str], body: dict[str, Any]) -> tuple[int, Any]:
        one = self.things["servers"].get(rest[0])
        ports = self.things["ports"]
        if one is None:
            return 404, {"itemNotFound": {"code": 404, "message": "Instance could not be found."}}
        if rest[1] == "action":
            one["status"] = "SHUTOFF" if "os-stop" in body else "ACTIVE"
            if one["status"] == "ACTIVE":
                self._seen(port for port in ports.values() if port["device_id"] == one["id"])
            return 202, None
        if rest[1] == "metadata":
            one["metadata"].update(body["metadata"])
            return 200, {"metadata": one["metadata"]}
        if rest[1] == "os-interface" and method == "GET":
            return 200, {
                "interfaceAttachments": [{"port_id": id_} for id_, port in ports.items() if port["device_id"] == one["id"]]
            }
        if rest[1] == "os-interface" and method == "POST":
            port = ports[body["interfaceAttachment"]["port_id"]]
            port["device_id"] = one["id"]
            if one["status"] == "ACTIVE":
                self._seen([port])
            return 200, {"interfaceAttachment": {"port_id": port["id"]}}
        if rest[1] == "os-interface":
            port = ports.get(rest[2])
            if port is None or port["device_id"] != one["id"]:
                return 404, {"itemNotFound": {"code": 404, "message": "No such interface."}}
            port["device_id"] = ""
            return 202, None
        raise AssertionError(rest)


def _reply(request: Any, code: int, said: Any, headers: dict[str, str] | None = None) -> Any:
    if said is None:
        return requests_mock.create_response(request, status_code=code)
    headers = {"Content-Type": "application/json", **(headers or {})}
    return requests_mock.create_response(request, status_code=code, text=json.dumps(said), headers=headers)


def _discovery(request: Any, host: str) -> Any:
    """Version documents, as the services' own."""
    if host == "nova":
        found: dict[str, Any] = {
            "version": {
                "id": "v2.1", "status": "CURRENT", "version": "2.96", "min_version": "2.1",
                "links": [{"rel": "self", "href": "http://nova/v2.1/"}],
            }
        }  # fmt: skip
    elif host == "glance":
        link = [{"rel": "self", "href": "http://glance/v2/"}]
        found = {"versions": [{"id": "v2.16", "status": "CURRENT", "links": link}]}
    else:
        link = [{"rel": "self", "href": "http://neutron/v2.0/"}]
        found = {"versions": [{"id": "v2.0", "status": "CURRENT", "links": link}]}
    return requests_mock.create_response(request, json=found)
