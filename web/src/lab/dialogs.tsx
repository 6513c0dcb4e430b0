/** The dialogs of a lab's picture: what to wire a port with, a command on a router, its configuration, its logins. */
import { useEffect, useMemo, useRef, useState } from "react";
import { api, ok } from "../api/client";
import { Dialog } from "../parts/dialog";
import { Field } from "../parts/field";
import { ProblemNote } from "../parts/problem";
import { runCommand, savedConfiguration } from "./actions";
import { download } from "./captures";
import { LOOKS, type Node, type Picture } from "./model";

interface WireDialogProps {
  picture: Picture;
  from: string;
  onChoose: (to: string) => void;
  onClose: () => void;
}

/** Chooses the other port: type a part of its name, arrows, Enter. */
export function WireDialog({ picture, from, onChoose, onClose }: WireDialogProps) {
  const [sought, setSought] = useState("");
  const [at, setAt] = useState(0);
  const list = useRef<HTMLUListElement>(null);
  const free = useMemo(() => {
    const words = sought.toLowerCase().split(/\s+/);
    return [...picture.ports.values()].filter(
      (port) => port.id !== from && !port.peer && words.every((word) => port.id.toLowerCase().includes(word)),
    );
  }, [picture, from, sought]);
  const here = Math.min(at, free.length - 1);
  useEffect(() => {
    list.current?.querySelector("[aria-selected=true]")?.scrollIntoView({ block: "nearest" });
  }, [here]);

  return (
    <Dialog title={`Wire ${from} with…`} onClose={onClose}>
      <form
        className="dialog-body"
        onSubmit={(event) => {
          event.preventDefault();
          const chosen = free[here];
          if (chosen) onChoose(chosen.id);
        }}
      >
        <Field label="Free port">
          <input
            autoFocus
            role="combobox"
            aria-expanded="true"
            aria-controls="free-ports"
            aria-activedescendant={free[here] ? `free-${here}` : undefined}
            autoComplete="off"
            spellCheck={false}
            placeholder="router, or a part of the port's name"
            value={sought}
            onChange={(event) => {
              setSought(event.target.value);
              setAt(0);
            }}
            onKeyDown={(event) => {
              const step = { ArrowDown: 1, ArrowUp: -1, PageDown: 8, PageUp: -8 }[event.key];
              if (!step) return;
              event.preventDefault();
              setAt(Math.min(free.length - 1, Math.max(0, here + step)));
            }}
          />
        </Field>
        <ul className="choices" id="free-ports" role="listbox" aria-label="Free ports" ref={list}>
          {free.map((port, index) => (
            <li
              key={port.id}
              id={`free-${index}`}
              role="option"
              aria-selected={index === here}
              onPointerDown={(event) => event.preventDefault()}
              onClick={() => onChoose(port.id)}
            >
              <span>{port.id}</span>
              <span className="hint">{LOOKS[port.look]}</span>
            </li>
          ))}
          {free.length === 0 && <li className="hint">No free port is called so.</li>}
        </ul>
        <div className="dialog-foot">
          <button type="button" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" className="primary" disabled={free.length === 0}>
            Connect
          </button>
        </div>
      </form>
    </Dialog>
  );
}

