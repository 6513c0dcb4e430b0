/** Times: shown in the browser's zone, with the server's zone on hover. Seconds since the epoch, as the API gives them. */
import { createContext, type ReactNode, useContext, useEffect, useState } from "react";
import { api, ok } from "../api/client";

const Zone = createContext<string>("");

/** Asks once for the server's zone. */
export function ZoneProvider({ children }: { children: ReactNode }) {
  const [zone, setZone] = useState("");
  useEffect(() => {
    ok(api.GET("/server"))
      .then((server) => setZone((server as { zone?: string }).zone ?? ""))
      .catch(() => setZone(""));
  }, []);
  return <Zone value={zone}>{children}</Zone>;
}

function format(at: number, options: Intl.DateTimeFormatOptions): string {
  return new Intl.DateTimeFormat("en-GB", options).format(new Date(at * 1000));
}

const CLOCK: Intl.DateTimeFormatOptions = { hour: "2-digit", minute: "2-digit" };
const DAY: Intl.DateTimeFormatOptions = { weekday: "short", day: "numeric", month: "short" };

function dayOf(at: number): string {
  return new Date(at * 1000).toDateString();
}

/** "14:05", or "Mon 3 Aug 14:05" on another day than today; with seconds on demand. Browser's zone. */
export function moment(at: number, seconds = false): string {
  const today = dayOf(at) === new Date().toDateString();
  const clock = format(at, seconds ? { ...CLOCK, second: "2-digit" } : CLOCK);
  return today ? clock : `${format(at, DAY)} ${clock}`;
}

/** The same in full, in a zone: "2026-08-03 14:05:09 Europe/Berlin". */
export function full(at: number, zone: string): string {
  const parts = new Intl.DateTimeFormat("sv-SE", {
    dateStyle: "short",
    timeStyle: "medium",
    ...(zone ? { timeZone: zone } : {}),
  }).format(new Date(at * 1000));
  return zone ? `${parts} ${zone}` : parts;
}

/** Seconds in words, two units at most: "2 h 5 min", "3 d", "12 s". */
export function span(seconds: number): string {
  const total = Math.max(0, Math.round(seconds));
  const units: [string, number][] = [
    ["d", 86_400],
    ["h", 3600],
    ["min", 60],
    ["s", 1],
  ];
  const first = units.findIndex(([, size]) => total >= size);
  if (first < 0) return "0 s";
  const [name, size] = units[first] as [string, number];
  const whole = Math.floor(total / size);
  const [small, smallSize] = units[first + 1] ?? ["", 1];
  const rest = small ? Math.floor((total - whole * size) / smallSize) : 0;
  return rest && !(name === "d" && whole > 9) && name !== "min" ? `${whole} ${name} ${rest} ${small}` : `${whole} ${name}`;
}

/** Now, in seconds, again every `every` seconds. */
export function useNow(every = 1): number {
  const [now, setNow] = useState(() => Date.now() / 1000);
  useEffect(() => {
    const timer = window.setInterval(() => setNow(Date.now() / 1000), every * 1000);
    return () => window.clearInterval(timer);
  }, [every]);
  return now;
}

interface TimeProps {
  at: number;
  seconds?: boolean;
  /** Say it from now: "in 2 h", "5 min ago". */
  relative?: boolean;
}

export function Time({ at, seconds = false, relative = false }: TimeProps) {
  const zone = useContext(Zone);
  const mine = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const title = zone ? `${full(at, zone)} (the server's zone)\n${full(at, mine)} (yours)` : full(at, mine);
  return (
    <time dateTime={new Date(at * 1000).toISOString()} title={title}>
      {relative ? <Relative at={at} /> : moment(at, seconds)}
    </time>
  );
}

function Relative({ at }: { at: number }) {
  const now = useNow(Math.abs(at - Date.now() / 1000) < 120 ? 1 : 20);
  const left = at - now;
  if (Math.abs(left) < 1) return "now";
  return left > 0 ? `in ${span(left)}` : `${span(-left)} ago`;
}

/** The value of a datetime-local field, in the browser's zone. */
export function toInput(at: number): string {
  const date = new Date(at * 1000);
  return new Date(date.getTime() - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

/** Seconds since the epoch of such a value. */
export function fromInput(value: string): number {
  return new Date(value).getTime() / 1000;
}
