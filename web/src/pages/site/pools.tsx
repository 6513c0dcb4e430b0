/** What labs share: pools of numbers, and the servers that do the work. */
import { all, api, ok, type Schemas } from "../../api/client";
import { useReading } from "../../api/reading";
import { Read } from "../../parts/problem";
import { State } from "../../parts/state";
import { type Column, Table } from "../../parts/table";
import { Time } from "../../parts/time";
import { Link } from "../../routing";

type Pool = Schemas["Pool"];
type Host = Schemas["Host"];

const POOLS: Column<Pool>[] = [
  { key: "name", title: "Pool", sort: (pool) => pool.name, cell: (pool) => `${pool.name} ports` },
  {
    key: "range",
    title: "Numbers",
    cell: (pool) => (
      <span className="mono">
        {pool.first} – {pool.last}
      </span>
    ),
  },
  {
    key: "taken",
    title: "Taken",
    sort: (pool) => pool.taken,
    cell: (pool) => {
      const most = pool.last - pool.first + 1;
      return (
        <div className="taken">
          {pool.taken} of {most}
          <div className={`meter${pool.taken > 0.9 * most ? " meter-full" : ""}`} aria-hidden="true">
            <span style={{ width: `${(pool.taken / most) * 100}%` }} />
          </div>
        </div>
      );
    },
  },
  {
    key: "labs",
    title: "By lab",
    cell: (pool) =>
      Object.entries(pool.labs).map(([lab, number], at) => (
        <span key={lab}>
          {at > 0 && ", "}
          <Link to={`/labs/${lab}`}>{lab}</Link> {number}
        </span>
      )),
  },
];

const HOSTS: Column<Host>[] = [
  {
    key: "name",
    title: "Server",
    sort: (host) => host.name,
    cell: (host) => (
      <>
        {host.name} {host.this && <span className="tag">this one</span>}
      </>
    ),
  },
  { key: "state", title: "State", cell: (host) => <State state={host.alive ? "running" : "stopped"} /> },
  { key: "host", title: "Machine", sort: (host) => host.host, cell: (host) => host.host },
  { key: "pid", title: "Process", numeric: true, cell: (host) => host.pid },
  { key: "started", title: "Since", sort: (host) => host.started, cell: (host) => <Time at={host.started} /> },
  { key: "seen", title: "Last heard", sort: (host) => host.seen, cell: (host) => <Time at={host.seen} relative /> },
];

export function Pools() {
  const pools = useReading(
    "pools",
    () => all((after) => ok(api.GET("/pools", { params: { query: { limit: 1000, after } } }))),
    (event) => event.kind === "lab",
  );
  const hosts = useReading("hosts", () => all((after) => ok(api.GET("/hosts", { params: { query: { limit: 1000, after } } }))));
  return (
    <>
      <Read from={pools}>
        {(rows) => (
          <Table caption="Pools" rows={rows} columns={POOLS} id={(pool) => pool.name} first="name" empty="There are none." />
        )}
      </Read>
      <div className="toolbar section">
        <h2>Servers</h2>
      </div>
      <Read from={hosts}>
        {(rows) => <Table caption="Servers" rows={rows} columns={HOSTS} id={(host) => host.name} first="name" empty="None." />}
      </Read>
    </>
  );
}
