/** Who has what when, against what there is. As bars on a time axis, or as a table. */
import { useState } from "react";
import { all, api, ok, type Schemas } from "../api/client";
import { useReading } from "../api/reading";
import { memory } from "../parts/amounts";
import { Heading } from "../parts/heading";
import { Read } from "../parts/problem";
import { State, tone } from "../parts/state";
import { type Column, Table } from "../parts/table";
import { moment, Time, useNow } from "../parts/time";
import { Link } from "../routing";

type Held = Schemas["Held"];
type Calendar = Schemas["CalendarBody"] & { labs: Held[] };

const HOUR = 3600;
const DAY = 24 * HOUR;
const RANGES: readonly [string, number][] = [
  ["12 hours", 12 * HOUR],
  ["1 day", DAY],
  ["3 days", 3 * DAY],
  ["1 week", 7 * DAY],
  ["4 weeks", 28 * DAY],
];
const WORDS: Record<string, string> = {
  memory: "Memory",
  processors: "Processors",
  disk: "Disk",
  consoles: "Console ports",
  forwards: "Forwarded ports",
};

function amount(resource: string, number: number): string {
  return resource === "memory" || resource === "disk" ? memory(number) : String(Math.round(number * 10) / 10);
}

async function read(): Promise<Calendar> {
  const bookings = (after: string | null) => ok(api.GET("/bookings", { params: { query: { limit: 1000, after } } }));
  const [calendar, labs] = await Promise.all([ok(api.GET("/calendar")), all(bookings)]);
  return { ...calendar, labs };
}

export default function CalendarPage() {
  const calendar = useReading("calendar", read, (event) => event.kind === "lab");
  const now = useNow(30);
  const [range, setRange] = useState(DAY);
  const [shift, setShift] = useState(0);
  const [view, setView] = useState<"bars" | "table">("bars");
  // A little of what was, most of what will be.
  const begin = Math.floor((now - range / 12) / HOUR) * HOUR + shift;

  return (
    <>
      <Heading
        title="Calendar"
        actions={
          <>
            <select aria-label="Length of the axis" value={range} onChange={(event) => setRange(Number(event.target.value))}>
              {RANGES.map(([text, seconds]) => (
                <option key={seconds} value={seconds}>
                  {text}
                </option>
              ))}
            </select>
            <button type="button" aria-label="Earlier" onClick={() => setShift(shift - range / 2)}>
              ‹
            </button>
            <button type="button" disabled={shift === 0} onClick={() => setShift(0)}>
              Now
            </button>
            <button type="button" aria-label="Later" onClick={() => setShift(shift + range / 2)}>
              ›
            </button>
            <button type="button" aria-pressed={view === "table"} onClick={() => setView(view === "bars" ? "table" : "bars")}>
              {view === "bars" ? "As a table" : "As bars"}
            </button>
          </>
        }
      />
      <Read from={calendar}>
        {(found) => (
          <>
            <Capacity calendar={found} />
            {view === "table" ? <AsTable calendar={found} /> : <Bars calendar={found} begin={begin} range={range} now={now} />}
          </>
        )}
      </Read>
    </>
  );
}

function Capacity({ calendar }: { calendar: Calendar }) {
  const limited = Object.entries(calendar.capacity).filter(([, most]) => most !== null) as [string, number][];
  return (
    <ul className="meters" aria-label="Held now, of all that there is">
      {limited.map(([resource, most]) => {
        const held = calendar.held[resource] ?? 0;
        const share = most > 0 ? held / most : 0;
        return (
          <li key={resource} className="panel">
            <span className="muted">{WORDS[resource] ?? resource}</span>
            <span>
              <b>{amount(resource, held)}</b> of {amount(resource, most)}
            </span>
            <div className={`meter${share > 0.9 ? " meter-full" : ""}`} aria-hidden="true">
              <span style={{ width: `${Math.min(share, 1) * 100}%` }} />
            </div>
          </li>
        );
      })}
    </ul>
  );
}

