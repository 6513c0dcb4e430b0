/** A text field for a blueprint. */
import type { BlueprintProblem } from "../api/problem";

export interface BlueprintEditorProps {
  value: string;
  onChange: (text: string) => void;
  /** What the field is, for screen readers. */
  label: string;
  /** Shown at their places. */
  problems: readonly BlueprintProblem[];
  readOnly?: boolean;
}

export default function BlueprintEditor({ value, onChange, label, readOnly = false }: BlueprintEditorProps) {
  return (
    <textarea
      aria-label={label}
      className="mono blueprint-text"
      rows={18}
      spellCheck={false}
      readOnly={readOnly}
      value={value}
      onChange={(event) => onChange(event.target.value)}
    />
  );
}
