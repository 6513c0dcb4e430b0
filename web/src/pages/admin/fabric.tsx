/** The nodes behind this web address: what each does and how it is, and the alarms that stand. One server is a node, too. */
import { type ReactNode, useEffect } from "react";
import { api, ok, type Schemas } from "../../api/client";
import { type Reading, useReading } from "../../api/reading";
import { toast, toastProblem } from "../../layout/toasts";
import { count } from "../../parts/amounts";
import { Read, Spoken } from "../../parts/problem";
import { State } from "../../parts/state";
import { type Column, Table } from "../../parts/table";
import { Time } from "../../parts/time";

type Found = Schemas["Fabric"];
type Node = Schemas["FabricNode"];
type Alarm = Schemas["FabricAlarm"];

const EVERY = 5000;
/** Milliseconds between two looks: no event tells of nodes. */
const WORST = ["critical", "major", "minor", "warning"];
const DAY = 86400;

export function Fabric() {
  const found = useReading("fabric", () => ok(api.GET("/fabric")));
  const { reread } = found;
  useEffect(() => {
    const timer = window.setInterval(() => void reread(), EVERY);
    return () => window.clearInterval(timer);
  }, [reread]);
  return (
    <Read from={found}>
      {(fabric) => (
        <>
          <Whole fabric={fabric} />
          <h2>Alarms</h2>
          <Alarms fabric={fabric} found={found} />
          <h2>Nodes</h2>
          <Table caption="Nodes" rows={fabric.nodes} columns={nodeColumns(fabric)} id={(node) => node.id} empty="No nodes." />
        </>
      )}
    </Read>
  );
}

function Whole({ fabric }: { fabric: Found }) {
  const called = (id: string) => fabric.nodes.find((node) => node.id === id)?.name ?? "none";
  if (fabric.embedded)
    return (
      <p className="facts spaced">
        <span>
          <b>{fabric.name}</b> is one server on {fabric.database === "sqlite" ? "SQLite" : "PostgreSQL"}, no fabric
        </span>
      </p>
    );
  return (
    <div className="facts spaced">
      <span>
        fabric <b>{fabric.name}</b>
      </span>
      <span>{count(fabric.nodes.length, "node")}</span>
      <span>
        web address <b>{fabric.virtual_address || "none"}</b>
        {fabric.virtual_address && ` at ${called(fabric.holder)}`}
      </span>
      <span>
        primary database <b>{called(fabric.primary)}</b>
      </span>
      <span>
        decides <b>{called(fabric.decider)}</b>
      </span>
    </div>
  );
}

function nodeColumns(fabric: Found): Column<Node>[] {
  return [
    { key: "name", title: "Node", sort: (node) => node.name, cell: (node) => <b>{node.name}</b> },
    {
      key: "life",
      title: "State",
      sort: (node) => node.life,
      cell: (node) => (
        <>
          <State state={node.maintenance ? "maintenance" : node.life} />
          {node.life !== "alive" && node.why && <div className="hint">{node.why}</div>}
        </>
      ),
    },
    {
      key: "beat",
      title: "Heartbeat",
      numeric: true,
      sort: (node) => node.heartbeat_age ?? Number.MAX_VALUE,
      cell: (node) => known(node.heartbeat_age, (age) => `${age.toFixed(0)} s ago`),
    },
    {
      key: "functions",
      title: "Functions",
      cell: (node) => [...node.functions, ...(node.id === fabric.holder ? ["holds the address"] : [])].join(", "),
    },
    {
      key: "database",
      title: "Database",
      sort: (node) => node.database ?? "",
      cell: (node) => (node.database ?? "") + (node.lag ? ` (${(node.lag / 2 ** 20).toFixed(1)} MiB behind)` : ""),
    },
    {
      key: "etcd",
      title: "Vote",
      cell: (node) => known(node.etcd, (well) => (well ? (node.etcd_leader ? "leads" : "votes") : "down")),
    },
    { key: "cpu", title: "CPU", numeric: true, sort: (node) => node.cpu ?? -1, cell: (node) => percent(node.cpu) },
    {
      key: "memory",
      title: "Memory",
      numeric: true,
      sort: (node) => used(node) ?? -1,
      cell: (node) => percent(used(node)),
    },
    { key: "disk", title: "Disk", numeric: true, sort: (node) => node.disk ?? -1, cell: (node) => percent(node.disk) },
    {
      key: "clock",
      title: "Clock",
      numeric: true,
      cell: (node) => known(node.clock_offset, (offset) => `${(offset * 1000).toFixed(1)} ms`),
    },
    {
      key: "certificate",
      title: "Certificate",
      numeric: true,
      cell: (node) => known(node.certificate_until, (until) => `${((until - Date.now() / 1000) / DAY).toFixed(0)} days`),
    },
    {
      key: "release",
      title: "Release",
      sort: (node) => node.release,
      cell: (node) => (
        <>
          {node.release}
          {node.engines_down.length > 0 && <div className="bad">down: {node.engines_down.join(", ")}</div>}
        </>
      ),
    },
  ];
}

function used(node: Node): number | null {
  return node.memory && node.memory_used !== null ? (100 * node.memory_used) / node.memory : null;
}

function percent(value: number | null) {
  return known(value, (found) => <span className={found >= 80 ? "bad" : ""}>{found.toFixed(0)} %</span>);
}

function known<T>(value: T | null, shown: (value: T) => ReactNode) {
  return value === null ? <span className="muted">–</span> : shown(value);
}

function Alarms({ fabric, found }: { fabric: Found; found: Reading<Found> }) {
  async function acknowledge(alarm: Alarm): Promise<void> {
    try {
      await ok(api.POST("/fabric/alarms/acknowledge", { body: { key: alarm.key } }));
      toast("good", `${alarm.name} is yours.`);
      await found.reread();
    } catch (error) {
      toastProblem(error);
    }
  }

  const columns: Column<Alarm>[] = [
    {
      key: "severity",
      title: "Severity",
      sort: (alarm) => WORST.indexOf(alarm.severity),
      cell: (alarm) => <span className={WORST.indexOf(alarm.severity) < 2 ? "bad" : ""}>{alarm.severity}</span>,
    },
    {
      key: "cause",
      title: "Cause",
      cell: (alarm) => (
        <>
          {alarm.cause}
          <div className="hint">
            <Spoken text={alarm.hint} />
          </div>
        </>
      ),
    },
    {
      key: "node",
      title: "Node",
      sort: (alarm) => alarm.node,
      cell: (alarm) => fabric.nodes.find((node) => node.id === alarm.node)?.name ?? alarm.node,
    },
    { key: "since", title: "Since", sort: (alarm) => alarm.since, cell: (alarm) => <Time at={alarm.since} /> },
    {
      key: "taken",
      title: "Taken care of",
      sort: (alarm) => alarm.acknowledged_by,
      cell: (alarm) =>
        alarm.acknowledged_at === null ? (
          <button type="button" className="small" aria-label={`Acknowledge ${alarm.key}`} onClick={() => void acknowledge(alarm)}>
            Acknowledge
          </button>
        ) : (
          <>
            by {alarm.acknowledged_by}, <Time at={alarm.acknowledged_at} />
          </>
        ),
    },
  ];
  return (
    <Table
      caption="Alarms"
      rows={fabric.alarms}
      columns={columns}
      id={(alarm) => alarm.key}
      first="severity"
      empty="No alarms."
    />
  );
}