/** Marks of the axis: whole hours or days of the browser's zone, a dozen at most. */
function marks(begin: number, range: number): { at: number; text: string; day: boolean }[] {
  const hours = [1, 2, 3, 6, 12, 24, 48, 96].find((step) => range / (step * HOUR) <= 13) ?? 168;
  const first = new Date(begin * 1000);
  first.setHours(0, 0, 0, 0);
  const found = [];
  for (let at = new Date(first); at.getTime() / 1000 < begin + range; at.setHours(at.getHours() + hours)) {
    const seconds = at.getTime() / 1000;
    if (seconds < begin) continue;
    const day = at.getHours() === 0;
    const text = day
      ? at.toLocaleDateString("en-GB", { weekday: "short", day: "numeric", month: "short" })
      : at.toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });
    found.push({ at: seconds, text, day });
  }
  return found;
}

interface BarsProps {
  calendar: Calendar;
  begin: number;
  range: number;
  now: number;
}

function Bars({ calendar, begin, range, now }: BarsProps) {
  const end = begin + range;
  const percent = (at: number) => ((Math.min(Math.max(at, begin), end) - begin) / range) * 100;
  const axis = marks(begin, range);
  const shown = calendar.labs.filter((lab) => lab.begins !== null && lab.begins < end && (lab.ends ?? Infinity) > begin);
  const unplaced = calendar.labs.filter((lab) => lab.begins === null);
  const outside = calendar.labs.length - shown.length - unplaced.length;
  return (
    <>
      <section className="panel timeline" aria-label={`Bookings from ${moment(begin)} until ${moment(end)}`}>
        <div className="axis" aria-hidden="true">
          {axis.map((mark) => (
            <span key={mark.at} className={mark.day ? "mark day" : "mark"} style={{ left: `${percent(mark.at)}%` }}>
              {mark.text}
            </span>
          ))}
        </div>
        <Load calendar={calendar} begin={begin} end={end} percent={percent} />
        <ul className="rows">
          {axis.map((mark) => (
            <li
              key={mark.at}
              aria-hidden="true"
              className={mark.day ? "grid day" : "grid"}
              style={{ left: `${percent(mark.at)}%` }}
            />
          ))}
          {now > begin && now < end && (
            <li aria-hidden="true" className="now" style={{ left: `${percent(now)}%` }} title={`Now, ${moment(now)}`} />
          )}
          {shown.map((lab) => (
            <li key={lab.lab} className="row">
              <Bar lab={lab} percent={percent} begin={begin} end={end} />
            </li>
          ))}
          {shown.length === 0 && <li className="row none">Nothing is booked in this time.</li>}
        </ul>
      </section>
      {outside > 0 && <p className="hint">{outside} more outside of this time.</p>}
      {unplaced.length > 0 && (
        <section className="panel queue">
          <h2>Waiting, with no time yet</h2>
          <ul className="panel-body people">
            {unplaced.map((lab) => (
              <li key={lab.lab}>
                <Link to={`/labs/${lab.lab}`}>{lab.lab}</Link> <span className="muted">{lab.owner}</span>
              </li>
            ))}
          </ul>
        </section>
      )}
    </>
  );
}

interface BarProps {
  lab: Held;
  percent: (at: number) => number;
  begin: number;
  end: number;
}

function Bar({ lab, percent, begin, end }: BarProps) {
  const from = lab.begins ?? begin;
  const until = lab.ends ?? Infinity;
  const left = percent(from);
  const width = Math.max(percent(until) - left, 0.5);
  const times = `${moment(from)} – ${lab.ends === null ? "no end" : moment(lab.ends)}`;
  const takes = Object.entries(lab.amounts)
    .filter(([, number]) => number > 0)
    .map(([resource, number]) => `${WORDS[resource] ?? resource}: ${amount(resource, number)}`)
    .join("\n");
  return (
    <Link
      to={`/labs/${lab.lab}`}
      className={`bar bar-${tone(lab.state)}${from < begin ? " cut-left" : ""}${until > end ? " cut-right" : ""}`}
      style={{ left: `${left}%`, width: `${width}%` }}
      title={`${lab.lab}, ${lab.owner}\n${lab.state}\n${times}\n${takes}`}
      aria-label={`${lab.lab} ${lab.owner}, ${lab.state}, ${times}`}
    >
      <b>{lab.lab}</b> <span>{lab.owner}</span>
    </Link>
  );
}

