/** A job: its steps with their states and times, live, its transcript, and the way to stop it. */
import { useCallback, useEffect, useRef, useState } from "react";
import { api, BASE, ok, type Schemas } from "../api/client";
import { useEvents } from "../api/events";
import { Problem, problemOf } from "../api/problem";
import { useReading } from "../api/reading";
import { useSession } from "../api/session";
import { toast } from "../layout/toasts";
import { ActionDialog } from "../parts/dialog";
import { Heading } from "../parts/heading";
import { ProblemNote, Read } from "../parts/problem";
import { State } from "../parts/state";
import { span, Time, useNow } from "../parts/time";
import { Link } from "../routing";
import { Took } from "./lab/jobs";

/** One line of the stream of a job's events. */
interface JobEvent {
  number: number;
  time: number;
  step: string;
  kind: string;
  text: string;
}

export default function JobPage({ id }: { id: string }) {
  const job = useReading(
    `job ${id}`,
    () => ok(api.GET("/jobs/{job}", { params: { path: { job: id } } })),
    (event) => event.kind === "job" && event.data.id === id,
  );
  const { events, problem } = useJobEvents(id);
  return (
    <Read from={job}>
      {(found) => (
        <>
          <Head job={found} steps={events} reread={() => void job.reread()} />
          <ProblemNote error={problem} />
          {found.error && <ProblemNote error={new Problem(0, found.error)} />}
          <Steps events={events} over={found.ended !== null} />
          <Transcript events={events} />
        </>
      )}
    </Read>
  );
}

/** Every event of the job: those so far, and each new one as it is told. */
function useJobEvents(id: string): { events: JobEvent[]; problem: unknown } {
  const [held, setHeld] = useState<{ id: string; events: JobEvent[] }>({ id, events: [] });
  const [problem, setProblem] = useState<unknown>(undefined);
  const reading = useRef(false);
  const again = useRef(false);
  const last = useRef(0);

  const read = useCallback(async () => {
    if (reading.current) {
      again.current = true;
      return;
    }
    reading.current = true;
    try {
      do {
        again.current = false;
        const fresh = await readEvents(id, last.current);
        last.current = fresh.at(-1)?.number ?? last.current;
        if (fresh.length) setHeld((before) => ({ id, events: before.id === id ? [...before.events, ...fresh] : fresh }));
      } while (again.current);
      setProblem(undefined);
    } catch (error) {
      setProblem(problemOf(error));
    } finally {
      reading.current = false;
    }
  }, [id]);

  useEffect(() => void read(), [read]);
  useEvents((event) => {
    if (
      event.kind === "reset" ||
      (event.kind === "step" && event.data.job === id) ||
      (event.kind === "job" && event.data.id === id)
    )
      void read();
  });
  return { events: held.id === id ? held.events : [], problem };
}

async function readEvents(id: string, after: number): Promise<JobEvent[]> {
  const answer = await fetch(`${BASE}/jobs/${encodeURIComponent(id)}/events?after=${after}`, {
    credentials: "same-origin",
    headers: { Accept: "application/x-ndjson" },
  });
  if (!answer.ok) throw new Problem(answer.status, (await answer.json()) as Record<string, unknown>);
  const lines = (await answer.text()).split("\n").filter(Boolean);
  return lines.map((line) => JSON.parse(line) as JobEvent);
}

function Head({ job, steps, reread }: { job: Schemas["Job"]; steps: JobEvent[]; reread: () => void }) {
  const { has } = useSession();
  const [asking, setAsking] = useState(false);
  const running = job.state === "running";
  return (
    <>
      <Heading
        title={`${job.verb} of ${job.lab}`}
        actions={
          running &&
          has("user") &&
          job.verb !== "teardown" && (
            <button type="button" disabled={job.cancelled} onClick={() => setAsking(true)}>
              {job.cancelled ? "Stopping…" : "Stop"}
            </button>
          )
        }
      >
        <div className="facts">
          <State kind="job" state={job.state} />
          <span>
            lab <Link to={`/labs/${job.lab}`}>{job.lab}</Link>
          </span>
          <span>
            started <Time at={job.started} seconds />
          </span>
          <span>
            {job.ended === null ? "for" : "took"}{" "}
            <b>
              <Took started={job.started} ended={job.ended} />
            </b>
          </span>
          <span>{new Set(steps.map((event) => event.step)).size} steps</span>
          {job.resumed > 0 && <span>went on {job.resumed}× after the server had ended</span>}
          <span className="mono muted">{job.id}</span>
        </div>
      </Heading>
      {asking && (
        <ActionDialog
          title={`Stop this ${job.verb}?`}
          action="Stop it"
          danger
          onClose={() => setAsking(false)}
          run={async () => {
            await ok(api.POST("/jobs/{job}/cancel", { params: { path: { job: job.id } } }));
            toast("note", "The job was told to stop.");
            reread();
          }}
        >
          <p>It stops after the step under way. What it has made stays the lab’s; ending the lab takes that away.</p>
        </ActionDialog>
      )}
    </>
  );
}

