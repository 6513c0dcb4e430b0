/** The server and its machine: what it can and can't do, with the way out. */
import { all, api, ok, type Schemas } from "../../api/client";
import { useReading } from "../../api/reading";
import { count } from "../../parts/amounts";
import { Read, Spoken } from "../../parts/problem";
import { State } from "../../parts/state";
import { type Column, Table } from "../../parts/table";
import { Time } from "../../parts/time";

type Finding = Schemas["Finding"];

const COLUMNS: Column<Finding>[] = [
  { key: "name", title: "What", sort: (one) => one.name, cell: (one) => one.name },
  { key: "ok", title: "State", sort: (one) => (one.ok ? 1 : 0), cell: (one) => <State state={one.ok ? "ready" : "failed"} /> },
  {
    key: "detail",
    title: "Found",
    cell: (one) => (
      <>
        {one.detail}
        {one.hint && (
          <div className="hint">
            <Spoken text={one.hint} />
          </div>
        )}
      </>
    ),
  },
];

export function Doctor() {
  const server = useReading("server", () => ok(api.GET("/server")));
  const findings = useReading("doctor", () =>
    all((after) => ok(api.GET("/doctor", { params: { query: { limit: 1000, after } } }))),
  );
  return (
    <>
      <Read from={server}>
        {(found) => (
          <div className="facts spaced">
            <span>
              Rackless <b>{found.version}</b>
            </span>
            <span>
              provider <b>{found.provider}</b>
            </span>
            {found.accelerator && (
              <span>
                accelerator <b>{found.accelerator}</b>
              </span>
            )}
            <span>
              management <b>{found.management}</b>
            </span>
            <span>{count(found.labs, "lab")}</span>
            <span>{count(found.jobs, "job")} running</span>
            <span>
              up since <Time at={found.since} />
            </span>
          </div>
        )}
      </Read>
      <Read from={findings}>
        {(rows) => (
          <Table caption="What this machine can do" rows={rows} columns={COLUMNS} id={(one) => one.name} empty="Nothing." />
        )}
      </Read>
    </>
  );
}
