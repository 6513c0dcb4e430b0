/** A terminal of the page, joined to a console or a shell; above it, who writes. */
import "@xterm/xterm/css/xterm.css";
import { FitAddon } from "@xterm/addon-fit";
import { Terminal } from "@xterm/xterm";
import { useEffect, useRef, useState } from "react";
import { api, ok } from "../api/client";
import { download } from "../lab/captures";
import { colour, onColours } from "../layout/theme";
import { toast, toastProblem } from "../layout/toasts";
import { Dialog } from "../parts/dialog";
import { Line, type LineState, type Target } from "./line";

const SCROLLBACK = 20_000;

interface TerminalProps {
  target: Target;
  /** What it is called, for screen readers. */
  title: string;
  shown: boolean;
}

function colours(): Record<string, string> {
  const found = (token: string): string => colour(token);
  return {
    background: found("--terminal"),
    foreground: found("--text"),
    cursor: found("--accent"),
    cursorAccent: found("--terminal"),
    selectionBackground: found("--terminal-selection"),
  };
}

export function TerminalView({ target, title, shown }: TerminalProps) {
  const place = useRef<HTMLDivElement>(null);
  const bar = useRef<HTMLDivElement>(null);
  const held = useRef<{ terminal: Terminal; line: Line; fit: FitAddon } | undefined>(undefined);
  const [state, setState] = useState<LineState>({ link: "connecting", seat: undefined, note: "" });
  const [whole, setWhole] = useState(false);
  const [reader, setReader] = useState(() => localStorage.getItem("rackless.console.reader") === "yes");

  useEffect(() => {
    const box = place.current;
    if (!box) return;
    const terminal = new Terminal({
      scrollback: SCROLLBACK,
      fontFamily: getComputedStyle(document.documentElement).getPropertyValue("--mono"),
      fontSize: 13,
      lineHeight: 1.15,
      cursorBlink: !matchMedia("(prefers-reduced-motion: reduce)").matches,
      theme: colours(),
      minimumContrastRatio: 4.5,
      screenReaderMode: localStorage.getItem("rackless.console.reader") === "yes",
    });
    const fit = new FitAddon();
    terminal.loadAddon(fit);
    terminal.open(box);
    terminal.textarea?.setAttribute("aria-label", `${title}; Ctrl and ] leaves the terminal`);
    fit.fit();
    const line = new Line(target, terminal, setState);
    held.current = { terminal, line, fit };
    terminal.attachCustomKeyEventHandler((event) => onKey(event, terminal, bar.current));
    terminal.onData((text) => line.type(new TextEncoder().encode(text)));
    terminal.onBinary((text) => line.type(Uint8Array.from(text, (char) => char.charCodeAt(0))));
    terminal.onResize(({ cols, rows }) => line.resize(cols, rows));
    const seen = new ResizeObserver(() => {
      if (box.offsetParent) fit.fit();
    });
    seen.observe(box);
    const unwatch = onColours(() => {
      terminal.options.theme = colours();
    });
    return () => {
      unwatch();
      seen.disconnect();
      line.close();
      terminal.dispose();
      held.current = undefined;
    };
    // A tab is of one target for its life; its key changes with it.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, []);

  useEffect(() => {
    if (!shown) return;
    held.current?.fit.fit();
    held.current?.terminal.focus();
  }, [shown]);

  function readAloud(on: boolean): void {
    setReader(on);
    localStorage.setItem("rackless.console.reader", on ? "yes" : "no");
    if (held.current) held.current.terminal.options.screenReaderMode = on;
  }

  const back = (): void => held.current?.terminal.focus();
  return (
    <div className="terminal" hidden={!shown}>
      <div className="terminal-bar" ref={bar} tabIndex={-1} role="group" aria-label={`About ${title}`}>
        <LinkState state={state} onOpen={() => held.current?.line.open()} />
        {target.kind === "console" && <Writer state={state} line={() => held.current?.line} after={back} />}
        {state.note && (
          <span className="terminal-note" role="status">
            {state.note}
          </span>
        )}
        <span className="terminal-tools">
          <button type="button" className="small quiet" onClick={() => void copy(held.current?.terminal)}>
            Copy
          </button>
          <button type="button" className="small quiet" onClick={() => void paste(held.current?.terminal)}>
            Paste
          </button>
          <button
            type="button"
            className="small quiet"
            onClick={() => {
              held.current?.terminal.clear();
              back();
            }}
          >
            Clear
          </button>
          {target.kind === "console" && (
            <button type="button" className="small quiet" onClick={() => setWhole(true)}>
              Transcript…
            </button>
          )}
          <label className="check small-check" title="Tells a screen reader what the terminal shows">
            <input type="checkbox" checked={reader} onChange={(event) => readAloud(event.target.checked)} /> Read aloud
          </label>
        </span>
      </div>
      <div className="terminal-place" ref={place} data-terminal={title} />
      {whole && target.kind === "console" && (
        <Transcript lab={target.lab} machine={target.machine} onClose={() => setWhole(false)} />
      )}
    </div>
  );
}

/** False: the terminal leaves this key to us. */
function onKey(event: KeyboardEvent, terminal: Terminal, bar: HTMLElement | null): boolean {
  if (event.type !== "keydown" || !event.ctrlKey || event.altKey) return true;
  if (event.key === "]") {
    bar?.focus();
    event.preventDefault();
    return false;
  }
  const copies = (event.shiftKey && event.key.toLowerCase() === "c") || (event.key === "c" && terminal.hasSelection());
  if (copies) {
    void copy(terminal);
    event.preventDefault();
    return false;
  }
  // The browser pastes by itself; the terminal must not send ^V.
  return !(event.shiftKey && event.key.toLowerCase() === "v");
}

async function copy(terminal: Terminal | undefined): Promise<void> {
  if (!terminal) return;
  if (!terminal.hasSelection()) {
    toast("note", "Nothing is selected in the terminal.");
    return;
  }
  try {
    await navigator.clipboard.writeText(terminal.getSelection());
    terminal.clearSelection();
  } catch {
    toast("bad", "The browser did not let the page copy.", "Select the text and use the browser's own menu.");
  }
  terminal.focus();
}

async function paste(terminal: Terminal | undefined): Promise<void> {
  try {
    terminal?.paste(await navigator.clipboard.readText());
  } catch {
    toast("bad", "The browser did not let the page paste.", "Click into the terminal and use Ctrl+Shift+V.");
  }
  terminal?.focus();
}

function LinkState({ state, onOpen }: { state: LineState; onOpen: () => void }) {
  const words = { connecting: "connecting…", open: "connected", waiting: "connecting again…", ended: "ended" }[state.link];
  const lamp = { connecting: "busy", open: "good", waiting: "wait", ended: "off" }[state.link];
  return (
    <>
      <span className={`state state-${lamp}`} role="status">
        <span className="lamp" aria-hidden="true" />
        {words}
      </span>
      {(state.link === "waiting" || state.link === "ended") && (
        <button type="button" className="small" onClick={onOpen}>
          {state.link === "ended" ? "Open again" : "Now"}
        </button>
      )}
    </>
  );
}

interface WriterProps {
  state: LineState;
  line: () => Line | undefined;
  after: () => void;
}

/** Who writes, and how that changes. */
function Writer({ state, line, after }: WriterProps) {
  const { seat } = state;
  if (!seat) return null;
  const others = seat.watchers - 1;
  const watching = others > 0 ? `, ${others} other${others === 1 ? "" : "s"} watch${others === 1 ? "es" : ""}` : "";
  const words = seat.you
    ? "You write"
    : seat.writer
      ? `${seat.writer} writes`
      : seat.may
        ? "Nobody writes; type to begin"
        : "Nobody writes";
  return (
    <>
      <span className={`writer${seat.you ? " writer-you" : seat.writer ? " writer-other" : ""}`} role="status">
        {words}
        {watching}
      </span>
      {seat.you ? (
        <button type="button" className="small" onClick={() => line()?.giveUp()}>
          Only watch
        </button>
      ) : seat.may && seat.writer ? (
        <button
          type="button"
          className="small"
          title={
            seat.writer === "bootstrap"
              ? "The server itself sets this machine up; taking the line from it stops that"
              : `${seat.writer} goes on watching and is told`
          }
          onClick={() => {
            line()?.ask(true);
            after();
          }}
        >
          Take over
        </button>
      ) : null}
    </>
  );
}

function Transcript({ lab, machine, onClose }: { lab: string; machine: string; onClose: () => void }) {
  const [text, setText] = useState<string | undefined>(undefined);
  const end = useRef<HTMLPreElement>(null);
  useEffect(() => {
    ok(api.GET("/labs/{name}/machines/{machine}/transcript", { params: { path: { name: lab, machine } }, parseAs: "text" }))
      .then((found) => setText(String(found)))
      .catch(toastProblem);
  }, [lab, machine]);
  useEffect(() => {
    end.current?.scrollTo(0, end.current.scrollHeight);
  }, [text]);
  return (
    <Dialog title={`All that ${machine} showed`} onClose={onClose} wide>
      <div className="dialog-body">
        <pre className="output transcript" ref={end} tabIndex={0} aria-label="Transcript">
          {text ?? "Loading…"}
        </pre>
      </div>
      <div className="dialog-foot">
        <button
          type="button"
          className="primary"
          disabled={text === undefined}
          onClick={() => download(new Blob([text ?? ""], { type: "text/plain" }), `${lab}-${machine}.log`)}
        >
          Save as a file
        </button>
      </div>
    </Dialog>
  );
}
