/** A labelled field of a form, with its hint tied to it. */
import { cloneElement, type ReactElement, useId } from "react";

interface FieldProps {
  label: string;
  hint?: string;
  children: ReactElement<{ id?: string; "aria-describedby"?: string }>;
}

export function Field({ label, hint, children }: FieldProps) {
  const id = useId();
  const given = children.props.id ?? id;
  return (
    <div className="field">
      <label htmlFor={given}>{label}</label>
      {cloneElement(children, { id: given, ...(hint ? { "aria-describedby": `${given}-hint` } : {}) })}
      {hint && (
        <div className="hint" id={`${given}-hint`}>
          {hint}
        </div>
      )}
    </div>
  );
}
