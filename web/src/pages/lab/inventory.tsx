/** What the routers really are, as read from them, beside what was planned: chassis, cards, ports. */
import { all, api, ok, type Schemas } from "../../api/client";
import { useReading } from "../../api/reading";
import type { Lab, LabPart } from "../../lab/part";
import { count, memory, rate } from "../../parts/amounts";
import { Read } from "../../parts/problem";
import { State } from "../../parts/state";
import { Time } from "../../parts/time";
import { Link } from "../../routing";

type Inventory = Schemas["RouterInventory"];
type LabPort = Lab["ports"][number];
type LabMachine = Lab["machines"][number];

export function InventoryTree({ lab }: LabPart) {
  const name = lab.name;
  const found = useReading(
    `inventory ${name}`,
    () => all((after) => ok(api.GET("/labs/{name}/inventory", { params: { path: { name }, query: { limit: 1000, after } } }))),
    (event) => event.kind === "job" && event.data.lab === name,
  );
  return (
    <Read from={found}>
      {(inventories) => (
        <div className="tree">
          {lab.routers.map((router) => (
            <Router
              key={router.name}
              lab={lab}
              router={router}
              inventory={inventories.find((one) => one.router === router.name)}
            />
          ))}
          <Hosts lab={lab} />
        </div>
      )}
    </Read>
  );
}

function Router({ lab, router, inventory }: { lab: Lab; router: Lab["routers"][number]; inventory: Inventory | undefined }) {
  const machines = lab.machines.filter((machine) => machine.owner === router.name);
  const ports = lab.ports.filter((port) => port.owner === router.name);
  const controller = machines.find((machine) => machine.role === "controller");
  return (
    <details className="panel" open>
      <summary>
        <h2>{router.name}</h2>
        <span className="muted">
          {[router.chassis || router.family, router.serial && `serial ${router.serial}`].filter(Boolean).join(", ")}
        </span>
      </summary>
      <div className="panel-body">
        <dl className="pairs">
          <dt>System</dt>
          <dd>{inventory?.system_description || router.system || <span className="muted">not read yet</span>}</dd>
          {inventory && inventory.system_name !== router.name && (
            <>
              <dt>Name it gives itself</dt>
              <dd>{inventory.system_name}</dd>
            </>
          )}
          <dt>Management</dt>
          <dd className="mono">
            {router.management.address ?? "forwarded"}{" "}
            <span className="muted">
              {Object.entries(router.management.services)
                .map(([service, at]) => `${service} ${at}`)
                .join("  ")}
            </span>
          </dd>
          {inventory && (
            <>
              <dt>Read at</dt>
              <dd>
                <Time at={inventory.taken} seconds />
              </dd>
            </>
          )}
        </dl>
        {controller && (
          <div className="machine-row">
            <MachineLine machine={controller} title="Controller" />
            <ConsoleLink lab={lab} machine={controller} />
          </div>
        )}
        {router.slots.map((slot) => {
          const machine = machines.find((one) => one.role === "card" && one.slot === slot.slot);
          return (
            <details key={slot.slot} className="card" open>
              <summary>
                {machine ? (
                  <MachineLine machine={machine} title={`Card ${slot.slot}`} detail={cardText(inventory, slot.slot)} />
                ) : (
                  <span className="machine-line">
                    <strong>Card {slot.slot}</strong>
                    <State state={slot.state} reason={slot.reason} />
                    <span className="muted">{cardText(inventory, slot.slot)}</span>
                  </span>
                )}
              </summary>
              <Ports
                card={`card ${slot.slot} of ${router.name}`}
                ports={ports.filter((port) => slotOf(port) === slot.slot)}
                inventory={inventory}
              />
              {machine && (
                <p className="card-foot">
                  <ConsoleLink lab={lab} machine={machine} />
                </p>
              )}
            </details>
          );
        })}
      </div>
    </details>
  );
}

/** The slot in a port's name, as in ge-2/0/0. */
function slotOf(port: LabPort): number | null {
  const found = /-(\d+)\//.exec(port.name.slice(port.owner.length + 1));
  return found ? Number(found[1]) : null;
}

function cardText(inventory: Inventory | undefined, slot: number | null): string {
  const card = inventory?.cards.find((one) => one.slot === slot);
  return card ? [card.description, card.serial && `serial ${card.serial}`].filter(Boolean).join(", ") : "";
}

function Hosts({ lab }: { lab: Lab }) {
  const hosts = lab.machines.filter((machine) => machine.role === "host");
  if (hosts.length === 0) return null;
  return (
    <details className="panel" open>
      <summary>
        <h2>Hosts</h2>
        <span className="muted">{count(hosts.length, "machine")}</span>
      </summary>
      <div className="panel-body">
        {hosts.map((host) => (
          <div key={host.name} className="card">
            <div className="machine-row">
              <MachineLine machine={host} title="Host" />
              <ConsoleLink lab={lab} machine={host} />
            </div>
            <Ports card={host.name} ports={lab.ports.filter((port) => port.machine === host.name)} inventory={undefined} />
          </div>
        ))}
      </div>
    </details>
  );
}

function MachineLine({ machine, title, detail = "" }: { machine: LabMachine; title: string; detail?: string }) {
  return (
    <span className="machine-line">
      <strong>{title}</strong>
      <span className="mono">{machine.name}</span>
      <State state={machine.state} reason={machine.reason} />
      <span className="muted">{[memory(machine.memory), detail].filter(Boolean).join(", ")}</span>
    </span>
  );
}

function ConsoleLink({ lab, machine }: { lab: Lab; machine: LabMachine }) {
  return (
    <Link to={`/labs/${lab.name}/consoles/${machine.name}`} className="button small" aria-label={`Console of ${machine.name}`}>
      Console
    </Link>
  );
}

function Ports({ card, ports, inventory }: { card: string; ports: LabPort[]; inventory: Inventory | undefined }) {
  if (ports.length === 0) return <p className="hint">It has no ports.</p>;
  return (
    <section className="table-scroll" aria-label={`Ports of ${card}`} tabIndex={0}>
      <table className="ports">
        <thead>
          <tr>
            <th scope="col">Port</th>
            <th scope="col">State</th>
            <th scope="col">MAC</th>
            <th scope="col">Wired to</th>
            <th scope="col" className="number">
              Speed
            </th>
            <th scope="col" className="number">
              MTU
            </th>
            <th scope="col">Addresses</th>
            <th scope="col">Description</th>
          </tr>
        </thead>
        <tbody>
          {ports.map((port) => {
            const label = port.name.slice(port.owner.length + 1);
            const seen = inventory?.ports.find((one) => one.name === label);
            const other = port.mac !== null && port.mac !== port.planned_mac;
            return (
              <tr key={port.name}>
                <th scope="row" className="mono">
                  {label}
                </th>
                <td>
                  <State state={port.up ? "up" : port.ready ? "ready, no carrier" : "not seen"} />
                </td>
                <td className="mono">
                  {port.mac ?? <span className="muted">{port.planned_mac} planned</span>}
                  {other && <div className="muted">planned {port.planned_mac}</div>}
                </td>
                <td className="mono">{port.peer ?? <span className="muted">–</span>}</td>
                <td className="number">{port.speed ? rate(port.speed) : ""}</td>
                <td className="number">{port.mtu ?? ""}</td>
                <td className="mono">{port.addresses.join(", ")}</td>
                <td>{seen?.description}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </section>
  );
}
