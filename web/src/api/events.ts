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

/** What the page with the stream tells the browser's other pages. */
type Shared = { id: string; event: LiveEvent } | { line: boolean };

const listeners = new Set<(event: LiveEvent) => void>();
const lineListeners = new Set<(open: boolean) => void>();
/** Id of the newest event that was told; the stream is taken up after it. */
let last = "";

function tell(event: LiveEvent): void {
  for (const listener of [...listeners]) listener(event);
}

function tellLine(open: boolean): void {
  for (const listener of lineListeners) listener(open);
}

/** Open the stream, and again whenever it broke, until the function that is returned is called. */
function stream(share: (message: Shared) => void): () => void {
  let source: EventSource | null = null;
  let wait = FIRST_WAIT;
  let timer: number | undefined;

  function open(): void {
    const query = new URLSearchParams({ topics: TOPICS });
    if (last) query.set("after", last);
    const fresh = new EventSource(`${BASE}/events?${query}`);
    source = fresh;
    fresh.onopen = () => {
      wait = FIRST_WAIT;
      share({ line: true });
      // Before the first event nothing says where the stream was: what happened since the page was read is not in it.
      if (!last) share({ id: "", event: { kind: "reset", data: {} } });
    };
    fresh.onerror = () => {
      share({ line: false });
      // The browser itself tries again after a broken connection, but not after an answer that is an error.
      if (fresh.readyState !== EventSource.CLOSED || source !== fresh) return;
      timer = window.setTimeout(open, wait);
      wait = Math.min(wait * 2, LONGEST_WAIT);
    };
    for (const kind of KINDS) {
      fresh.addEventListener(kind, (message: MessageEvent<string>) => {
        share({ id: message.lastEventId, event: { kind, data: JSON.parse(message.data || "{}") } as LiveEvent });
      });
    }
  }

  open();
  return () => {
    window.clearTimeout(timer);
    source?.close();
    source = null;
  };
}

/**
 * Begin to listen, once `user` is logged in. A browser opens few connections to one server (six, over HTTP/1.1), so of its pages
 * the one that holds a lock has the stream, and tells the others; when it goes, another takes over where it was.
 */
export function listen(user: string): () => void {
  const name = `rackless-events ${user}`;
  const channel = new BroadcastChannel(name);
  const over = new AbortController();

  function hear(message: Shared): void {
    if ("line" in message) {
      tellLine(message.line);
      return;
    }
    if (message.id) last = message.id;
    tell(message.event);
  }
  function share(message: Shared): void {
    channel.postMessage(message);
    hear(message);
  }

  last = "";
  channel.onmessage = (message: MessageEvent<Shared>) => hear(message.data);
  const held = () =>
    new Promise<void>((done) => {
      const close = stream(share);
      over.signal.addEventListener("abort", () => {
        close();
        done();
      });
    });
  // Web Locks are there over TLS and on the loopback address only; elsewhere each page has a stream of its own.
  if ("locks" in navigator) navigator.locks.request(name, { signal: over.signal }, held).catch(() => undefined);
  else void held();
  return () => {
    over.abort();
    channel.close();
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
