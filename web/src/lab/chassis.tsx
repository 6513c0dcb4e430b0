/** The pieces of the picture: a chassis with its cards, ports, wires. Each is drawn anew only when it changes. */
import { memo } from "react";
import { rate } from "../parts/amounts";
import { tone } from "../parts/state";
import { boxOf, type Curve, HEAD, type Point, PORT } from "./geometry";
import { domId } from "./moving";
import { LOOKS, type Node, type Port, spoken, spokenImpairment, spokenNode, type Wire } from "./model";

interface ChassisProps {
  node: Node;
  at: Point;
  selected: boolean;
  focused: boolean;
}

/** Everything of a router or host but its ports, which lie above the wires. */
export const Chassis = memo(function Chassis({ node, at, selected, focused }: ChassisProps) {
  const box = boxOf(node);
  const lamp = tone(node.state);
  const place = `translate(${at.x} ${at.y})`;
  return (
    <g data-node={node.id} className={`chassis chassis-${node.kind}${selected ? " selected" : ""}`}>
      <g
        id={domId({ kind: "node", id: node.id })}
        className="front"
        transform={place}
        role="button"
        aria-label={spokenNode(node)}
        aria-pressed={selected}
        tabIndex={focused ? 0 : -1}
      >
        <rect className="body" width={box.width} height={box.height} rx={7} />
        <rect className="ring" x={-3} y={-3} width={box.width + 6} height={box.height + 6} rx={9} />
        <Lamp tone={lamp} x={17} y={HEAD / 2 + 1} />
        <text className="name" x={29} y={HEAD / 2 + 5}>
          {node.id}
        </text>
        {node.reason && <title>{`${node.state}: ${node.reason}`}</title>}
      </g>
      <g transform={place} aria-hidden="true">
        <text className="kind" x={box.width - 11} y={HEAD / 2 + 5}>
          {node.state === "running" ? (node.kind === "router" ? "" : "host") : node.state}
        </text>
        {node.kind === "router" &&
          box.cards.map((card) => {
            const machine = node.cards.find((one) => one.slot === card.slot)?.machine;
            return (
              <g key={card.slot ?? "ports"} className={`card${machine?.state === "stopped" ? " card-bad" : ""}`}>
                <rect x={card.x} y={card.y} width={card.width} height={card.height} rx={3} />
                <text x={card.x + 11} y={card.y + card.height / 2 + 4}>
                  {card.slot ?? "–"}
                </text>
                <title>
                  {`Card ${card.slot ?? ""}${machine ? `, ${machine.name}, ${machine.state}${machine.reason ? `: ${machine.reason}` : ""}` : ""}`}
                </title>
              </g>
            );
          })}
      </g>
    </g>
  );
});

function Lamp({ tone: found, x, y }: { tone: string; x: number; y: number }) {
  const common = { className: `lamp-${found}` };
  if (found === "bad") return <path {...common} d={`M${x - 4} ${y - 4}l8 8m0 -8l-8 8`} strokeWidth={2.4} fill="none" />;
  if (found === "busy") return <circle {...common} cx={x} cy={y} r={4} strokeWidth={2.2} strokeDasharray="4 2.3" fill="none" />;
  if (found === "good") return <circle {...common} cx={x} cy={y} r={4.5} />;
  return <circle {...common} cx={x} cy={y} r={4} strokeWidth={2} fill="none" />;
}

export type Mark = "" | "selected" | "from" | "aim" | "end";

interface PortsProps {
  node: Node;
  at: Point;
  /** Ports with something special about them now: id and mark, joined, so that only a change draws anew. */
  marks: string;
  focused: string;
}

export const Ports = memo(function Ports({ node, at, marks, focused }: PortsProps) {
  const box = boxOf(node);
  const marked = new Map(marks ? marks.split(" ").map((one) => one.split("=", 2) as [string, string]) : []);
  return (
    <g className="ports" transform={`translate(${at.x} ${at.y})`}>
      {node.cards.flatMap((card, index) =>
        card.ports.map((port) => {
          const place = box.cards[index]?.ports.get(port.id);
          return place ? (
            <PortShape
              key={port.id}
              port={port}
              x={place.x}
              y={place.y}
              width={box.portWidth}
              mark={(marked.get(port.id) ?? "") as Mark}
              focused={focused === port.id}
            />
          ) : null;
        }),
      )}
    </g>
  );
});

interface PortShapeProps {
  port: Port;
  x: number;
  y: number;
  width: number;
  mark: Mark;
  focused: boolean;
}

