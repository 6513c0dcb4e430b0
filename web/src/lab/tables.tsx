/** The same as the picture in tables. */
import { State } from "../parts/state";
import { Table } from "../parts/table";
import { Time } from "../parts/time";
import { Link } from "../routing";
import { LOOKS, type Node, type Picture, type Port, spokenImpairment, type Wire } from "./model";
import type { Spot } from "./moving";
import type { Lab } from "./part";
import { bits, type Rates } from "./traffic";

interface TablesProps {
  lab: Lab;
  picture: Picture;
  rates: Rates;
  mayUse: boolean;
  onSelect: (spot: Spot) => void;
  onWire: (port: string) => void;
  onDisconnect: (wire: Wire) => void;
  onLink: (wire: Wire) => void;
  onImpair: (wire: Wire) => void;
}

export function Tables(props: TablesProps) {
  return (
    <div className="lab-tables">
      <section>
        <h2>Routers and hosts</h2>
        <Nodes {...props} />
      </section>
      <section>
        <h2>Wires</h2>
        <Wires {...props} />
      </section>
      <section>
        <h2>Ports</h2>
        <PortTable {...props} />
      </section>
    </div>
  );
}

function Pick({ spot, onSelect }: { spot: Spot; onSelect: (spot: Spot) => void }) {
  return (
    <button type="button" className="link" onClick={() => onSelect(spot)}>
      {spot.id}
    </button>
  );
}

function Nodes({ lab, picture, onSelect }: TablesProps) {
  return (
    <Table<Node>
      caption="Routers and hosts"
      rows={picture.nodes}
      id={(node) => node.id}
      first="name"
      empty="There are none yet."
      columns={[
        {
          key: "name",
          title: "Name",
          cell: (node) => <Pick spot={{ kind: "node", id: node.id }} onSelect={onSelect} />,
          sort: (node) => node.id,
        },
        { key: "kind", title: "Kind", cell: (node) => node.kind, sort: (node) => node.kind },
        {
          key: "state",
          title: "State",
          cell: (node) => <State state={node.state} reason={node.reason} />,
          sort: (node) => node.state,
        },
        { key: "chassis", title: "Chassis", cell: (node) => node.router?.chassis ?? "" },
        { key: "cards", title: "Cards", cell: (node) => (node.router ? node.cards.length : ""), numeric: true },
        {
          key: "ports",
          title: "Ports up",
          numeric: true,
          cell: (node) => {
            const ports = node.cards.flatMap((card) => card.ports);
            return `${ports.filter((port) => port.look === "up").length} of ${ports.length}`;
          },
        },
        {
          key: "console",
          title: "Console",
          hidden: true,
          cell: (node) => node.machine && <Link to={`/labs/${lab.name}/consoles/${node.machine.name}`}>Console</Link>,
        },
      ]}
    />
  );
}

function PortTable({ picture, rates, mayUse, onSelect, onWire }: TablesProps) {
  return (
    <Table<Port>
      caption="Ports"
      rows={[...picture.ports.values()]}
      id={(port) => port.id}
      first="name"
      empty="There are none yet."
      columns={[
        {
          key: "name",
          title: "Port",
          cell: (port) => <Pick spot={{ kind: "port", id: port.id }} onSelect={onSelect} />,
          sort: (port) => port.id,
        },
        {
          key: "state",
          title: "State",
          cell: (port) => <span className={`look-word look-${port.look}`}>{LOOKS[port.look]}</span>,
          sort: (port) => port.look,
        },
        { key: "peer", title: "Wired to", cell: (port) => port.peer ?? "", sort: (port) => port.peer ?? "" },
        { key: "addresses", title: "Addresses", cell: (port) => (port.given.addresses ?? []).join(" ") },
        { key: "mac", title: "MAC", cell: (port) => <code>{port.given.mac ?? ""}</code> },
        {
          key: "in",
          title: "In",
          numeric: true,
          cell: (port) => flow(rates.get(port.id)?.inBits),
          sort: (port) => rates.get(port.id)?.inBits ?? 0,
        },
        {
          key: "out",
          title: "Out",
          numeric: true,
          cell: (port) => flow(rates.get(port.id)?.outBits),
          sort: (port) => rates.get(port.id)?.outBits ?? 0,
        },
        {
          key: "do",
          title: "What can be done",
          hidden: true,
          cell: (port) =>
            mayUse &&
            !port.peer && (
              <button type="button" className="small" aria-label={`Wire ${port.id}`} onClick={() => onWire(port.id)}>
                Wire…
              </button>
            ),
        },
      ]}
    />
  );
}

function flow(amount: number | undefined): string {
  return amount ? bits(amount) : "";
}

function Wires({ picture, mayUse, onSelect, onDisconnect, onLink, onImpair }: TablesProps) {
  return (
    <Table<Wire>
      caption="Wires"
      rows={picture.wires}
      id={(wire) => wire.id}
      first="a"
      empty="Nothing is wired."
      columns={[
        {
          key: "a",
          title: "From",
          cell: (wire) => <Pick spot={{ kind: "port", id: wire.ends[0] }} onSelect={onSelect} />,
          sort: (wire) => wire.ends[0],
        },
        {
          key: "b",
          title: "To",
          cell: (wire) => <Pick spot={{ kind: "port", id: wire.ends[1] }} onSelect={onSelect} />,
          sort: (wire) => wire.ends[1],
        },
        { key: "state", title: "State", cell: (wire) => <State state={wire.state} />, sort: (wire) => wire.state },
        { key: "impairment", title: "Impairment", cell: spokenImpairment, sort: spokenImpairment },
        { key: "since", title: "Since", cell: (wire) => <Time at={wire.since} relative />, sort: (wire) => wire.since },
        {
          key: "do",
          title: "What can be done",
          hidden: true,
          cell: (wire) =>
            mayUse && (
              <div className="row-actions">
                <button type="button" className="small" onClick={() => onLink(wire)}>
                  {wire.state === "down" ? "Link up" : "Link down"}
                </button>
                <button type="button" className="small" onClick={() => onImpair(wire)}>
                  Impair…
                </button>
                <button type="button" className="small" onClick={() => onDisconnect(wire)}>
                  Disconnect…
                </button>
              </div>
            ),
        },
      ]}
    />
  );
}
