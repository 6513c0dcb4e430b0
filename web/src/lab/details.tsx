/** What is selected in the picture: what is known of it, and what can be done with it. */
import type { ReactNode } from "react";
import { bytes, count, memory } from "../parts/amounts";
import { State } from "../parts/state";
import { Time } from "../parts/time";
import { Link } from "../routing";
import { type Capture, dropCapture, saveCapture, startCapture, stopCapture, useCapture } from "./captures";
import { Legend } from "./chassis";
import { IMPAIRMENTS } from "./impairments";
import { LOOKS, type LabMachine, type Node, type Picture, type Port, type Wire } from "./model";
import type { Spot } from "./moving";
import type { Lab } from "./part";
import { bits, type Rates } from "./traffic";

export type Ask = "restart" | "command" | "configuration" | "logins";

interface DetailsProps {
  lab: Lab;
  picture: Picture;
  selected: Spot | null;
  rates: Rates;
  mayUse: boolean;
  onSelect: (spot: Spot | null) => void;
  onAsk: (what: Ask, node: Node, machine?: string) => void;
  onWire: (port: string) => void;
  onDisconnect: (wire: Wire) => void;
  onLink: (wire: Wire) => void;
  onImpair: (wire: Wire) => void;
}

export function Details(props: DetailsProps) {
  const { picture, selected } = props;
  const node = selected?.kind === "node" ? picture.byId.get(selected.id) : undefined;
  const port = selected?.kind === "port" ? picture.ports.get(selected.id) : undefined;
  const wire = selected?.kind === "wire" ? picture.wires.find((one) => one.id === selected.id) : undefined;
  return (
    <aside className="details panel" aria-label="Details of what is selected">
      {node ? (
        <NodeDetails {...props} node={node} />
      ) : port ? (
        <PortDetails {...props} port={port} />
      ) : wire ? (
        <WireDetails {...props} wire={wire} />
      ) : (
        <Nothing {...props} />
      )}
    </aside>
  );
}

function Head({ title, children, onClose }: { title: string; children?: ReactNode; onClose: () => void }) {
  return (
    <div className="panel-head">
      <div>
        <h2>{title}</h2>
        {children}
      </div>
      <button type="button" className="quiet icon" aria-label="Select nothing" onClick={onClose}>
        ×
      </button>
    </div>
  );
}

