/** Who did what with a lab, and why, newest first. */
import { all, api, ok, type Schemas } from "../../api/client";
import { useReading } from "../../api/reading";
import { Read } from "../../parts/problem";
import { type Column, Table } from "../../parts/table";
import { Time } from "../../parts/time";

type Entry = Schemas["HistoryEntry"];

const COLUMNS: Column<Entry>[] = [
  { key: "time", title: "Time", sort: (entry) => entry.time, cell: (entry) => <Time at={entry.time} seconds /> },
  { key: "who", title: "Who", sort: (entry) => entry.who, cell: (entry) => entry.who },
  { key: "what", title: "What", cell: (entry) => entry.what },
  { key: "why", title: "Why", cell: (entry) => <span className="muted">{entry.why}</span> },
];

export function History({ name }: { name: string }) {
  const entries = useReading(
    `history ${name}`,
    () => all((after) => ok(api.GET("/labs/{name}/history", { params: { path: { name }, query: { limit: 1000, after } } }))),
    (event) => (event.kind === "lab" && event.data.name === name) || (event.kind === "job" && event.data.lab === name),
  );
  return (
    <Read from={entries}>
      {(rows) => (
        <Table
          caption={`History of ${name}`}
          rows={rows}
          columns={COLUMNS}
          id={(entry) => `${entry.time} ${entry.what}`}
          first="-time"
          empty="Nothing yet."
        />
      )}
    </Read>
  );
}
