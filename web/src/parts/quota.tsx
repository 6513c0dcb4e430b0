/** Limits of quotas, in words; and what somebody has of what they may have. */
import type { Schemas } from "../api/client";
import { memory } from "./amounts";
import { span } from "./time";

export type Quota = Schemas["QuotaBody"];
type Name = keyof Schemas["Limits"];

export interface Limit {
  name: Name;
  title: string;
  /** What the number in a field counts, if not things. */
  unit: string;
  used: keyof Schemas["Used"] | null;
  show: (value: number) => string;
  /** A limit as the text of a field, and back; "none" is no limit. */
  write: (value: number | null) => string;
  read: (text: string) => number | null;
}

function limit(name: Name, title: string, unit = "", size = 1, show: (value: number) => string = plain): Limit {
  return {
    name,
    title,
    unit,
    used: name === "longest" || name === "ahead" ? null : name,
    show,
    write: (value) => (value === null ? "none" : String(Math.round((value / size) * 1000) / 1000)),
    read: (text) => (text === "none" ? null : Number(text) * size),
  };
}

function plain(value: number): string {
  return String(Math.round(value * 10) / 10);
}

export const LIMITS: readonly Limit[] = [
  limit("labs", "Labs"),
  limit("routers", "Routers"),
  limit("machines", "Machines"),
  limit("memory", "Memory", "GiB", 1024, memory),
  limit("processors", "Processors"),
  limit("disk", "Disk", "GiB", 1024, memory),
  limit("machine_hours", "Machine-hours a week"),
  limit("longest", "Longest booking", "hours", 3600, span),
  limit("ahead", "Booked ahead", "hours", 3600, span),
];

export function isLimit(value: number | null): value is number {
  return value !== null;
}

export function shownLimit(one: Limit, value: number): string {
  return one.show(value);
}

/** What one has of each thing that is limited, as bars. */
export function QuotaBars({ quota }: { quota: Quota }) {
  const limited = LIMITS.filter(({ name }) => quota.limits[name] !== null);
  if (limited.length === 0) return <p className="muted">Nothing limits it.</p>;
  return (
    <ul className="quota-bars">
      {limited.map((one) => {
        const most = quota.limits[one.name] ?? 0;
        const used = one.used === null ? null : quota.used[one.used];
        const share = used === null ? 0 : most > 0 ? used / most : 1;
        return (
          <li key={one.name}>
            <span className="muted">{one.title}</span>
            <span>
              {used === null ? "at most " : <b>{`${one.show(used)} `}</b>}
              {used === null ? "" : "of "}
              {one.show(most)}
            </span>
            {used !== null && (
              <div className={`meter${share > 0.9 ? " meter-full" : ""}`} aria-hidden="true">
                <span style={{ width: `${Math.min(share, 1) * 100}%` }} />
              </div>
            )}
          </li>
        );
      })}
    </ul>
  );
}
