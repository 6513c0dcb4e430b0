/** The list of labs: what there is, whose, in which state, until when. */
import { useMemo, useState } from "react";
import { type LabLine, useLabs } from "../api/reads";
import { useSession } from "../api/session";
import { count, memory } from "../parts/amounts";
import { Heading } from "../parts/heading";
import { EndDialog, ExtendDialog } from "../parts/lab-actions";
import { Read, Spoken } from "../parts/problem";
import { State } from "../parts/state";
import { type Column, Table } from "../parts/table";
import { Time } from "../parts/time";
import { Link } from "../routing";

const FAR = Number.MAX_VALUE;

/** What the list must tell besides; that a booked lab has not begun, its state and its times say. */
export function noteOf(lab: { state: string; note: string; reason: string }): string {
  if (lab.state === "booked" || lab.state === "waiting") return "";
  return lab.note || (lab.state === "failed" ? lab.reason : "");
}

export default function Labs() {
  const labs = useLabs();
  const { self, has } = useSession();
  const [text, setText] = useState("");
  const [state, setState] = useState("");
  const [mine, setMine] = useState(false);
  const [dialog, setDialog] = useState<{ what: "extend" | "end"; lab: LabLine } | null>(null);

  const may = (lab: LabLine) => has("operator") || (has("user") && lab.owner === self?.name);
  const columns: Column<LabLine>[] = [
    {
      key: "name",
      title: "Lab",
      sort: (lab) => lab.name,
      cell: (lab) => (
        <>
          <Link to={`/labs/${lab.name}`}>{lab.name}</Link>
          {noteOf(lab) && (
            <div className="hint row-note">
              <Spoken text={noteOf(lab)} />
            </div>
          )}
        </>
      ),
    },
    { key: "state", title: "State", sort: (lab) => lab.state, cell: (lab) => <State state={lab.state} reason={lab.reason} /> },
    { key: "owner", title: "Owner", sort: (lab) => lab.owner, cell: (lab) => lab.owner },
    {
      key: "machines",
      title: "Machines",
      numeric: true,
      sort: (lab) => lab.machines,
      cell: (lab) => (
        <span
          title={`${count(lab.routers, "router")}, ${count(lab.hosts, "host")}; ${lab.running} of ${lab.machines} machines run`}
        >
          {lab.running}/{lab.machines}
        </span>
      ),
    },
    { key: "memory", title: "Memory", numeric: true, sort: (lab) => lab.memory, cell: (lab) => memory(lab.memory) },
    {
      key: "begins",
      title: "Begin",
      sort: (lab) => lab.begins,
      cell: (lab) => (lab.state === "waiting" ? <span className="muted">in the queue</span> : <Time at={lab.begins} />),
    },
    {
      key: "ends",
      title: "End",
      sort: (lab) => lab.ends ?? FAR,
      cell: (lab) =>
        lab.ends === null ? (
          <span className="muted">none</span>
        ) : (
          <>
            <Time at={lab.ends} />{" "}
            <span className="muted">
              <Time at={lab.ends} relative />
            </span>
          </>
        ),
    },
    {
      key: "actions",
      title: "Actions",
      hidden: true,
      cell: (lab) =>
        may(lab) && (
          <div className="row-actions">
            <button
              type="button"
              className="small"
              aria-label={`Extend ${lab.name}`}
              onClick={() => setDialog({ what: "extend", lab })}
            >
              Extend
            </button>
            <button
              type="button"
              className="small"
              aria-label={`End ${lab.name}`}
              disabled={lab.state === "tearing-down"}
              onClick={() => setDialog({ what: "end", lab })}
            >
              End
            </button>
          </div>
        ),
    },
  ];

  return (
    <>
      <Heading
        title="Labs"
        actions={
          has("user") && (
            <Link to="/new" className="button primary">
              New lab
            </Link>
          )
        }
      />
      <Read from={labs}>
        {(rows) => (
          <>
            <Toolbar rows={rows} text={text} setText={setText} state={state} setState={setState} mine={mine} setMine={setMine} />
            <Filtered
              rows={rows}
              columns={columns}
              wanted={(lab) =>
                (!text || `${lab.name} ${lab.owner} ${lab.note}`.toLowerCase().includes(text.toLowerCase())) &&
                (!state || lab.state === state) &&
                (!mine || lab.owner === self?.name)
              }
            />
          </>
        )}
      </Read>
      {dialog?.what === "extend" && (
        <ExtendDialog lab={dialog.lab} onClose={() => setDialog(null)} onDone={() => void labs.reread()} />
      )}
      {dialog?.what === "end" && <EndDialog lab={dialog.lab} onClose={() => setDialog(null)} onDone={() => void labs.reread()} />}
    </>
  );
}

function Filtered({ rows, columns, wanted }: { rows: LabLine[]; columns: Column<LabLine>[]; wanted: (lab: LabLine) => boolean }) {
  return (
    <Table
      caption="Labs"
      rows={rows.filter(wanted)}
      columns={columns}
      id={(lab) => lab.name}
      first="name"
      empty={
        rows.length === 0 ? (
          <>
            <p>There are no labs.</p>
            <p>
              <Link to="/new">Make the first one</Link> from a blueprint.
            </p>
          </>
        ) : (
          "No lab is like that."
        )
      }
    />
  );
}

interface ToolbarProps {
  rows: LabLine[];
  text: string;
  setText: (text: string) => void;
  state: string;
  setState: (state: string) => void;
  mine: boolean;
  setMine: (mine: boolean) => void;
}

function Toolbar({ rows, text, setText, state, setState, mine, setMine }: ToolbarProps) {
  const states = useMemo(() => [...new Set(rows.map((lab) => lab.state))].sort(), [rows]);
  const running = rows.reduce((sum, lab) => sum + lab.running, 0);
  return (
    <search className="toolbar">
      <input
        type="search"
        aria-label="Filter by name or owner"
        placeholder="Filter"
        value={text}
        onChange={(e) => setText(e.target.value)}
      />
      <select aria-label="State" value={state} onChange={(e) => setState(e.target.value)}>
        <option value="">All states</option>
        {states.map((one) => (
          <option key={one} value={one}>
            {one.replace("-", " ")}
          </option>
        ))}
      </select>
      <label className="check inline">
        <input type="checkbox" checked={mine} onChange={(e) => setMine(e.target.checked)} />
        Mine only
      </label>
      <span className="end">
        {count(rows.length, "lab")}, {count(running, "machine")} running
      </span>
    </search>
  );
}
