/** A new lab: a blueprint, when it is wanted, and what it would take. */
import { type FormEvent, lazy, Suspense, useDeferredValue, useEffect, useId, useRef, useState } from "react";
import { api, ok, type Schemas } from "../api/client";
import { type Problem, problemOf } from "../api/problem";
import { useDraft } from "../editor/draft";
import { toast } from "../layout/toasts";
import { count, memory } from "../parts/amounts";
import { Field } from "../parts/field";
import { Heading } from "../parts/heading";
import { ProblemNote } from "../parts/problem";
import { fromInput, moment, toInput } from "../parts/time";
import { navigate } from "../routing";

const BlueprintEditor = lazy(() => import("../editor/blueprint-editor"));

type Plan = Schemas["Summary"];

const EXAMPLE = `name: my-lab
routers:
  west: {family: reference, cards: 1, ports_per_card: 2}
  east: {family: reference, cards: 1, ports_per_card: 2}
wires:
  - [west:ge-0/0/0, east:ge-0/0/0]
`;
const LENGTHS: readonly [string, number | null][] = [
  ["1 hour", 3600],
  ["2 hours", 7200],
  ["4 hours", 14_400],
  ["8 hours", 28_800],
  ["1 day", 86_400],
  ["3 days", 259_200],
  ["1 week", 604_800],
];
const PAUSE = 350;
/** Milliseconds without a key before what was typed is planned. */
const LARGEST = 4 << 20;

interface Draft {
  text: string;
  name: string;
  files: Record<string, string>;
}

const EMPTY: Draft = { text: EXAMPLE, name: "", files: {} };

function body(draft: Draft) {
  return { text: draft.text, file: "blueprint.yaml", files: draft.files, complete: false, name: draft.name || null };
}

export default function NewLab() {
  const { draft = EMPTY, keep: setDraft, forget } = useDraft<Draft>("new");
  const [when, setWhen] = useState<"now" | "at">("now");
  const [begin, setBegin] = useState(() => toInput(Math.ceil(Date.now() / 3_600_000) * 3600));
  const [length, setLength] = useState("7200");
  const [until, setUntil] = useState(() => toInput(Math.ceil(Date.now() / 3_600_000) * 3600 + 7200));
  const [queue, setQueue] = useState(false);
  const [saves, setSaves] = useState(false);
  const [busy, setBusy] = useState(false);
  const [refusal, setRefusal] = useState<unknown>(undefined);
  const { plan, problem } = usePlan(draft);

  async function submit(event: FormEvent): Promise<void> {
    event.preventDefault();
    setBusy(true);
    setRefusal(undefined);
    const seconds = length === "until" || length === "open" ? null : Number(length);
    const begins = when === "at" ? fromInput(begin) : null;
    const ends = length === "until" ? fromInput(until) : null;
    try {
      const found = await ok(api.POST("/labs", { body: { ...body(draft), begins, seconds, ends, queue, saves, cold: false } }));
      forget();
      const words: Record<string, string> = { booked: "is booked", waiting: "waits in the queue" };
      toast("good", `${found.lab} ${words[found.kind] ?? "is being made"}.`);
      navigate(found.job ? `/jobs/${found.job}` : `/labs/${found.lab}`);
    } catch (error) {
      setRefusal(error);
      setBusy(false);
    }
  }

  return (
    <>
      <Heading title="New lab" />
      <form className="new-lab" onSubmit={(event) => void submit(event)}>
        <div className="new-main">
          <BlueprintField draft={draft} setDraft={setDraft} problem={problem} />
          <Preview plan={plan} problem={problem} />
        </div>
        <div className="new-side">
          <section className="panel">
            <h2>When</h2>
            <div className="panel-body">
              <fieldset>
                <legend>Begin</legend>
                <label className="check">
                  <input type="radio" name="when" checked={when === "now"} onChange={() => setWhen("now")} /> Now
                </label>
                <label className="check">
                  <input type="radio" name="when" checked={when === "at"} onChange={() => setWhen("at")} /> At a time
                </label>
                {when === "at" && (
                  <input
                    type="datetime-local"
                    aria-label="Begin at"
                    required
                    value={begin}
                    onChange={(e) => setBegin(e.target.value)}
                  />
                )}
              </fieldset>
              <Field label="For">
                <select value={length} onChange={(event) => setLength(event.target.value)}>
                  {LENGTHS.map(([text, amount]) => (
                    <option key={text} value={String(amount)}>
                      {text}
                    </option>
                  ))}
                  <option value="until">until a time…</option>
                  <option value="open">no end</option>
                </select>
              </Field>
              {length === "until" && (
                <Field label="Until">
                  <input type="datetime-local" required value={until} onChange={(event) => setUntil(event.target.value)} />
                </Field>
              )}
              <p className="hint">Times are in your browser’s zone, {Intl.DateTimeFormat().resolvedOptions().timeZone}.</p>
              <label className="check">
                <input type="checkbox" checked={queue} onChange={(event) => setQueue(event.target.checked)} />
                Wait in the queue if it does not fit then
              </label>
              <label className="check">
                <input type="checkbox" checked={saves} onChange={(event) => setSaves(event.target.checked)} />
                Save the configurations at its end
              </label>
              <Field label="Name" hint="Leave it empty for the blueprint’s own">
                <input
                  autoCapitalize="none"
                  value={draft.name}
                  placeholder={plan?.lab ?? ""}
                  onChange={(event) => setDraft({ ...draft, name: event.target.value })}
                />
              </Field>
              <ProblemNote error={refusal} />
              <button type="submit" className="primary wide" disabled={busy || plan === null}>
                {when === "now" ? "Deploy" : `Book${begin ? ` for ${moment(fromInput(begin))}` : ""}`}
              </button>
            </div>
          </section>
          <Files draft={draft} setDraft={setDraft} problem={problem} />
        </div>
      </form>
    </>
  );
}

