/** Captures that run in this page: frames are kept in the browser until they are saved as a file. */
import { useSyncExternalStore } from "react";
import { BASE } from "../api/client";
import { Problem, problemOf } from "../api/problem";

const MOST = 256 * 1024 * 1024;
/** Bytes at which a capture ends by itself: they are in the browser's memory. */
const HEADER = 24;
const RECORD = 16;
const SHOWN_EVERY = 250;

export interface Capture {
  lab: string;
  end: string;
  running: boolean;
  bytes: number;
  frames: number;
  /** Why it ended, where nobody asked for that. */
  problem: Problem | undefined;
}

interface Held {
  shown: Capture;
  pieces: Uint8Array<ArrayBuffer>[];
  abort: AbortController;
}

const held = new Map<string, Held>();
const listeners = new Set<() => void>();
let version = 0;

function tell(): void {
  version++;
  for (const listener of listeners) listener();
}

function keyOf(lab: string, end: string): string {
  return `${lab} ${end}`;
}

export function useCapture(lab: string, end: string): Capture | undefined {
  useSyncExternalStore(subscribe, () => version);
  return held.get(keyOf(lab, end))?.shown;
}

export function useCaptures(lab: string): Capture[] {
  useSyncExternalStore(subscribe, () => version);
  return [...held.values()].map((one) => one.shown).filter((one) => one.lab === lab);
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export async function startCapture(lab: string, end: string): Promise<void> {
  held.get(keyOf(lab, end))?.abort.abort();
  const mine: Held = {
    shown: { lab, end, running: true, bytes: 0, frames: 0, problem: undefined },
    pieces: [],
    abort: new AbortController(),
  };
  held.set(keyOf(lab, end), mine);
  tell();
  try {
    await take(mine);
    put(mine, { running: false });
  } catch (error) {
    if (mine.abort.signal.aborted) put(mine, { running: false });
    else put(mine, { running: false, problem: problemOf(error) });
  }
}

function put(mine: Held, change: Partial<Capture>): void {
  mine.shown = { ...mine.shown, ...change };
  tell();
}

async function take(mine: Held): Promise<void> {
  const { lab, end } = mine.shown;
  const path = `${BASE}/labs/${encodeURIComponent(lab)}/capture?end=${encodeURIComponent(end)}`;
  const answer = await fetch(path, { signal: mine.abort.signal });
  if (!answer.ok || !answer.body) {
    throw new Problem(answer.status, (await answer.json().catch(() => ({}))) as Record<string, unknown>);
  }
  const frames = new Frames();
  const reader = answer.body.getReader();
  let told = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    mine.pieces.push(value);
    frames.feed(value);
    const bytes = mine.shown.bytes + value.length;
    mine.shown = { ...mine.shown, bytes, frames: frames.count };
    if (Date.now() - told > SHOWN_EVERY) {
      told = Date.now();
      tell();
      window.setTimeout(tell, SHOWN_EVERY);
    }
    if (bytes > MOST) {
      mine.abort.abort();
      return;
    }
  }
}

export function stopCapture(lab: string, end: string): void {
  held.get(keyOf(lab, end))?.abort.abort();
}

/** Give what was captured to the browser as a file. */
export function saveCapture(lab: string, end: string): void {
  const found = held.get(keyOf(lab, end));
  if (!found) return;
  download(
    new Blob(found.pieces, { type: "application/vnd.tcpdump.pcap" }),
    `${lab}-${end.replaceAll(/[^a-z0-9]+/gi, "-")}.pcap`,
  );
}

export function dropCapture(lab: string, end: string): void {
  stopCapture(lab, end);
  held.delete(keyOf(lab, end));
  tell();
}

export function download(content: Blob, name: string): void {
  const address = URL.createObjectURL(content);
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
  window.setTimeout(() => URL.revokeObjectURL(address), 10_000);
}

/** Counts the records of a pcap stream (https://www.tcpdump.org/manpages/pcap-savefile.5.html) that comes in pieces. */
class Frames {
  count = 0;
  private skip = HEADER;
  private head = new Uint8Array(RECORD);
  private got = 0;
  private little = true;
  private first = true;

  feed(piece: Uint8Array): void {
    let at = 0;
    if (this.first && piece.length >= 4) {
      this.little = piece[0] === 0xd4 || piece[0] === 0x4d;
      this.first = false;
    }
    while (at < piece.length) {
      if (this.skip > 0) {
        const step = Math.min(this.skip, piece.length - at);
        this.skip -= step;
        at += step;
        continue;
      }
      const part = piece.subarray(at, at + RECORD - this.got);
      this.head.set(part, this.got);
      this.got += part.length;
      at += part.length;
      if (this.got === RECORD) {
        this.count++;
        this.got = 0;
        this.skip = new DataView(this.head.buffer).getUint32(8, this.little);
      }
    }
  }
}
