/**
 * One connection to a serial line or to a shell, kept open: what is shown goes to a terminal, what is typed comes from it.
 * The messages are those of docs/reference/console.md.
 */
import type { Terminal } from "@xterm/xterm";
import { BASE } from "../api/client";

const WAITS = [300, 800, 2000, 5000, 10_000];
/** Milliseconds before each try to connect again. */
const TAIL = 512;
/** Bytes by which what was seen already is found in what is shown again. */
const REFUSED = 4000;

export interface Seat {
  /** Who writes now; null: nobody. */
  writer: string | null;
  you: boolean;
  may: boolean;
  watchers: number;
}

export interface LineState {
  link: "connecting" | "open" | "waiting" | "ended";
  /** Undefined until it was told, and on a shell, which is one's own. */
  seat: Seat | undefined;
  /** The last sentence of the server. */
  note: string;
}

export type Target =
  { kind: "console"; lab: string; machine: string } | { kind: "shell"; lab: string; router: string; user: string };

function address(target: Target, terminal: Terminal): string {
  const lab = encodeURIComponent(target.lab);
  const query =
    target.kind === "console"
      ? new URLSearchParams({ write: "false", state: "true" })
      : new URLSearchParams({
          user: target.user,
          columns: String(terminal.cols),
          rows: String(terminal.rows),
          term: "xterm-256color",
        });
  const path =
    target.kind === "console"
      ? `/labs/${lab}/machines/${encodeURIComponent(target.machine)}/console`
      : `/labs/${lab}/routers/${encodeURIComponent(target.router)}/shell`;
  return `${location.origin.replace(/^http/, "ws")}${BASE}${path}?${query}`;
}

export class Line {
  state: LineState = { link: "connecting", seat: undefined, note: "" };
  private socket: WebSocket | undefined;
  private tries = 0;
  private timer: number | undefined;
  private closed = false;
  /** The last that was shown, as one byte a character. */
  private tail = "";
  private again = false;
  /** Keys that wait until the writer's place is ours. */
  private typed: Uint8Array[] = [];

  constructor(
    readonly target: Target,
    private readonly terminal: Terminal,
    private readonly changed: (state: LineState) => void,
  ) {
    this.open();
  }

  /** Connect now, after it ended or while it waits. */
  open(): void {
    window.clearTimeout(this.timer);
    this.set({ link: "connecting", note: "" });
    const socket = new WebSocket(address(this.target, this.terminal));
    socket.binaryType = "arraybuffer";
    this.socket = socket;
    socket.onopen = () => {
      if (this.target.kind === "shell") this.opened();
    };
    socket.onmessage = (message: MessageEvent<string | ArrayBuffer>) => {
      if (typeof message.data === "string") this.told(JSON.parse(message.data) as Told);
      else this.show(new Uint8Array(message.data));
    };
    socket.onclose = (event) => this.gone(socket, event);
  }

  private opened(): void {
    this.tries = 0;
    this.set({ link: "open" });
  }

  private told(body: Told): void {
    if (body.open !== undefined) this.opened();
    if (body.error) this.set({ note: [body.error.detail ?? body.error.message, body.error.hint].filter(Boolean).join(" ") });
    if (body.note) this.set({ note: body.note.replace(/ `--takeover`.*/, "") });
    if (body.state) {
      const mine = body.state.you && !this.state.seat?.you;
      this.set({ seat: body.state, ...(mine ? { note: "" } : {}) });
      if (body.state.you) {
        for (const keys of this.typed) this.send(keys);
        this.typed = [];
      } else if (body.state.writer) this.typed = [];
    }
  }

  private show(bytes: Uint8Array): void {
    let fresh = bytes;
    const text = latin(bytes);
    if (this.again) {
      // The server begins with what it showed last: leave out what is on the screen already.
      this.again = false;
      const at = this.tail ? text.lastIndexOf(this.tail) : -1;
      if (at >= 0) fresh = bytes.subarray(at + this.tail.length);
      else this.terminal.write("\r\n\x1b[2m── connected again; something may be missing here ──\x1b[0m\r\n");
    }
    this.tail = (this.tail + text).slice(-TAIL);
    if (fresh.length > 0) this.terminal.write(fresh);
  }

  private gone(socket: WebSocket, event: CloseEvent): void {
    if (this.closed || socket !== this.socket) return;
    this.typed = [];
    this.set({ seat: undefined });
    if (this.target.kind === "shell" || event.code === 1000) {
      this.set({ link: "ended" });
      return;
    }
    // Refused: the machine does not run (yet), or nobody is logged in. It is asked again, but without haste.
    if (event.code === REFUSED) this.tries = WAITS.length;
    this.again = true;
    this.set({ link: "waiting" });
    this.timer = window.setTimeout(() => this.open(), WAITS[Math.min(this.tries, WAITS.length - 1)]);
    this.tries++;
  }

  /** What somebody types here. On a free line the first key asks for the writer's place. */
  type(keys: Uint8Array): void {
    if (this.target.kind === "shell") {
      if (this.state.link === "open") this.send(keys);
      return;
    }
    const { seat } = this.state;
    if (!seat) return;
    if (seat.you) this.send(keys);
    else if (!seat.may) this.set({ note: "You may watch this console, not write." });
    else if (seat.writer) this.set({ note: `${seat.writer} writes now. Take the line over to type.` });
    else {
      this.typed.push(keys);
      if (this.typed.length === 1) this.ask(false);
    }
  }

  ask(takeover: boolean): void {
    this.say({ write: true, takeover });
  }

  giveUp(): void {
    this.say({ write: false });
  }

  resize(columns: number, rows: number): void {
    if (this.target.kind === "shell" && this.state.link === "open") this.say({ resize: [columns, rows] });
  }

  close(): void {
    this.closed = true;
    window.clearTimeout(this.timer);
    this.socket?.close();
  }

  private say(body: unknown): void {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(body));
  }

  private send(keys: Uint8Array): void {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(keys as Uint8Array<ArrayBuffer>);
  }

  private set(change: Partial<LineState>): void {
    this.state = { ...this.state, ...change };
    if (!this.closed) this.changed(this.state);
  }
}

interface Told {
  open?: string;
  note?: string;
  state?: Seat;
  error?: { detail?: string; message?: string; hint?: string };
}

function latin(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; at += 8192) text += String.fromCharCode(...bytes.subarray(at, at + 8192));
  return text;
}