function PortShape({ port, x, y, width, mark, focused }: PortShapeProps) {
  return (
    <g
      id={domId({ kind: "port", id: port.id })}
      data-port={port.id}
      className={`port look-${port.look}${port.peer ? " wired" : ""}${mark ? ` mark-${mark}` : ""}`}
      transform={`translate(${x} ${y})`}
      role="button"
      aria-label={spoken(port)}
      aria-pressed={mark === "selected" || mark === "from"}
      tabIndex={focused ? 0 : -1}
    >
      <title>{spoken(port)}</title>
      <rect className="jack" width={width} height={PORT.height} rx={3} />
      <Sign look={port.look} width={width} />
      <text x={width / 2} y={PORT.height / 2 + 3.6}>
        {port.short}
      </text>
    </g>
  );
}

/** The shape that says the same as the colour. */
export function Sign({ look, width }: { look: Port["look"]; width: number }) {
  const end = width - 3;
  if (look === "up") return <path className="sign" d={`M3 ${PORT.height - 3}H${end}`} />;
  if (look === "down")
    return <path className="sign" d={`M3 ${PORT.height - 3}H${width / 2 - 3}M${width / 2 + 3} ${PORT.height - 3}H${end}`} />;
  if (look === "bad") return <path className="sign" d={`M3 3L${end} ${PORT.height - 3}M${end} 3L3 ${PORT.height - 3}`} />;
  return null;
}

interface CableProps {
  wire: Wire;
  curve: Curve;
  selected: boolean;
  focused: boolean;
  pending: boolean;
  /** Bit/s toward the first end, and toward the second. */
  toFirst: number;
  toSecond: number;
  capturing: boolean;
}

export const Cable = memo(
  function Cable({ wire, curve, selected, focused, pending, toFirst, toSecond, capturing }: CableProps) {
    const total = toFirst + toSecond;
    const state = pending ? "being made" : wire.state;
    const how = spokenImpairment(wire);
    const words = `Wire ${wire.ends[0]} to ${wire.ends[1]}, ${state}${how && `, impaired: ${how}`}`;
    const flow = total >= 1 ? `${rate(toSecond)} / ${rate(toFirst)}` : "";
    return (
      <g
        id={domId({ kind: "wire", id: wire.id })}
        data-wire={wire.id}
        className={`cable cable-${pending ? "pending" : wire.state}${selected ? " selected" : ""}${how && " impaired"}`}
        role="button"
        aria-label={flow ? `${words}, ${flow} bit/s` : words}
        aria-pressed={selected}
        tabIndex={focused ? 0 : -1}
      >
        <title>{flow ? `${words}\n${flow} bit/s (right / back)` : words}</title>
        <path className="halo" d={curve.path} />
        <path
          className="line"
          d={curve.path}
          style={{ strokeWidth: 1.8 + Math.min(2.6, total > 0 ? Math.log10(1 + total / 1000) * 0.6 : 0) }}
        />
        <path className="grip" d={curve.path} />
        {wire.state === "down" && !pending && (
          <path className="cut" d={`M${curve.middle.x - 5} ${curve.middle.y - 5}l10 10m0 -10l-10 10`} />
        )}
        {capturing && <circle className="record" cx={curve.middle.x} cy={curve.middle.y + (flow ? 14 : 0)} r={5} />}
        {flow && (
          <g className="flow" transform={`translate(${curve.middle.x} ${curve.middle.y})`}>
            <rect x={-flow.length * 3.1 - 5} y={-8} width={flow.length * 6.2 + 10} height={16} rx={8} />
            <text y={3.8}>{flow}</text>
          </g>
        )}
      </g>
    );
  },
  (a, b) =>
    a.curve.path === b.curve.path &&
    a.wire.state === b.wire.state &&
    a.wire.id === b.wire.id &&
    spokenImpairment(a.wire) === spokenImpairment(b.wire) &&
    a.selected === b.selected &&
    a.focused === b.focused &&
    a.pending === b.pending &&
    a.toFirst === b.toFirst &&
    a.toSecond === b.toSecond &&
    a.capturing === b.capturing,
);

/** What the shapes and colours of ports mean. */
export function Legend() {
  return (
    <ul className="legend" aria-label="What the ports' looks mean">
      {(Object.keys(LOOKS) as Port["look"][]).map((look) => (
        <li key={look}>
          <svg width={26} height={PORT.height + 2} viewBox={`-1 -1 26 ${PORT.height + 2}`} aria-hidden="true">
            <g className={`port look-${look}`}>
              <rect className="jack" width={PORT.width} height={PORT.height} rx={3} />
              <Sign look={look} width={PORT.width} />
            </g>
          </svg>
          {LOOKS[look]}
        </li>
      ))}
    </ul>
  );
}
