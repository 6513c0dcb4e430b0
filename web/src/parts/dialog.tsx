/** A modal dialog: the browser's own, so the focus stays inside, Escape closes, and it returns to where it came from. */
import { type ReactNode, useEffect, useId, useRef, useState } from "react";
import { ProblemNote } from "./problem";

interface DialogProps {
  title: string;
  onClose: () => void;
  children: ReactNode;
  wide?: boolean;
}

export function Dialog({ title, onClose, children, wide = false }: DialogProps) {
  const box = useRef<HTMLDialogElement>(null);
  const heading = useId();
  useEffect(() => {
    const came = document.activeElement;
    box.current?.showModal();
    // The browser would take the first button, which closes; the autofocus of React comes before the dialog is open.
    box.current?.querySelector<HTMLElement>("form input, form select, form textarea")?.focus();
    return () => {
      if ((came instanceof HTMLElement || came instanceof SVGElement) && came.isConnected) came.focus();
    };
  }, []);
  return (
    <dialog
      ref={box}
      className={wide ? "wide" : undefined}
      aria-labelledby={heading}
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
    >
      <div className="dialog-head">
        <h2 id={heading}>{title}</h2>
        <button type="button" className="quiet icon" aria-label="Close" onClick={onClose}>
          ×
        </button>
      </div>
      {children}
    </dialog>
  );
}

interface ActionProps {
  title: string;
  /** Word on the button that does it. */
  action: string;
  danger?: boolean;
  /** May reject; the problem is shown and the dialog stays. */
  run: () => Promise<void>;
  onClose: () => void;
  children: ReactNode;
  disabled?: boolean;
}

/** A dialog with a form that does one thing. */
export function ActionDialog({ title, action, danger = false, run, onClose, children, disabled = false }: ActionProps) {
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<unknown>(undefined);
  async function submit(): Promise<void> {
    setBusy(true);
    setProblem(undefined);
    try {
      await run();
      onClose();
    } catch (error) {
      setProblem(error);
      setBusy(false);
    }
  }
  return (
    <Dialog title={title} onClose={onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (!busy) void submit();
        }}
      >
        <div className="dialog-body">
          {children}
          <ProblemNote error={problem} />
        </div>
        <div className="dialog-foot">
          <button type="button" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" className={danger ? "danger" : "primary"} disabled={busy || disabled}>
            {action}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