function Facts({ rows }: { rows: readonly (readonly [string, ReactNode])[] }) {
  return (
    <dl className="facts-list">
      {rows
        .filter(([, value]) => value !== "" && value !== null && value !== undefined)
        .map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
    </dl>
  );
}

function NodeDetails({ lab, node, mayUse, onSelect, onAsk }: DetailsProps & { node: Node }) {
  const mine = lab.machines.filter((machine) => machine.owner === node.id);
  const addresses = node.cards.flatMap((card) => card.ports).filter((port) => (port.given.addresses ?? []).length > 0);
  const { router } = node;
  return (
    <>
      <Head title={node.id} onClose={() => onSelect(null)}>
        <State state={node.state} reason={node.reason} />
      </Head>
      <div className="panel-body">
        {node.reason && <p className="hint">{node.reason}</p>}
        <div className="deeds">
          {node.machine && (
            <Link className="button primary" to={`/labs/${lab.name}/consoles/${node.machine.name}`}>
              Console
            </Link>
          )}
          {router && mayUse && (
            <>
              <Link className="button" to={`/labs/${lab.name}/consoles/ssh:${node.id}`}>
                SSH
              </Link>
              <button type="button" onClick={() => onAsk("configuration", node)}>
                Configuration…
              </button>
            </>
          )}
          {mayUse && (
            <button type="button" onClick={() => onAsk("command", node)}>
              Run a command…
            </button>
          )}
          {router && mayUse && (
            <button type="button" onClick={() => onAsk("logins", node)}>
              Logins…
            </button>
          )}
        </div>
        {router && (
          <Facts
            rows={[
              ["Family", router.family],
              ["System", router.system],
              ["Chassis", router.chassis],
              ["Serial", router.serial],
              ["Cards", `${router.cards} of ${count(router.ports_per_card, "port")}`],
              ["fxp0", router.management.address],
              ...Object.entries(router.management.services).map(
                ([name, at]) => [name.toUpperCase(), <code key={name}>{at}</code>] as const,
              ),
            ]}
          />
        )}
        {addresses.length > 0 && (
          <>
            <h3>Addresses</h3>
            <Facts rows={addresses.map((port) => [port.label, (port.given.addresses ?? []).join(" ")] as const)} />
          </>
        )}
        <h3>{mine.length === 1 ? "Machine" : "Machines"}</h3>
        <ul className="machines">
          {mine.map((machine) => (
            <MachineLine
              key={machine.name}
              lab={lab}
              machine={machine}
              mayUse={mayUse}
              onRestart={() => onAsk("restart", node, machine.name)}
            />
          ))}
        </ul>
      </div>
    </>
  );
}

interface MachineLineProps {
  lab: Lab;
  machine: LabMachine;
  mayUse: boolean;
  onRestart: () => void;
}

function MachineLine({ lab, machine, mayUse, onRestart }: MachineLineProps) {
  return (
    <li>
      <div>
        <Link to={`/labs/${lab.name}/consoles/${machine.name}`} title={`Console of ${machine.name}`}>
          {machine.name}
        </Link>{" "}
        <span className="hint">
          {machine.slot === null ? machine.role : `card ${machine.slot}`}, {memory(machine.memory)}
        </span>
      </div>
      <div className="machine-state">
        <State state={machine.state} reason={machine.reason} />
        <span className="hint">
          <Time at={machine.since} relative />
        </span>
        {mayUse && (
          <button type="button" className="small" aria-label={`Restart ${machine.name}`} onClick={onRestart}>
            Restart
          </button>
        )}
      </div>
    </li>
  );
}

function PortDetails({ lab, picture, port, rates, mayUse, onSelect, onWire, ...rest }: DetailsProps & { port: Port }) {
  const wire = picture.wires.find((one) => one.ends.includes(port.id));
  const { given } = port;
  const flow = rates.get(port.id);
  return (
    <>
      <Head title={port.id} onClose={() => onSelect(null)}>
        <span className={`look-word look-${port.look}`}>{LOOKS[port.look]}</span>
      </Head>
      <div className="panel-body">
        {port.why && <p className="hint">{port.why}</p>}
        {mayUse && !port.peer && (
          <div className="deeds">
            <button type="button" className="primary" onClick={() => onWire(port.id)}>
              Wire with…
            </button>
          </div>
        )}
        <Facts
          rows={[
            ["Addresses", (given.addresses ?? []).join(" ")],
            ["MAC", given.mac ?? `${given.planned_mac} (planned)`],
            ["Speed", given.speed ? bits(given.speed) : ""],
            ["MTU", given.mtu ?? ""],
            ["Machine", `${given.machine}, NIC ${given.nic}`],
            ...flowRows(flow),
          ]}
        />
        {wire && (
          <>
            <h3>Wire to {port.peer}</h3>
            <Facts rows={impairmentRows(wire)} />
            <WireDeeds {...{ lab, wire, mayUse }} {...rest} />
          </>
        )}
        <Capturing lab={lab.name} end={port.id} mayUse={mayUse} />
      </div>
    </>
  );
}

function flowRows(flow: ReturnType<Rates["get"]>): (readonly [string, ReactNode])[] {
  if (!flow) return [];
  return [
    ["In", `${bits(flow.inBits)}, ${count(Math.round(flow.inPackets), "packet")}/s, ${bytes(flow.inOctets)} so far`],
    ["Out", `${bits(flow.outBits)}, ${count(Math.round(flow.outPackets), "packet")}/s, ${bytes(flow.outOctets)} so far`],
  ];
}

function impairmentRows(wire: Wire): (readonly [string, ReactNode])[] {
  return IMPAIRMENTS.map(({ key, title }) => [title, wire.impairment[key] ?? ""] as const);
}

function WireDetails({ lab, wire, rates, mayUse, onSelect, ...rest }: DetailsProps & { wire: Wire }) {
  return (
    <>
      <Head title={`${wire.ends[0]} — ${wire.ends[1]}`} onClose={() => onSelect(null)}>
        <State state={wire.state} />{" "}
        <span className="hint">
          <Time at={wire.since} relative />
        </span>
      </Head>
      <div className="panel-body">
        {wire.note && <p className="hint">{wire.note}</p>}
        <Facts rows={impairmentRows(wire)} />
        <WireDeeds {...{ lab, wire, mayUse }} {...rest} />
        {wire.ends.map((end) => (
          <section key={end}>
            <h3>
              <button type="button" className="quiet small" onClick={() => onSelect({ kind: "port", id: end })}>
                {end}
              </button>
            </h3>
            <Facts rows={flowRows(rates.get(end))} />
            <Capturing lab={lab.name} end={end} mayUse={mayUse} />
          </section>
        ))}
      </div>
    </>
  );
}

type WireDeedsProps = Pick<DetailsProps, "mayUse" | "onDisconnect" | "onLink" | "onImpair"> & { wire: Wire };

function WireDeeds({ wire, mayUse, onDisconnect, onLink, onImpair }: WireDeedsProps) {
  if (!mayUse) return null;
  return (
    <div className="deeds">
      <button type="button" onClick={() => onLink(wire)}>
        {wire.state === "down" ? "Link up" : "Link down"}
      </button>
      <button type="button" onClick={() => onImpair(wire)}>
        Impair…
      </button>
      <button type="button" onClick={() => onDisconnect(wire)}>
        Disconnect…
      </button>
    </div>
  );
}

function Capturing({ lab, end, mayUse }: { lab: string; end: string; mayUse: boolean }) {
  const found = useCapture(lab, end);
  if (!mayUse) return null;
  return (
    <div className="capture">
      <div className="deeds">
        {found?.running ? (
          <button type="button" onClick={() => stopCapture(lab, end)}>
            Stop the capture
          </button>
        ) : (
          <button type="button" onClick={() => void startCapture(lab, end)}>
            {found ? "Capture anew" : "Capture"}
          </button>
        )}
        {found && found.bytes > 0 && (
          <button type="button" className={found.running ? "" : "primary"} onClick={() => saveCapture(lab, end)}>
            Save as pcap
          </button>
        )}
        {found && !found.running && (
          <button type="button" className="quiet" onClick={() => dropCapture(lab, end)}>
            Forget
          </button>
        )}
      </div>
      {found && <CaptureState found={found} />}
    </div>
  );
}

export function CaptureState({ found }: { found: Capture }) {
  return (
    <p className="hint" role="status">
      {found.problem
        ? `${found.problem.message} ${found.problem.hint}`
        : `${found.running ? "Capturing: " : ""}${count(found.frames, "frame")}, ${bytes(found.bytes)}`}
    </p>
  );
}

function Nothing({ lab, picture }: DetailsProps) {
  const up = [...picture.ports.values()].filter((port) => port.look === "up").length;
  return (
    <>
      <div className="panel-head">
        <h2>{lab.name}</h2>
      </div>
      <div className="panel-body">
        {lab.note && <p className="note note-wait">{lab.note}</p>}
        <Facts
          rows={[
            ["Routers", picture.nodes.filter((node) => node.kind === "router").length],
            ["Hosts", picture.nodes.filter((node) => node.kind === "host").length || ""],
            ["Machines", `${lab.machines.filter((machine) => machine.running).length} of ${lab.machines.length} run`],
            ["Ports", `${up} of ${picture.ports.size} up`],
            ["Wires", picture.wires.length],
            ["Memory", memory(lab.memory)],
            ["Provider", lab.provider],
          ]}
        />
        <h3>Ports</h3>
        <Legend />
        <h3>Keys</h3>
        <Keys />
      </div>
    </>
  );
}

const KEYS: readonly (readonly [string, string])[] = [
  ["Arrows", "to the next router, port or wire"],
  ["Enter", "select, and go into the ports"],
  ["Esc", "out again"],
  ["Shift + arrows", "move the router"],
  ["w", "on a port: wire it"],
  ["l", "on a port: go to its wire"],
  ["d / i / Del", "on a wire: link down or up / impair / disconnect"],
  ["+ − 0", "zoom, show all"],
];

function Keys() {
  return (
    <dl className="keys" id="diagram-keys">
      {KEYS.map(([key, what]) => (
        <div key={key}>
          <dt>
            <kbd>{key}</kbd>
          </dt>
          <dd>{what}</dd>
        </div>
      ))}
    </dl>
  );
}