interface Step {
  name: string;
  begun: number;
  ended: number | null;
  state: "begin" | "done" | "failed" | "note" | "unfinished";
  seconds: number | null;
  text: string;
}

/** What became of each step, in the order of their begins. A step that ran twice is shown as it ran last. */
function stepsOf(events: JobEvent[], over: boolean): Step[] {
  const steps = new Map<string, Step>();
  for (const event of events) {
    const step = steps.get(event.step) ?? {
      name: event.step,
      begun: event.time,
      ended: null,
      state: "note",
      seconds: null,
      text: "",
    };
    steps.set(event.step, step);
    if (event.kind === "begin") Object.assign(step, { begun: event.time, ended: null, state: "begin", seconds: null });
    else if (event.kind === "done")
      Object.assign(step, { ended: event.time, state: "done", seconds: took(event.text) ?? event.time - step.begun });
    else if (event.kind === "failed")
      Object.assign(step, { ended: event.time, state: "failed", seconds: event.time - step.begun, text: event.text });
    else step.text = event.text;
  }
  const found = [...steps.values()];
  if (over) for (const step of found) if (step.state === "begin") step.state = "unfinished";
  return found;
}

function Steps({ events, over }: { events: JobEvent[]; over: boolean }) {
  const steps = stepsOf(events, over);
  if (steps.length === 0) return null;
  const begin = Math.min(...steps.map((step) => step.begun));
  const end = Math.max(begin + 0.001, ...events.map((event) => event.time));
  return (
    <section className="table-box" aria-label="Steps" tabIndex={0}>
      <table className="steps">
        <caption className="unseen">Steps</caption>
        <thead>
          <tr>
            <th scope="col">Step</th>
            <th scope="col">State</th>
            <th scope="col" className="number">
              Took
            </th>
            <th scope="col" className="bar-head">
              <span className="unseen">When</span>
            </th>
            <th scope="col">Last word</th>
          </tr>
        </thead>
        <tbody>
          {steps.map((step) => (
            <tr key={step.name}>
              <th scope="row">{step.name}</th>
              <td>
                <State state={step.state === "begin" ? "running" : step.state} kind="job" />
              </td>
              <td className="number">
                {step.seconds !== null ? seconds(step.seconds) : step.state === "begin" ? <Since at={step.begun} /> : ""}
              </td>
              <td>
                <Bar begin={begin} end={end} from={step.begun} until={step.ended ?? end} state={step.state} />
              </td>
              <td className="muted">{step.text}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

function seconds(amount: number): string {
  return amount < 60 ? `${amount.toFixed(1)} s` : span(amount);
}

function Since({ at }: { at: number }) {
  return <>{span(useNow() - at)}</>;
}

interface BarProps {
  begin: number;
  end: number;
  from: number;
  until: number;
  state: string;
}

function Bar({ begin, end, from, until, state }: BarProps) {
  const scale = 100 / (end - begin);
  const left = (from - begin) * scale;
  return (
    <div className="span-bar" aria-hidden="true">
      <span className={`span-${state}`} style={{ left: `${left}%`, width: `${Math.max((until - from) * scale, 0.6)}%` }} />
    </div>
  );
}

function Transcript({ events }: { events: JobEvent[] }) {
  const box = useRef<HTMLDivElement>(null);
  const stay = useRef(true);
  useEffect(() => {
    if (stay.current && box.current) box.current.scrollTop = box.current.scrollHeight;
  }, [events]);
  return (
    <section className="panel transcript">
      <h2>Transcript</h2>
      <div
        ref={box}
        className="log"
        role="log"
        aria-label="Transcript"
        tabIndex={0}
        onScroll={(event) => {
          const at = event.currentTarget;
          stay.current = at.scrollHeight - at.scrollTop - at.clientHeight < 30;
        }}
      >
        {events.map((event) => (
          <div key={event.number} className={`log-line log-${event.kind}`}>
            <Time at={event.time} seconds />
            <span className="log-step">{event.step}</span>
            <span>{text(event)}</span>
          </div>
        ))}
      </div>
    </section>
  );
}

/** Seconds in the text of a step that is done, "12.3 s". */
function took(text: string): number | null {
  const found = /^([\d.]+)( s)?$/.exec(text);
  return found ? Number(found[1]) : null;
}

function text(event: JobEvent): string {
  if (event.kind === "begin") return event.text ? `begins: ${event.text}` : "begins";
  if (event.kind === "done") return `done ${took(event.text) === null ? event.text : `after ${seconds(took(event.text) ?? 0)}`}`;
  if (event.kind === "failed") return `failed: ${event.text}`;
  return event.text;
}
