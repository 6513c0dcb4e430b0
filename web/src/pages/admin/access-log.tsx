/** Who changed what, and what was refused; newest first. */
import { useState } from "react";
import { api, ok, type Schemas } from "../../api/client";
import { useReading } from "../../api/reading";
import { toastProblem } from "../../layout/toasts";
import { Read } from "../../parts/problem";
import { type Column, Table } from "../../parts/table";
import { Time } from "../../parts/time";

type Line = Schemas["AccessLine"];

const COLUMNS: Column<Line>[] = [
  { key: "time", title: "Time", sort: (line) => line.id, cell: (line) => <Time at={line.time} seconds /> },
  { key: "who", title: "Who", sort: (line) => line.who, cell: (line) => line.who || <span className="muted">nobody</span> },
  { key: "via", title: "By", sort: (line) => line.via, cell: (line) => line.via },
  { key: "action", title: "Action", sort: (line) => line.action, cell: (line) => line.action.replaceAll("_", " ") },
  { key: "path", title: "Path", sort: (line) => line.path, cell: (line) => <span className="mono">{line.path}</span> },
  {
    key: "status",
    title: "Answer",
    numeric: true,
    sort: (line) => line.status,
    cell: (line) => <span className={line.status >= 400 ? "bad" : ""}>{line.status}</span>,
  },
];

export function AccessLog() {
  const [text, setText] = useState("");
  const [older, setOlder] = useState<{ items: Line[]; next: string | null } | null>(null);
  const first = useReading("access-log", () => ok(api.GET("/access-log", { params: { query: { limit: 200 } } })));

  async function more(next: string): Promise<void> {
    try {
      const page = await ok(api.GET("/access-log", { params: { query: { limit: 1000, after: next } } }));
      setOlder({ items: [...(older?.items ?? []), ...page.items], next: page.next ?? null });
    } catch (error) {
      toastProblem(error);
    }
  }

  return (
    <Read from={first}>
      {(page) => {
        const lines = [...page.items, ...(older?.items ?? [])];
        const next = older ? older.next : (page.next ?? null);
        const wanted = lines.filter((line) => `${line.who} ${line.action} ${line.path} ${line.status}`.includes(text));
        return (
          <>
            <search className="toolbar">
              <input
                type="search"
                aria-label="Filter"
                placeholder="Filter"
                value={text}
                onChange={(event) => setText(event.target.value)}
              />
              <span className="end">{wanted.length} shown</span>
            </search>
            <Table
              caption="Access log"
              rows={wanted}
              columns={COLUMNS}
              id={(line) => String(line.id)}
              first="-time"
              empty="Nothing is like that."
            />
            {next && (
              <p className="more">
                <button type="button" onClick={() => void more(next)}>
                  Show older ones
                </button>
              </p>
            )}
          </>
        );
      }}
    </Read>
  );
}