interface LoadProps {
  calendar: Calendar;
  begin: number;
  end: number;
  percent: (at: number) => number;
}

/** The most pressing resource over time, as steps: what is booked changes only where a lab begins or ends. */
function Load({ calendar, begin, end, percent }: LoadProps) {
  const limited = Object.entries(calendar.capacity).filter(([, most]) => most !== null && most > 0) as [string, number][];
  const [chosen, setChosen] = useState("memory");
  const [resource, most] = limited.find(([name]) => name === chosen) ?? limited[0] ?? ["", 0];
  if (!resource) return null;
  const spans = calendar.labs
    .filter((lab) => lab.begins !== null)
    .map((lab) => ({ from: lab.begins ?? 0, until: lab.ends ?? Infinity, number: lab.amounts[resource] ?? 0 }));
  const at = (time: number) => spans.reduce((sum, one) => sum + (one.from <= time && time < one.until ? one.number : 0), 0);
  const edges = [begin, ...spans.flatMap((one) => [one.from, one.until]).filter((time) => time > begin && time < end)];
  const moments = [...new Set(edges)].sort((a, b) => a - b);
  let path = "M0 100";
  let peak = 0;
  for (const [index, time] of moments.entries()) {
    const share = at(time) / most;
    peak = Math.max(peak, share);
    const y = 100 - Math.min(share, 1) * 100;
    path += ` L${percent(time)} ${y} L${percent(moments[index + 1] ?? end)} ${y}`;
  }
  path += " L100 100 Z";
  return (
    <div className="load">
      <svg
        viewBox="0 0 100 100"
        preserveAspectRatio="none"
        role="img"
        aria-label={`${WORDS[resource] ?? resource}: at most ${Math.round(peak * 100)} % booked in this time`}
      >
        <path d={path} />
      </svg>
      <label className="load-choice">
        <span className="unseen">Resource shown above the bookings</span>
        <select className="quiet small" value={resource} onChange={(event) => setChosen(event.target.value)}>
          {limited.map(([name, number]) => (
            <option key={name} value={name}>
              {WORDS[name] ?? name} of {amount(name, number)}
            </option>
          ))}
        </select>
      </label>
    </div>
  );
}

function AsTable({ calendar }: { calendar: Calendar }) {
  const columns: Column<Held>[] = [
    { key: "lab", title: "Lab", sort: (lab) => lab.lab, cell: (lab) => <Link to={`/labs/${lab.lab}`}>{lab.lab}</Link> },
    { key: "owner", title: "Owner", sort: (lab) => lab.owner, cell: (lab) => lab.owner },
    { key: "state", title: "State", sort: (lab) => lab.state, cell: (lab) => <State state={lab.state} /> },
    {
      key: "begins",
      title: "Begin",
      sort: (lab) => lab.begins ?? Number.MAX_VALUE,
      cell: (lab) => (lab.begins === null ? <span className="muted">not known yet</span> : <Time at={lab.begins} />),
    },
    {
      key: "ends",
      title: "End",
      sort: (lab) => lab.ends ?? Number.MAX_VALUE,
      cell: (lab) => (lab.ends === null ? <span className="muted">none</span> : <Time at={lab.ends} />),
    },
    ...Object.keys(calendar.capacity).map((resource) => ({
      key: resource,
      title: WORDS[resource] ?? resource,
      numeric: true,
      sort: (lab: Held) => lab.amounts[resource] ?? 0,
      cell: (lab: Held) => amount(resource, lab.amounts[resource] ?? 0),
    })),
  ];
  return (
    <Table
      caption="Bookings"
      rows={calendar.labs}
      columns={columns}
      id={(lab) => lab.lab}
      first="begins"
      empty="Nothing is booked."
    />
  );
}
