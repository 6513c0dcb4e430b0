/** The jobs of a lab, newest first. */
import { type Job, useLabJobs } from "../../api/reads";
import { Read } from "../../parts/problem";
import { State } from "../../parts/state";
import { type Column, Table } from "../../parts/table";
import { span, Time, useNow } from "../../parts/time";
import { Link } from "../../routing";

const COLUMNS: Column<Job>[] = [
  {
    key: "verb",
    title: "Job",
    sort: (job) => job.verb,
    cell: (job) => (
      <>
        <Link to={`/jobs/${job.id}`}>{job.verb}</Link> <span className="muted mono">{job.id.slice(0, 8)}</span>
      </>
    ),
  },
  { key: "state", title: "State", sort: (job) => job.state, cell: (job) => <State kind="job" state={job.state} /> },
  { key: "started", title: "Started", sort: (job) => job.started, cell: (job) => <Time at={job.started} seconds /> },
  { key: "took", title: "Took", numeric: true, cell: (job) => <Took started={job.started} ended={job.ended} /> },
  {
    key: "result",
    title: "Result",
    cell: (job) => <span className="muted">{String(job.error?.message ?? "")}</span>,
  },
];

export function Took({ started, ended }: { started: number; ended: number | null }) {
  return ended === null ? <Running since={started} /> : <>{span(ended - started)}</>;
}

function Running({ since }: { since: number }) {
  return <>{span(useNow() - since)}</>;
}

export function Jobs({ name }: { name: string }) {
  const jobs = useLabJobs(name);
  return (
    <Read from={jobs}>
      {(rows) => (
        <Table
          caption={`Jobs of ${name}`}
          rows={rows}
          columns={COLUMNS}
          id={(job) => job.id}
          first="-started"
          empty="None yet."
        />
      )}
    </Read>
  );
}