export function CommandDialog({ lab, node, onClose }: { lab: string; node: Node; onClose: () => void }) {
  const [command, setCommand] = useState("");
  const [user, setUser] = useState(node.router?.user ?? "root");
  const [said, setSaid] = useState<{ kind: "out" | "err"; text: string }[]>([]);
  const [status, setStatus] = useState<number | "running" | undefined>(undefined);
  const [problem, setProblem] = useState<unknown>(undefined);
  const abort = useRef<AbortController | undefined>(undefined);
  useEffect(() => () => abort.current?.abort(), []);

  async function run(): Promise<void> {
    abort.current?.abort();
    const mine = new AbortController();
    abort.current = mine;
    setSaid([]);
    setProblem(undefined);
    setStatus("running");
    try {
      const tell = (piece: { kind: "out" | "err"; text: string }): void => setSaid((old) => [...old, piece]);
      setStatus(await runCommand(lab, node.id, { command, user }, tell, mine.signal));
    } catch (error) {
      if (mine.signal.aborted) return;
      setProblem(error);
      setStatus(undefined);
    }
  }

  return (
    <Dialog title={`Run a command on ${node.id}`} onClose={onClose} wide>
      <form
        className="dialog-body"
        onSubmit={(event) => {
          event.preventDefault();
          void run();
        }}
      >
        <div className="command-line">
          <Field label="Command">
            <input
              autoFocus
              required
              className="mono"
              spellCheck={false}
              autoComplete="off"
              placeholder={node.router ? "show version" : "ip address"}
              value={command}
              onChange={(event) => setCommand(event.target.value)}
            />
          </Field>
          {node.router && (
            <Field label="As">
              <select value={user} onChange={(event) => setUser(event.target.value)}>
                {[...new Set([node.router.user, "root"])].map((one) => (
                  <option key={one}>{one}</option>
                ))}
              </select>
            </Field>
          )}
          <button type="submit" className="primary" disabled={status === "running"}>
            {status === "running" ? "Running…" : "Run"}
          </button>
        </div>
        <ProblemNote error={problem} />
        <pre className="output" tabIndex={0} aria-label="Output" aria-live="polite">
          {said.map((piece, index) => (
            <span key={index} className={piece.kind}>
              {piece.text}
            </span>
          ))}
          {typeof status === "number" && <span className="hint">{`\n[exit status ${status}]`}</span>}
        </pre>
      </form>
    </Dialog>
  );
}

export function ConfigurationDialog({ lab, node, onClose }: { lab: string; node: Node; onClose: () => void }) {
  const [text, setText] = useState<string | undefined>(undefined);
  const [problem, setProblem] = useState<unknown>(undefined);
  useEffect(() => {
    savedConfiguration(lab, node.id).then(setText).catch(setProblem);
  }, [lab, node.id]);
  return (
    <Dialog title={`Configuration of ${node.id}`} onClose={onClose} wide>
      <div className="dialog-body">
        <ProblemNote error={problem} />
        {text === undefined && !problem && <p className="loading">Reading it from the router…</p>}
        {text !== undefined && (
          <pre className="output" tabIndex={0} aria-label={`Configuration of ${node.id}`}>
            {text || "Nothing is configured."}
          </pre>
        )}
      </div>
      <div className="dialog-foot">
        <button
          type="button"
          disabled={text === undefined}
          onClick={() => void navigator.clipboard.writeText(text ?? "").catch(setProblem)}
        >
          Copy
        </button>
        <button
          type="button"
          className="primary"
          disabled={text === undefined}
          onClick={() => download(new Blob([text ?? ""], { type: "text/plain" }), `${node.id}.set`)}
        >
          Save as {node.id}.set
        </button>
      </div>
    </Dialog>
  );
}

interface Login {
  router: string;
  user: string;
  password: string;
  root_password: string;
  community: string;
  ssh: string;
  snmp: string;
}

export function LoginsDialog({ lab, node, onClose }: { lab: string; node: Node; onClose: () => void }) {
  const [login, setLogin] = useState<Login | undefined>(undefined);
  const [problem, setProblem] = useState<unknown>(undefined);
  useEffect(() => {
    ok(api.GET("/labs/{name}/credentials", { params: { path: { name: lab } } }))
      .then((answer) => {
        const all = (Array.isArray(answer) ? answer : (answer as { items: Login[] }).items) as Login[];
        setLogin(all.find((one) => one.router === node.id));
      })
      .catch(setProblem);
  }, [lab, node.id]);
  const rows: [string, string | undefined][] = [
    ["SSH", login?.ssh],
    ["User", login?.user],
    ["Password", login?.password],
    ["root's password", login?.root_password],
    ["SNMP", login?.snmp],
    ["Community", login?.community],
  ];
  return (
    <Dialog title={`Logins of ${node.id}`} onClose={onClose}>
      <div className="dialog-body">
        <ProblemNote error={problem} />
        {login && (
          <dl className="facts-list">
            {rows.map(([name, value]) => (
              <div key={name}>
                <dt>{name}</dt>
                <dd>
                  <code className="secret">{value || "–"}</code>
                </dd>
              </div>
            ))}
          </dl>
        )}
      </div>
    </Dialog>
  );
}