/** What the blueprint would make, asked anew a moment after the last key. */
function usePlan(draft: Draft): { plan: Plan | null; problem: Problem | null } {
  const [found, setFound] = useState<{ plan: Plan | null; problem: Problem | null }>({ plan: null, problem: null });
  const given = useDeferredValue(draft);
  useEffect(() => {
    const stop = new AbortController();
    const timer = window.setTimeout(() => {
      ok(api.POST("/plans", { body: body(given), signal: stop.signal }))
        .then((plan) => setFound({ plan, problem: null }))
        .catch((error: unknown) => {
          if (!stop.signal.aborted) setFound({ plan: null, problem: problemOf(error) });
        });
    }, PAUSE);
    return () => {
      window.clearTimeout(timer);
      stop.abort();
    };
  }, [given]);
  return found;
}

interface DraftProps {
  draft: Draft;
  setDraft: (draft: Draft) => void;
  problem: Problem | null;
}

function BlueprintField({ draft, setDraft, problem }: DraftProps) {
  const id = useId();
  const [over, setOver] = useState(false);
  async function take(files: FileList | null): Promise<void> {
    const [first, ...rest] = Array.from(files ?? []);
    if (!first) return;
    const more = Object.fromEntries(await Promise.all(rest.map(async (file) => [file.name, await file.text()] as const)));
    if (first.size > LARGEST) toast("bad", `${first.name} is too large for a blueprint.`);
    else setDraft({ ...draft, text: await first.text(), files: { ...draft.files, ...more } });
  }
  return (
    <section
      className={`panel blueprint-field${over ? " dropping" : ""}`}
      aria-label="Blueprint"
      onDragOver={(event) => {
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={(event) => {
        event.preventDefault();
        setOver(false);
        void take(event.dataTransfer.files);
      }}
    >
      <div className="panel-head">
        <h2>Blueprint</h2>
        <span>
          <label htmlFor={id} className="button small">
            Open a file…
          </label>
          <input
            id={id}
            type="file"
            className="unseen"
            accept=".yaml,.yml,.clab.yml"
            multiple
            onChange={(event) => void take(event.target.files)}
          />
        </span>
      </div>
      <Suspense fallback={<p className="loading">Loading…</p>}>
        <BlueprintEditor
          label="Blueprint"
          value={draft.text}
          onChange={(text) => setDraft({ ...draft, text })}
          problems={problem?.problems ?? []}
        />
      </Suspense>
    </section>
  );
}

/** The files that the blueprint names (start-up configurations): asked for by the server, given here. */
function Files({ draft, setDraft, problem }: DraftProps) {
  const wanted = problem?.code === "files-needed" ? problem.files : [];
  const names = [...new Set([...Object.keys(draft.files), ...wanted])].sort();
  const field = useRef<HTMLInputElement>(null);
  if (names.length === 0) return null;
  async function take(name: string, file: File | undefined): Promise<void> {
    if (file) setDraft({ ...draft, files: { ...draft.files, [name]: await file.text() } });
  }
  return (
    <section className="panel">
      <h2>Files it names</h2>
      <div className="panel-body">
        {names.map((name) => (
          <Field
            key={name}
            label={name}
            hint={name in draft.files ? `${draft.files[name]?.length} characters` : "Still to be given"}
          >
            <input ref={field} type="file" onChange={(event) => void take(name, event.target.files?.[0])} />
          </Field>
        ))}
      </div>
    </section>
  );
}

function Preview({ plan, problem }: { plan: Plan | null; problem: Problem | null }) {
  return (
    <section className="panel" aria-live="polite" aria-label="Plan">
      <h2>What it takes</h2>
      <div className="panel-body">
        {problem && <ProblemNote error={problem} />}
        {plan && <PlanView plan={plan} />}
        {!plan && !problem && <p className="muted">Planning…</p>}
      </div>
    </section>
  );
}

/** What a place can and can't do, in a few words. */
function able(place: Plan["places"][number]): string {
  const parts = [place.live_rewire ? "wires move live" : "a machine is off while a wire of it moves"];
  if (place.most_nics !== null) parts.push(`at most ${place.most_nics} NICs a machine`);
  if (place.segment_most_mtu !== null) parts.push(`segments carry ${place.segment_most_mtu} octets`);
  if (place.numbers !== null) parts.push(`segments take numbers of ${place.numbers}`);
  return parts.join("; ");
}

function PlanView({ plan }: { plan: Plan }) {
  const { totals } = plan;
  return (
    <>
      <div className="facts plan-facts">
        <span>
          <b>{plan.lab}</b>
        </span>
        <span>{count(totals.routers, "router")}</span>
        {totals.hosts > 0 && <span>{count(totals.hosts, "host")}</span>}
        <span>
          <b>{count(totals.machines, "machine")}</b>
        </span>
        <span>
          <b>{memory(totals.memory)}</b> of memory
        </span>
        <span>
          <b>{totals.vcpus}</b> {totals.vcpus === 1 ? "processor" : "processors"}
        </span>
        <span>{count(totals.ports, "port")}</span>
        <span>{count(totals.wires, "wire")}</span>
        {plan.places.map((place) => (
          <span key={place.name} title={able(place)}>
            at <b>{place.name}</b>
          </span>
        ))}
      </div>
      {plan.problems.map(({ message, hint }) => (
        <div key={message} className="note note-bad" role="alert">
          {message} {hint}
        </div>
      ))}
      <div className="table-scroll tall" role="region" aria-label="Machines of the plan" tabIndex={0}>
        <table>
          <thead>
            <tr>
              <th scope="col">Machine</th>
              <th scope="col">Role</th>
              <th scope="col">Image</th>
              <th scope="col" className="number">
                Memory
              </th>
              <th scope="col" className="number">
                vCPU
              </th>
              <th scope="col">Management</th>
              <th scope="col">Ports</th>
            </tr>
          </thead>
          <tbody>
            {plan.machines.map((machine) => (
              <tr key={machine.name}>
                <th scope="row" className="mono">
                  {machine.name}
                </th>
                <td>{machine.role}</td>
                <td>{machine.image}</td>
                <td className="number">{memory(machine.memory)}</td>
                <td className="number">{machine.vcpus}</td>
                <td className="mono">{machine.management}</td>
                <td className="mono muted">
                  {plan.ports
                    .filter(
                      (port) =>
                        port.machine === machine.name || (port.machine === machine.owner && machine.role === "controller"),
                    )
                    .map((port) => (port.peer ? `${port.label} → ${port.peer}` : port.label))
                    .join(", ")}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </>
  );
}
