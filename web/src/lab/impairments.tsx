/** What a wire does to frames on purpose, and the dialog that changes it. */
import { useState } from "react";
import { ActionDialog } from "../parts/dialog";
import { Field } from "../parts/field";
import { impair } from "./actions";
import type { Wire } from "./model";

export const IMPAIRMENTS = [
  { key: "delay", title: "Delay", example: "20ms", hint: "Of every frame, as 500us, 20ms or 1s." },
  { key: "jitter", title: "Jitter", example: "2ms", hint: "How much more or less than the delay." },
  { key: "loss", title: "Loss", example: "1%", hint: "Share of the frames that never arrive." },
  { key: "rate", title: "Rate", example: "10m", hint: "Bit/s, as 64k, 10m or 1g." },
] as const;

interface ImpairmentProps {
  lab: string;
  wire: Wire;
  onClose: () => void;
  reread: () => Promise<void>;
}

/** Fields that are empty impair nothing. */
export function ImpairmentDialog({ lab, wire, onClose, reread }: ImpairmentProps) {
  const [wish, setWish] = useState(wire.impairment);
  const given = Object.fromEntries(Object.entries(wish).filter(([, text]) => text.trim() !== ""));
  return (
    <ActionDialog
      title={`Impair ${wire.ends[0]} — ${wire.ends[1]}`}
      action={Object.keys(given).length === 0 ? "Carry every frame at once" : "Impair"}
      onClose={onClose}
      run={async () => {
        await impair(lab, wire, given);
        await reread();
      }}
    >
      <p className="hint">In each direction of its own. Nothing reboots; empty fields impair nothing.</p>
      {IMPAIRMENTS.map(({ key, title, example, hint }) => (
        <Field key={key} label={title} hint={hint}>
          <input
            className="mono"
            autoComplete="off"
            spellCheck={false}
            placeholder={example}
            value={wish[key] ?? ""}
            onChange={(event) => setWish({ ...wish, [key]: event.target.value })}
          />
        </Field>
      ))}
    </ActionDialog>
  );
}
