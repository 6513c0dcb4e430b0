"""A lab as a drawing: SVG for a page or a document, and draw.io's XML to draw on.

Routers are chassis with a row of ports for each card, hosts are boxes, wires join ports. Places come from the caller (as they
were arranged by hand) or from a layered layout: neighbours by their distance from the best connected node, each layer ordered
by the middle of its neighbours (Sugiyama's barycentre), which crosses few wires in networks of this size.

Source of draw.io's format: mxGraphModel as its "Edit diagram" shows it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from xml.etree import ElementTree as Tree

PORT, GAP, HEAD, SIDE = 14.0, 6.0, 26.0, 10.0
"""Size of a port, between ports, of a chassis' heading, of its sides (pixels)."""
APART, ABOVE = 60.0, 110.0
"""Between two nodes of a layer, and between layers (pixels)."""
LEAST = 96.0
"""Width of the narrowest node (pixels)."""


@dataclass(frozen=True, kw_only=True)
class Node:
    """`rows`: the ports of each card (labels), one row for a host. `title` is drawn, `about` is told on hover."""

    name: str
    title: str
    about: str
    rows: tuple[tuple[str, ...], ...]
    router: bool


@dataclass(frozen=True, kw_only=True)
class Line:
    """A wire between (node, port) and (node, port). `state` is its class in the drawing (connected, down, planned)."""

    ends: tuple[tuple[str, str], tuple[str, str]]
    state: str


@dataclass(frozen=True)
class Box:
    """Left, top, width and height (pixels)."""

    x: float
    y: float
    width: float
    height: float


def svg(title: str, nodes: Iterable[Node], lines: Iterable[Line], places: Mapping[str, tuple[float, float]]) -> str:
    """A drawing that stands alone: its colours follow the reader's light or dark preference."""
    nodes, lines = list(nodes), list(lines)
    named, boxes = {node.name: node for node in nodes}, arranged(nodes, lines, places)
    left, top = (min((getattr(box, key) for box in boxes.values()), default=0.0) - 30 for key in ("x", "y"))
    right = max((box.x + box.width for box in boxes.values()), default=0.0) + 30
    bottom = max((box.y + box.height for box in boxes.values()), default=0.0) + 30
    root = Tree.Element(
        "svg",
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"{left:g} {top:g} {right - left:g} {bottom - top:g}",
        width=f"{right - left:g}",
        height=f"{bottom - top:g}",
        role="img",
    )
    Tree.SubElement(root, "title").text = title
    Tree.SubElement(root, "style").text = _STYLE
    for line in lines:
        (x1, y1), (x2, y2) = (_middle(_port_box(boxes, named, *end)) for end in line.ends)
        wire = Tree.SubElement(root, "line", x1=f"{x1:g}", y1=f"{y1:g}", x2=f"{x2:g}", y2=f"{y2:g}")
        wire.set("class", f"wire {line.state}")
        Tree.SubElement(wire, "title").text = " -- ".join(":".join(end) for end in line.ends)
    for node in nodes:
        _svg_node(root, node, boxes[node.name], partial(_port_box, boxes, named, node.name))
    Tree.indent(root)
    return Tree.tostring(root, encoding="unicode") + "\n"


def drawio(title: str, nodes: Iterable[Node], lines: Iterable[Line], places: Mapping[str, tuple[float, float]]) -> str:
    """The same as a diagrams.net file: ports are parts of their chassis, wires stay joined when it is moved."""
    nodes, lines = list(nodes), list(lines)
    named, boxes = {node.name: node for node in nodes}, arranged(nodes, lines, places)
    file = Tree.Element("mxfile", host="rackless")
    model = Tree.SubElement(Tree.SubElement(file, "diagram", name=title), "mxGraphModel")
    root = Tree.SubElement(model, "root")
    Tree.SubElement(root, "mxCell", id="0")
    Tree.SubElement(root, "mxCell", {"id": "1", "parent": "0"})
    for node in nodes:
        box = boxes[node.name]
        style = "rounded=1;arcSize=6;verticalAlign=top;spacingTop=4;fontStyle=1;html=1;container=1;collapsible=0;whiteSpace=wrap;"
        _cell(root, node.name, node.title, style + ("" if node.router else "dashed=1;"), parent="1", box=box)
        for row in node.rows:
            for port in row:
                inner = _port_box(boxes, named, node.name, port)
                inside = Box(inner.x - box.x, inner.y - box.y, inner.width, inner.height)
                style = "rounded=0;fontSize=6;html=1;verticalLabelPosition=middle;"
                _cell(root, f"{node.name}:{port}", _short(port), style, parent=node.name, box=inside, tooltip=port)
    for number, line in enumerate(lines):
        style = "endArrow=none;html=1;" + ("" if line.state == "connected" else "dashed=1;")
        a, b = (":".join(end) for end in line.ends)
        joined = {"id": f"wire-{number}", "style": style, "edge": "1", "parent": "1", "source": a, "target": b}
        edge = Tree.SubElement(root, "mxCell", joined)
        Tree.SubElement(edge, "mxGeometry", {"relative": "1", "as": "geometry"})
    Tree.indent(file)
    return Tree.tostring(file, encoding="unicode") + "\n"


