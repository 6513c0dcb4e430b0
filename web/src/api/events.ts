/** Live updates: one EventSource for the whole page, taken up again where it broke. */
import { useEffect, useRef } from "react";
import { BASE } from "./client";

export interface Events {
  lab: { name: string; state: string; reason: string };
  job: { id: string; lab: string; verb: string; state: string };
  step: { job: string; lab: string; number: number; step: string; kind: string; text: string };
  machine: { lab: string; name: string; state: string; reason: string };
  link: { lab: string; ends: [string, string]; state: string };
  /** What was missed is too old to be told: read anew. */
  reset: Record<string, never>;
}

export type EventKind = keyof Events;
export type LiveEvent = { [K in EventKind]: { kind: K; data: Events[K] } }[EventKind];

const KINDS: readonly EventKind[] = ["lab", "job", "step", "machine", "link", "reset"];
const TOPICS = "labs,jobs,steps,machines,links";
const FIRST_WAIT = 500;
const LONGEST_WAIT = 15_000;

const listeners = new Set<(event: LiveEvent) => void>();
const lineListeners = new Set<(open: boolean) => void>();
let source: EventSource | null = null;
let last = "";
let wait = FIRST_WAIT;
let timer: number | undefined;

function tell(event: LiveEvent): void {
  for (const listener of [...listeners]) listener(event);
}

function tellLine(open: boolean): void {
  for (const listener of lineListeners) listener(open);
}

function open(): void {
  const query = new URLSearchParams({ topics: TOPICS });
  if (last) query.set("after", last);
  const fresh = new EventSource(`${BASE}/events?${query}`);
  source = fresh;
  fresh.onopen = () => {
    wait = FIRST_WAIT;
    tellLine(true);
    // Before the first event nothing says where the stream was: what happened since the page was read is not in it.
    if (!last) tell({ kind: "reset", data: {} });
  };
  fresh.onerror = () => {
    tellLine(false);
    // The browser itself tries again after a broken connection, but not after an answer that is an error.
    if (fresh.readyState !== EventSource.CLOSED || source !== fresh) return;
    timer = window.setTimeout(open, wait);
    wait = Math.min(wait * 2, LONGEST_WAIT);
  };
  for (const kind of KINDS) {
    fresh.addEventListener(kind, (message: MessageEvent<string>) => {
      if (message.lastEventId) last = message.lastEventId;
      tell({ kind, data: JSON.parse(message.data || "{}") } as LiveEvent);
    });
  }
}

/** Begin to listen; once somebody is logged in. */
export function listen(): () => void {
  last = "";
  open();
  return () => {
    window.clearTimeout(timer);
    source?.close();
    source = null;
    tellLine(false);
  };
}

/** Call `listener` for each event while the component is there. */
export function useEvents(listener: (event: LiveEvent) => void): void {
  const newest = useRef(listener);
  newest.current = listener;
  useEffect(() => {
    const call = (event: LiveEvent) => newest.current(event);
    listeners.add(call);
    return () => {
      listeners.delete(call);
    };
  }, []);
}

/** Call `listener` when the line to the server opens or breaks. */
export function onLine(listener: (open: boolean) => void): () => void {
  lineListeners.add(listener);
  return () => lineListeners.delete(listener);
}
