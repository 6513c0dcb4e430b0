/** The blueprint of a lab, and its change while the lab runs: what another text would change is shown before it is done. */
import { useEffect, useState } from "react";
import { api, ok, type Schemas } from "../api/client";
import { type Problem, problemOf } from "../api/problem";
import { useReading } from "../api/reading";
import { useSession } from "../api/session";
import type { LabPart } from "../lab/part";
import { toast } from "../layout/toasts";
import { count } from "../parts/amounts";
import { ProblemNote, Read } from "../parts/problem";
import { navigate } from "../routing";
import BlueprintEditor from "./blueprint-editor";
import { begin, useDraft } from "./draft";

const PAUSE = 500;
/** Milliseconds without a key before the server is asked what would change. */

interface Written {
  text: string;
  file: string;
  files: Record<string, string>;
}

type Change = Schemas["ChangeRow"];
type Applied = Schemas["Applied"];

interface Terms {
  replace: boolean;
  prune: boolean;
}

async function read(name: string): Promise<Written> {
  // It is text too, for who asks for that.
  const found = (await ok(api.GET("/labs/{name}/blueprint", { params: { path: { name } } }))) as Schemas["LabBlueprint"];
  return { text: found.text, file: found.file, files: found.files };
}

async function apply(name: string, written: Written, terms: Terms, dry: boolean, signal?: AbortSignal): Promise<Applied> {
  const body = { ...written, ...terms, complete: false, dry_run: dry };
  return ok(api.PUT("/labs/{name}/blueprint", { params: { path: { name } }, body, ...(signal ? { signal } : {}) }));
}

export default function LabBlueprint({ lab, reread }: LabPart) {
  const found = useReading(
    `blueprint ${lab.name}`,
    () => read(lab.name),
    (event) => event.kind === "job" && event.data.lab === lab.name,
  );
  return (
    <Read from={found}>
      {(written) => <Editing key={lab.name} lab={lab} written={written} reread={() => Promise.all([found.reread(), reread()])} />}
    </Read>
  );
}

interface EditingProps {
  lab: LabPart["lab"];
  written: Written;
  reread: () => Promise<unknown>;
}

function Editing({ lab, written, reread }: EditingProps) {
  const { self, has } = useSession();
  const may = has("operator") || (has("user") && lab.owner === self?.name);
  const { draft, keep, forget } = useDraft<Written>(`lab ${lab.name}`);
  const [terms, setTerms] = useState<Terms>({ replace: false, prune: false });
  const [busy, setBusy] = useState(false);
  const [refusal, setRefusal] = useState<unknown>(undefined);
  const now = draft ?? written;
  const differs = draft !== undefined && (draft.text !== written.text || draft.files !== written.files);
  const { changes, problem, asking } = useChanges(lab.name, now, terms, may && lab.state !== "tearing-down");
  const wanted = changes?.filter((one) => one.verb !== "keep") ?? [];
  const refused = wanted.filter((one) => !one.allowed);

  async function submit(): Promise<void> {
    setBusy(true);
    setRefusal(undefined);
    try {
      const done = await apply(lab.name, now, terms, false);
      forget();
      toast("good", done.job ? `${lab.name} is being changed.` : `${lab.name} is as this blueprint says.`);
      if (done.job) navigate(`/jobs/${done.job}`);
      else await reread();
    } catch (error) {
      setRefusal(error);
    } finally {
      setBusy(false);
    }
  }

  return (
    <div className="lab-blueprint">
      <section className="panel" aria-label="Blueprint">
        <div className="panel-head">
          <h2>{now.file}</h2>
          <span>
            {differs && <span className="tag">changed, not applied</span>}{" "}
            {draft && (
              <button type="button" className="small" onClick={forget}>
                Back to the lab’s
              </button>
            )}{" "}
            {has("user") && (
              <button
                type="button"
                className="small"
                onClick={() => {
                  begin("new", { text: now.text, name: `${lab.name}-2`, files: now.files });
                  navigate("/new");
                }}
              >
                Another lab of it…
              </button>
            )}
          </span>
        </div>
        <BlueprintEditor
          label={`Blueprint of ${lab.name}`}
          value={now.text}
          onChange={(text) => text !== now.text && keep({ ...now, text })}
          problems={problem?.problems ?? []}
          readOnly={!may}
          file={now.file}
        />
      </section>
      <section className="panel" aria-label="What would change" aria-live="polite" aria-busy={asking}>
        <h2>What would change</h2>
        <div className="panel-body">
          {!may && <p className="hint">Only its owner and operators change a lab.</p>}
          {problem && <ProblemNote error={problem} />}
          {problem?.code === "files-needed" && <Files wanted={problem.files} written={now} keep={keep} />}
          {may && !problem && changes === undefined && <p className="muted">Comparing…</p>}
          {!problem && changes && wanted.length === 0 && <p className="muted">Nothing: the lab is as this blueprint says.</p>}
          <Changes changes={wanted} />
          {may && (
            <>
              <label className="check">
                <input
                  type="checkbox"
                  checked={terms.replace}
                  onChange={(event) => setTerms({ ...terms, replace: event.target.checked })}
                />
                Machines may be switched off or made anew
              </label>
              <label className="check">
                <input
                  type="checkbox"
                  checked={terms.prune}
                  onChange={(event) => setTerms({ ...terms, prune: event.target.checked })}
                />
                Take away wires that were drawn by hand
              </label>
              <ProblemNote error={refusal} />
              <button
                type="button"
                className="primary wide"
                disabled={busy || asking || !!problem || wanted.length === 0 || refused.length > 0}
                onClick={() => void submit()}
              >
                {wanted.length > 0 ? `Apply ${count(wanted.length, "change")}` : "Apply"}
              </button>
            </>
          )}
        </div>
      </section>
    </div>
  );
}

