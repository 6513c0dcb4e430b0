/** What the place has against what the store says; leftovers can be taken away. */
import { useState } from "react";
import { all, api, ok, type Schemas } from "../../api/client";
import { useReading } from "../../api/reading";
import { useSession } from "../../api/session";
import { toast } from "../../layout/toasts";
import { count } from "../../parts/amounts";
import { ActionDialog } from "../../parts/dialog";
import { Read } from "../../parts/problem";
import { State } from "../../parts/state";
import { type Column, Table } from "../../parts/table";

type Finding = Schemas["AuditFinding"];

const COLUMNS: Column<Finding>[] = [
  { key: "name", title: "Name", sort: (one) => one.name, cell: (one) => <span className="mono">{one.name}</span> },
  { key: "difference", title: "Difference", sort: (one) => one.difference, cell: (one) => <State state={one.difference} /> },
  { key: "kind", title: "Kind", sort: (one) => one.kind, cell: (one) => one.kind },
  { key: "lab", title: "Mark of lab", sort: (one) => one.lab, cell: (one) => one.lab },
  { key: "running", title: "Runs", cell: (one) => (one.running ? "yes" : "no") },
  { key: "reason", title: "Reason", cell: (one) => one.reason },
];

export function Audit() {
  const { has } = useSession();
  const [asking, setAsking] = useState(false);
  const findings = useReading("audit", () =>
    all((after) => ok(api.GET("/audit", { params: { query: { limit: 1000, after } } }))),
  );
  return (
    <>
      <div className="toolbar">
        <span className="muted">What carries our mark and is in no lab, and what should be there and is not.</span>
        <span className="end">
          <button type="button" onClick={() => void findings.reread()}>
            Look again
          </button>
        </span>
        {has("admin") && (
          <button
            type="button"
            disabled={!findings.data?.some((one) => one.difference === "leftover")}
            onClick={() => setAsking(true)}
          >
            Remove leftovers
          </button>
        )}
      </div>
      <Read from={findings}>
        {(rows) => (
          <Table
            caption="Differences"
            rows={rows}
            columns={COLUMNS}
            id={(one) => `${one.kind} ${one.lab} ${one.name}`}
            first="name"
            empty="All is as it should be."
          />
        )}
      </Read>
      {asking && (
        <ActionDialog
          title="Remove the leftovers?"
          action="Remove them"
          danger
          onClose={() => setAsking(false)}
          run={async () => {
            const found = await ok(api.POST("/audit/remove"));
            toast(
              found.left.length ? "bad" : "good",
              `${count(found.removed.length, "thing")} removed, ${found.left.length} left.`,
            );
            await findings.reread();
          }}
        >
          <p>What carries our mark and belongs to no lab goes, running machines too.</p>
        </ActionDialog>
      )}
    </>
  );
}
