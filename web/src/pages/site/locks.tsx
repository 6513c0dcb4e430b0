/** Locks on what labs and people share: who holds which until when, and who had it before. */
import { useState } from "react";
import { all, api, ok, type Schemas } from "../../api/client";
import { useReading } from "../../api/reading";
import { useSession } from "../../api/session";
import { toast } from "../../layout/toasts";
import { ActionDialog, Dialog } from "../../parts/dialog";
import { Field } from "../../parts/field";
import { Read } from "../../parts/problem";
import { State } from "../../parts/state";
import { type Column, Table } from "../../parts/table";
import { Time } from "../../parts/time";

type Lock = Schemas["Lock"];
type Entry = Schemas["LockEntry"];

export function Locks() {
  const { self, has } = useSession();
  const [asked, setAsked] = useState<{ what: "log" | "release" | "break"; lock: Lock } | null>(null);
  const locks = useReading(
    "locks",
    () => all((after) => ok(api.GET("/locks", { params: { query: { limit: 1000, after } } }))),
    (event) => event.kind === "lab" || event.kind === "job",
  );
  const close = () => setAsked(null);
  const columns: Column<Lock>[] = [
    { key: "name", title: "Lock", sort: (lock) => lock.name, cell: (lock) => lock.name },
    {
      key: "state",
      title: "State",
      sort: (lock) => (lock.held ? 0 : 1),
      cell: (lock) => <State state={lock.held ? "held" : "free"} />,
    },
    { key: "owner", title: "Owner", sort: (lock) => lock.owner, cell: (lock) => lock.held && lock.owner },
    { key: "holder", title: "For", sort: (lock) => lock.holder, cell: (lock) => lock.held && lock.holder },
    { key: "since", title: "Since", sort: (lock) => lock.since, cell: (lock) => lock.held && <Time at={lock.since} /> },
    {
      key: "expires",
      title: "Until",
      sort: (lock) => lock.expires ?? Number.MAX_VALUE,
      cell: (lock) =>
        lock.held && (lock.expires === null ? <span className="muted">its lab’s end</span> : <Time at={lock.expires} />),
    },
    {
      key: "actions",
      title: "Actions",
      hidden: true,
      cell: (lock) => (
        <div className="row-actions">
          <button
            type="button"
            className="small"
            aria-label={`Log of ${lock.name}`}
            onClick={() => setAsked({ what: "log", lock })}
          >
            Log
          </button>
          {lock.held && lock.owner === self?.name && lock.expires !== null && (
            <button
              type="button"
              className="small"
              aria-label={`Release ${lock.name}`}
              onClick={() => setAsked({ what: "release", lock })}
            >
              Release
            </button>
          )}
          {lock.held && has("admin") && (
            <button
              type="button"
              className="small"
              aria-label={`Break ${lock.name}`}
              onClick={() => setAsked({ what: "break", lock })}
            >
              Break
            </button>
          )}
        </div>
      ),
    },
  ];
  return (
    <>
      <Read from={locks}>
        {(rows) => (
          <Table
            caption="Locks"
            rows={rows}
            columns={columns}
            id={(lock) => lock.name}
            first="name"
            empty="Nothing was locked yet."
          />
        )}
      </Read>
      {asked?.what === "log" && <Log lock={asked.lock} onClose={close} />}
      {asked?.what === "release" && (
        <ActionDialog
          title={`Release ${asked.lock.name}?`}
          action="Release"
          onClose={close}
          run={async () => {
            const { name: lock, token } = asked.lock;
            await ok(api.DELETE("/locks/{lock}", { params: { path: { lock }, query: { token } } }));
            await locks.reread();
          }}
        >
          <p>Whoever waits for it gets it.</p>
        </ActionDialog>
      )}
      {asked?.what === "break" && <Break lock={asked.lock} onClose={close} onDone={() => locks.reread()} />}
    </>
  );
}

function Break({ lock, onClose, onDone }: { lock: Lock; onClose: () => void; onDone: () => Promise<void> }) {
  const [why, setWhy] = useState("");
  return (
    <ActionDialog
      title={`Break ${lock.name}?`}
      action="Break it"
      danger
      onClose={onClose}
      run={async () => {
        await ok(api.POST("/locks/{lock}/break", { params: { path: { lock: lock.name } }, body: { why } }));
        toast("good", `${lock.name} is taken from ${lock.owner}.`);
        await onDone();
      }}
    >
      <p>
        {lock.owner} works under it, and is not asked. Make sure that they have stopped: {lock.holder}.
      </p>
      <Field label="Why" hint="Kept in its log">
        <input required autoFocus maxLength={500} value={why} onChange={(event) => setWhy(event.target.value)} />
      </Field>
    </ActionDialog>
  );
}

const ENTRIES: Column<Entry>[] = [
  { key: "time", title: "Time", sort: (entry) => entry.id, cell: (entry) => <Time at={entry.time} seconds /> },
  { key: "who", title: "Who", cell: (entry) => entry.who },
  { key: "what", title: "What", cell: (entry) => entry.what },
  { key: "why", title: "Why", cell: (entry) => <span className="muted">{entry.why}</span> },
];

function Log({ lock, onClose }: { lock: Lock; onClose: () => void }) {
  const entries = useReading(`lock ${lock.name}`, () =>
    all((after) => ok(api.GET("/locks/{lock}/log", { params: { path: { lock: lock.name }, query: { limit: 1000, after } } }))),
  );
  return (
    <Dialog title={`Log of ${lock.name}`} onClose={onClose} wide>
      <div className="dialog-body padded">
        <Read from={entries}>
          {(rows) => (
            <Table
              caption={`Log of ${lock.name}`}
              rows={rows}
              columns={ENTRIES}
              id={(entry) => String(entry.id)}
              first="-time"
              empty="Nothing yet."
            />
          )}
        </Read>
      </div>
    </Dialog>
  );
}