const SIGNS: Record<Change["verb"], string> = { add: "+", remove: "−", change: "~", keep: "=" };
const EFFECTS: Record<Change["effect"], string> = {
  none: "",
  live: "while everything runs",
  restart: "machines are switched off and on",
  anew: "machines are made anew: what was configured since is lost",
};

function Changes({ changes }: { changes: readonly Change[] }) {
  if (changes.length === 0) return null;
  return (
    <ul className="changes">
      {changes.map((one) => (
        <li key={`${one.kind} ${one.name} ${one.verb}`}>
          <span className={`verb verb-${one.verb}`} aria-hidden="true">
            {SIGNS[one.verb]}
          </span>
          <div>
            <span className="unseen">{one.verb} </span>
            {one.kind} <b>{one.name}</b>
            <div className="hint">{[one.reason, EFFECTS[one.effect], one.machines.join(", ")].filter(Boolean).join("; ")}</div>
            {!one.allowed && <div className="hint refused">Needs the permission below.</div>}
          </div>
        </li>
      ))}
    </ul>
  );
}

interface FilesProps {
  wanted: readonly string[];
  written: Written;
  keep: (written: Written) => void;
}

function Files({ wanted, written, keep }: FilesProps) {
  return (
    <div className="field">
      {wanted
        .filter((name) => !(name in written.files))
        .map((name) => (
          <label key={name}>
            {name}{" "}
            <input
              type="file"
              onChange={(event) => {
                const file = event.target.files?.[0];
                if (file) void file.text().then((text) => keep({ ...written, files: { ...written.files, [name]: text } }));
              }}
            />
          </label>
        ))}
    </div>
  );
}

interface Compared {
  changes: Change[] | undefined;
  problem: Problem | undefined;
  asking: boolean;
}

/** What the text would change, asked anew a moment after the last key; the latest question wins. */
function useChanges(name: string, written: Written, terms: Terms, on: boolean): Compared {
  const [found, setFound] = useState<Compared>({ changes: undefined, problem: undefined, asking: false });
  const { text, files, file } = written;
  const { replace, prune } = terms;
  useEffect(() => {
    if (!on) return;
    const stop = new AbortController();
    setFound((old) => ({ ...old, asking: true }));
    const timer = window.setTimeout(() => {
      apply(name, { text, files, file }, { replace, prune }, true, stop.signal)
        .then((done) => setFound({ changes: done.changes, problem: undefined, asking: false }))
        .catch((error: unknown) => {
          if (!stop.signal.aborted) setFound({ changes: undefined, problem: problemOf(error), asking: false });
        });
    }, PAUSE);
    return () => {
      stop.abort();
      window.clearTimeout(timer);
    };
  }, [name, text, files, file, replace, prune, on]);
  return found;
}