def arranged(nodes: Iterable[Node], lines: Iterable[Line], places: Mapping[str, tuple[float, float]]) -> dict[str, Box]:
    """Every node's box. Nodes without a place are laid out below those that have one."""
    nodes, lines = list(nodes), list(lines)
    boxes = {node.name: Box(*places[node.name], *_size(node)) for node in nodes if node.name in places}
    rest = {node.name: node for node in nodes if node.name not in places}
    top = max((box.y + box.height for box in boxes.values()), default=-ABOVE) + ABOVE
    for layer in _layers(rest, lines):
        width = sum(_size(rest[name])[0] for name in layer) + APART * (len(layer) - 1)
        x, tall = -width / 2, 0.0
        for name in layer:
            wide, high = _size(rest[name])
            boxes[name] = Box(x, top, wide, high)
            x, tall = x + wide + APART, max(tall, high)
        top += tall + ABOVE
    return boxes


def _layers(nodes: Mapping[str, Node], lines: Iterable[Line]) -> list[list[str]]:
    near: dict[str, list[str]] = {name: [] for name in nodes}
    for line in lines:
        (a, _), (b, _) = line.ends
        if a in near and b in near and a != b:
            near[a].append(b)
            near[b].append(a)
    left = set(nodes)
    layers: list[list[str]] = []
    while left:
        # Of each part that hangs together: hosts never first, then the best connected, then the name.
        layer = [min(left, key=lambda name: (not nodes[name].router, -len(near[name]), name))]
        depth = 0
        while layer:
            left -= set(layer)
            if depth == len(layers):
                layers.append([])
            above = {name: at for at, name in enumerate(layers[depth - 1])} if depth else {}
            layers[depth] += sorted(layer, key=_barycentre(near, above))
            layer = sorted({name for seen in layer for name in near[seen]} & left)
            depth += 1
    return layers


def _barycentre(near: Mapping[str, list[str]], above: Mapping[str, int]) -> Callable[[str], tuple[float, str]]:
    def key(name: str) -> tuple[float, str]:
        found = [above[other] for other in near[name] if other in above]
        return (sum(found) / len(found) if found else 0.0, name)

    return key


def _size(node: Node) -> tuple[float, float]:
    most = max((len(row) for row in node.rows), default=0)
    width = max(LEAST, 2 * SIDE + most * (PORT + GAP) - GAP, 2 * SIDE + 7.2 * len(node.title))
    return width, HEAD + len(node.rows) * (PORT + GAP) + SIDE / 2


def _port_box(boxes: Mapping[str, Box], nodes: Mapping[str, Node], name: str, port: str) -> Box:
    box = boxes[name]
    for at, row in enumerate(nodes[name].rows):
        if port in row:
            return Box(box.x + SIDE + row.index(port) * (PORT + GAP), box.y + HEAD + at * (PORT + GAP), PORT, PORT)
    return box


def _middle(box: Box) -> tuple[float, float]:
    return box.x + box.width / 2, box.y + box.height / 2


def _short(port: str) -> str:
    return port.rpartition("/")[2].removeprefix("eth")


def _svg_node(root: Tree.Element, node: Node, box: Box, place: Callable[[str], Box]) -> None:
    group = Tree.SubElement(root, "g")
    group.set("class", "router" if node.router else "host")
    Tree.SubElement(group, "title").text = node.about
    Tree.SubElement(group, "rect", _frame(box), rx="4")
    Tree.SubElement(group, "text", x=f"{box.x + SIDE:g}", y=f"{box.y + 17:g}").text = node.title
    for row in node.rows:
        for port in row:
            inner = place(port)
            part = Tree.SubElement(group, "rect", _frame(inner), rx="2")
            part.set("class", "port")
            Tree.SubElement(part, "title").text = f"{node.name}:{port}"


def _frame(box: Box) -> dict[str, str]:
    return {"x": f"{box.x:g}", "y": f"{box.y:g}", "width": f"{box.width:g}", "height": f"{box.height:g}"}


def _cell(root: Tree.Element, key: str, value: str, style: str, *, parent: str, box: Box, tooltip: str = "") -> None:
    inner = {"style": style, "vertex": "1", "parent": parent}
    if tooltip:
        keeper = Tree.SubElement(root, "object", id=key, label=value, tooltip=tooltip)
        cell = Tree.SubElement(keeper, "mxCell", inner)
    else:
        cell = Tree.SubElement(root, "mxCell", {"id": key, "value": value, **inner})
    Tree.SubElement(cell, "mxGeometry", {**_frame(box), "as": "geometry"})


_STYLE = """
text { font: 600 12px system-ui, sans-serif; fill: #1b1f24 }
rect { fill: #f6f8fa; stroke: #57606a }
.host > rect { stroke-dasharray: 4 2 }
.port, .host > .port { fill: #ffffff; stroke: #57606a; stroke-dasharray: none }
.wire { stroke: #1a7f37; stroke-width: 2 }
.wire.down { stroke: #9a6700; stroke-dasharray: 6 4 }
.wire.planned { stroke: #57606a; stroke-dasharray: 2 4 }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 }
  rect { fill: #161b22; stroke: #8b949e }
  .port, .host > .port { fill: #0d1117; stroke: #8b949e }
  .wire { stroke: #3fb950 } .wire.down { stroke: #d29922 } .wire.planned { stroke: #8b949e }
}
"""
