"""What other tools read and write: topologies in, exports out, CloudShell's connectivity requests; and counters for drawings."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from rackless.api.errors import RESPONSES
from rackless.api.here import Here
from rackless.api.lab import Lab, lab_of
from rackless.exchange import ansible, cloudshell, containerlab, drawing
from rackless.model.blueprint import End
from rackless.model.errors import StateError
from rackless.store import sandboxes
from rackless.workflows import connectivity, counters

router = APIRouter(tags=["exchange"], responses=RESPONSES)


class Topology(BaseModel):
    """A containerlab topology as text."""

    text: str = Field(max_length=4 << 20)
    file: str = Field("topology.clab.yml", description="Its name, for the places of problems")


class ImportedBlueprint(BaseModel):
    """`text` is a blueprint that can be deployed; `left`: what of the topology is not in it, one sentence each."""

    text: str
    left: list[str]


class ExportFormat(StrEnum):
    CONTAINERLAB = "containerlab"
    ANSIBLE = "ansible"
    DRAWIO = "drawio"
    SVG = "svg"


MEDIA = {
    ExportFormat.CONTAINERLAB: "application/yaml",
    ExportFormat.ANSIBLE: "application/yaml",
    ExportFormat.DRAWIO: "application/vnd.jgraph.mxfile",
    ExportFormat.SVG: "image/svg+xml",
}


class ConnectivityAttribute(BaseModel):
    attributeName: str
    attributeValue: str | None = ""
    type: str = ""


class ActionTarget(BaseModel):
    fullName: str = ""
    fullAddress: str = ""
    type: str = ""


class ConnectionParameters(BaseModel):
    vlanId: str = ""
    mode: cloudshell.VlanMode = cloudshell.VlanMode.ACCESS
    type: str = ""
    vlanServiceAttributes: list[ConnectivityAttribute] = []


class ConnectivityAction(BaseModel):
    """One setVlan or removeVlan, as cloudshell-shell-connectivity-flow 4.2.0 sends it."""

    actionId: str
    type: cloudshell.VlanVerb
    connectionId: str = ""
    connectionParams: ConnectionParameters = ConnectionParameters()
    connectorAttributes: list[ConnectivityAttribute] = []
    customActionAttributes: list[ConnectivityAttribute] = []
    actionTarget: ActionTarget = ActionTarget()


class DriverRequest(BaseModel):
    actions: list[ConnectivityAction] = Field(max_length=1000)


class ConnectivityRequest(BaseModel):
    driverRequest: DriverRequest


class ActionResult(BaseModel):
    """`updatedInterface`: the MACs of the NICs, comma-separated, which removeVlan is to give back as `Interface`."""

    actionId: str
    type: cloudshell.VlanVerb
    updatedInterface: str
    infoMessage: str
    errorMessage: str
    success: bool


class DriverResponse(BaseModel):
    actionResults: list[ActionResult]


class ConnectivityResponse(BaseModel):
    driverResponse: DriverResponse


class PortTraffic(BaseModel):
    """Since the device booted; `in` is what came from the wire."""

    name: str
    in_octets: int
    out_octets: int
    in_packets: int
    out_packets: int


class Counters(BaseModel):
    """`at`: when they were read, in seconds since the epoch. A device that does not answer has none this time."""

    at: float
    ports: list[PortTraffic]


@router.post("/imports/containerlab")
async def import_topology(body: Topology) -> ImportedBlueprint:
    """A blueprint of a containerlab topology (`.clab.yml`), and what could not be carried over."""
    found = containerlab.read(body.text, file=body.file)
    return ImportedBlueprint(text=found.text, left=list(found.left))


@router.get("/labs/{name}/export", response_class=Response, responses={200: {"content": {media: {} for media in MEDIA.values()}}})
async def export(name: str, here: Here, format: Annotated[ExportFormat, Query(description="What to write")]) -> Response:
    """The lab, with the wires that it has now, for another tool. No secret is in it."""
    row = await here.database.read(sandboxes.get, name)
    lab = await lab_of(here, name)
    if format is ExportFormat.CONTAINERLAB:
        ends = [(_end(wire.ends[0]), _end(wire.ends[1])) for wire in lab.wires]
        text = containerlab.write(row.plan.blueprint, wires=ends).text
    elif format is ExportFormat.ANSIBLE:
        text = ansible.inventory(name, [_reached(one) for one in lab.routers])
    else:
        draw = drawing.svg if format is ExportFormat.SVG else drawing.drawio
        text = draw(name, _nodes(lab), _lines(lab), {})
    return Response(text, media_type=MEDIA[format])


@router.post("/labs/{name}/cloudshell/apply-connectivity-changes")
async def apply_connectivity_changes(name: str, body: ConnectivityRequest, here: Here) -> ConnectivityResponse:
    """CloudShell's ApplyConnectivityChanges: the actions are carried out one by one, in ascending order of Vnic Name, and each
    has its result. Two NICs in one VLAN are the ends of a wire."""
    request: dict[str, Any] = body.model_dump(mode="json")
    answer = await cloudshell.apply(request, lambda action: connectivity.one(here, name, action))
    return ConnectivityResponse.model_validate(answer)


@router.get("/labs/{name}/counters")
async def show_counters(name: str, here: Here) -> Counters:
    """Traffic of every port, as the routers and hosts count it themselves. Read at most once a second, whoever asks."""
    found = await counters.of(here, await here.database.read(sandboxes.get, name))
    return Counters(at=found.at, ports=[PortTraffic(**vars(port)) for port in found.ports])


def _end(text: str) -> End:
    owner, _, port = text.partition(":")
    return End(owner=owner, port=port)


def _reached(router: Any) -> ansible.Reached:
    services = router.management.services
    if "netconf" not in services:
        raise StateError(f"Router {router.name} has no address yet.", hint="Export the inventory when the lab is ready.")
    places = {
        service: (host.strip("[]"), int(port)) for service, text in services.items() for host, _, port in [text.rpartition(":")]
    }
    return ansible.Reached(name=router.name, user=router.user, netconf=places["netconf"], ssh=places["ssh"], cards=router.cards)


def _nodes(lab: Lab) -> list[drawing.Node]:
    rows: dict[str, dict[str, list[str]]] = {}
    for port in lab.ports:
        owner, label = port.name.split(":", 1)
        rows.setdefault(owner, {}).setdefault(port.machine, []).append(label)
    nodes = [
        drawing.Node(
            name=one.name,
            title=one.name,
            about=f"{one.name}: {one.family}, {one.cards} cards {one.system}".strip(),
            rows=tuple(tuple(labels) for labels in rows.get(one.name, {}).values()),
            router=True,
        )
        for one in lab.routers
    ]
    for machine in lab.machines:
        if machine.role == "host":
            mine = tuple(tuple(labels) for labels in rows.get(machine.owner, {}).values())
            nodes.append(
                drawing.Node(name=machine.owner, title=machine.owner, about=f"{machine.owner}: host", rows=mine, router=False)
            )
    return nodes


def _lines(lab: Lab) -> list[drawing.Line]:
    return [drawing.Line(ends=(_split(wire.ends[0]), _split(wire.ends[1])), state=wire.state.value.lower()) for wire in lab.wires]


def _split(text: str) -> tuple[str, str]:
    owner, _, port = text.partition(":")
    return owner, port
