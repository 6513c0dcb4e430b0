/** The consoles of a lab's machines and shells of its routers, each in a tab; what is open stays connected. */
import "../styles/lab.css";
import "../styles/console.css";
import { type KeyboardEvent, useEffect, useMemo, useState } from "react";
import { useSession } from "../api/session";
import type { Lab, LabPart } from "../lab/part";
import { tone } from "../parts/state";
import { navigate } from "../routing";
import type { Target } from "./line";
import { TerminalView } from "./terminal";

const SHELL = "ssh:";
/** In front of a router's name: its shell, not its console. */

function keptAt(lab: string): string {
  return `rackless.consoles.${lab}`;
}

function kept(lab: string): string[] {
  try {
    const found: unknown = JSON.parse(sessionStorage.getItem(keptAt(lab)) ?? "[]");
    return Array.isArray(found) ? found.filter((one): one is string => typeof one === "string") : [];
  } catch {
    return [];
  }
}

export default function Consoles({ lab, machine }: LabPart & { machine: string | undefined }) {
  const mayUse = useSession().has("user");
  const first = lab.machines.find((one) => one.role !== "card") ?? lab.machines[0];
  const wanted = machine ?? "";
  const [open, setOpen] = useState<string[]>(() => {
    const there = kept(lab.name).filter((one) => exists(lab, one, mayUse));
    const start = wanted || there[0] || first?.name || "";
    return start && !there.includes(start) ? [...there, start] : there;
  });
  const shown = wanted || open[0] || "";
  if (wanted && !open.includes(wanted) && exists(lab, wanted, mayUse)) setOpen([...open, wanted]);

  useEffect(() => {
    sessionStorage.setItem(keptAt(lab.name), JSON.stringify(open));
  }, [lab.name, open]);

  function show(one: string): void {
    navigate(`/labs/${lab.name}/consoles${one ? `/${one}` : ""}`, { replace: true });
  }

  function close(one: string): void {
    const left = open.filter((other) => other !== one);
    setOpen(left);
    if (one === shown) show(left[Math.max(0, open.indexOf(one) - 1)] ?? "");
  }

  return (
    <div className="consoles">
      <Machines lab={lab} open={open} shown={shown} mayUse={mayUse} onShow={show} />
      <div className="console-main panel">
        <Tabs open={open} shown={shown} onShow={show} onClose={close} />
        {open.map((one) => (
          <div key={one} role="tabpanel" aria-label={titleOf(one)} hidden={one !== shown} className="console-panel">
            <TerminalView target={targetOf(lab, one)} title={titleOf(one)} shown={one === shown} />
          </div>
        ))}
        {open.length === 0 && <p className="console-none muted">Choose a machine.</p>}
      </div>
    </div>
  );
}

function exists(lab: Lab, one: string, mayUse: boolean): boolean {
  if (one.startsWith(SHELL)) return mayUse && lab.routers.some((router) => `${SHELL}${router.name}` === one);
  return lab.machines.some((machine) => machine.name === one);
}

function titleOf(one: string): string {
  return one.startsWith(SHELL) ? `SSH to ${one.slice(SHELL.length)}` : `Console of ${one}`;
}

function targetOf(lab: Lab, one: string): Target {
  if (!one.startsWith(SHELL)) return { kind: "console", lab: lab.name, machine: one };
  const router = one.slice(SHELL.length);
  return { kind: "shell", lab: lab.name, router, user: lab.routers.find((found) => found.name === router)?.user ?? "root" };
}

interface TabsProps {
  open: string[];
  shown: string;
  onShow: (one: string) => void;
  onClose: (one: string) => void;
}

function Tabs({ open, shown, onShow, onClose }: TabsProps) {
  function typed(event: KeyboardEvent<HTMLElement>): void {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (event.key === "Delete") onClose(shown);
    if (!step) return;
    event.preventDefault();
    const next = open[(open.indexOf(shown) + step + open.length) % open.length];
    if (next) onShow(next);
  }
  return (
    <div className="console-tabs">
      <div role="tablist" aria-label="Open consoles" onKeyDown={typed}>
        {open.map((one) => (
          <button
            key={one}
            type="button"
            role="tab"
            aria-selected={one === shown}
            tabIndex={one === shown ? 0 : -1}
            title={titleOf(one)}
            onClick={() => onShow(one)}
            onAuxClick={(event) => event.button === 1 && onClose(one)}
          >
            {one.startsWith(SHELL) ? `${one.slice(SHELL.length)} ssh` : one}
          </button>
        ))}
      </div>
      {shown && open.includes(shown) && (
        <button type="button" className="small quiet" onClick={() => onClose(shown)} aria-label={`Close ${titleOf(shown)}`}>
          Close
        </button>
      )}
    </div>
  );
}

interface MachinesProps {
  lab: Lab;
  open: string[];
  shown: string;
  mayUse: boolean;
  onShow: (one: string) => void;
}

/** What can be opened, by router. */
function Machines({ lab, open, shown, mayUse, onShow }: MachinesProps) {
  const [sought, setSought] = useState("");
  const owners = useMemo(() => {
    const found = new Map<string, string[]>();
    for (const machine of lab.machines) found.set(machine.owner, [...(found.get(machine.owner) ?? []), machine.name]);
    return [...found].sort(([a], [b]) => a.localeCompare(b, "en", { numeric: true }));
  }, [lab.machines]);
  const states = new Map(lab.machines.map((machine) => [machine.name, machine.state]));
  const item = (one: string, words: string) => (
    <li key={one}>
      <button
        type="button"
        className="quiet"
        aria-current={one === shown ? "true" : undefined}
        onClick={() => onShow(one)}
        title={open.includes(one) ? "open" : undefined}
      >
        <span className={`state state-${tone(states.get(one) ?? "")}`} title={states.get(one) ?? ""}>
          {states.has(one) && <span className="lamp" aria-hidden="true" />}
        </span>
        {words}
        {states.has(one) && <span className="unseen">, {states.get(one)}</span>}
      </button>
    </li>
  );
  const seen = owners.filter(([owner, names]) => [owner, ...names].some((one) => one.includes(sought.toLowerCase())));
  return (
    <nav className="console-list panel" aria-label="Machines">
      {owners.length > 6 && (
        <input
          type="search"
          aria-label="Find a machine"
          placeholder="Find"
          value={sought}
          onChange={(event) => setSought(event.target.value)}
        />
      )}
      {seen.map(([owner, names]) => {
        const router = lab.routers.some((one) => one.name === owner);
        return (
          <section key={owner} aria-label={owner}>
            <h3>{owner}</h3>
            <ul>
              {names.map((name) => item(name, name))}
              {router && mayUse && item(`${SHELL}${owner}`, "SSH")}
            </ul>
          </section>
        );
      })}
    </nav>
  );
}
