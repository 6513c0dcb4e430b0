/** What can be done with a whole lab: another end, and its end now. */
import { useState } from "react";
import { api, ok } from "../api/client";
import { toast } from "../layout/toasts";
import { ActionDialog } from "./dialog";
import { Field } from "./field";
import { fromInput, moment, Time, toInput } from "./time";

interface Named {
  name: string;
  ends: number | null;
}

const LONGER: readonly [string, number][] = [
  ["1 hour", 3600],
  ["2 hours", 7200],
  ["4 hours", 14_400],
  ["8 hours", 28_800],
  ["1 day", 86_400],
  ["1 week", 604_800],
];

export function ExtendDialog({ lab, onClose, onDone }: { lab: Named; onClose: () => void; onDone: () => void }) {
  const [how, setHow] = useState("3600");
  const [until, setUntil] = useState(() => toInput((lab.ends ?? Date.now() / 1000) + 3600));

  async function run(): Promise<void> {
    const seconds = how === "until" || how === "open" ? null : Number(how);
    const ends = how === "until" ? fromInput(until) : null;
    const found = await ok(api.POST("/labs/{name}/extend", { params: { path: { name: lab.name } }, body: { seconds, ends } }));
    toast("good", found.ends === null ? `${lab.name} has no end now.` : `${lab.name} ends at ${moment(found.ends)} now.`);
    onDone();
  }

  return (
    <ActionDialog title={`Another end for ${lab.name}`} action="Set the end" run={run} onClose={onClose}>
      <p className="muted">
        {lab.ends === null ? (
          "It has no end now."
        ) : (
          <>
            It ends at <Time at={lab.ends} /> now.
          </>
        )}
      </p>
      <Field label={lab.ends === null ? "From now" : "Longer by"}>
        <select value={how} onChange={(event) => setHow(event.target.value)}>
          {LONGER.map(([text, seconds]) => (
            <option key={seconds} value={seconds}>
              {text}
            </option>
          ))}
          <option value="until">until a time…</option>
          <option value="open">no end</option>
        </select>
      </Field>
      {how === "until" && (
        <Field label="Until" hint="In your browser's zone">
          <input type="datetime-local" required value={until} onChange={(event) => setUntil(event.target.value)} />
        </Field>
      )}
    </ActionDialog>
  );
}

interface EndProps {
  lab: { name: string; state: string };
  onClose: () => void;
  /** With the id of the job that takes it away, "" if there is none. */
  onDone: (job: string) => void;
}

export function EndDialog({ lab, onClose, onDone }: EndProps) {
  const [saves, setSaves] = useState(false);
  const begun = lab.state !== "booked" && lab.state !== "waiting";

  async function run(): Promise<void> {
    const { data, error, response } = await api.DELETE("/labs/{name}", {
      params: { path: { name: lab.name }, query: { saves } },
    });
    if (!response.ok) await ok(Promise.resolve({ data, error, response }));
    toast("good", begun ? `${lab.name} is being taken away.` : `The booking of ${lab.name} is cancelled.`);
    onDone(data?.job ?? "");
  }

  return (
    <ActionDialog
      title={begun ? `End ${lab.name}?` : `Cancel the booking of ${lab.name}?`}
      action={begun ? "End the lab" : "Cancel the booking"}
      danger
      run={run}
      onClose={onClose}
    >
      {begun ? (
        <>
          <p>All its machines, disks and wires go, and with them whatever was not saved.</p>
          <label className="check">
            <input type="checkbox" checked={saves} onChange={(event) => setSaves(event.target.checked)} />
            Save the routers’ configurations first
          </label>
        </>
      ) : (
        <p>Nothing of it was made yet; its time becomes free for others.</p>
      )}
    </ActionDialog>
  );
}
