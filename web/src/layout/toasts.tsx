/** Short messages at the edge of the page, told to screen readers too. */
import { useSyncExternalStore } from "react";
import { problemOf } from "../api/problem";
import { Spoken } from "../parts/problem";

export interface Toast {
  id: number;
  kind: "good" | "bad" | "note";
  text: string;
  hint: string;
}

const GOOD_FOR = 6_000;
/** Milliseconds that good news stay; bad ones stay until they are closed. */

let toasts: readonly Toast[] = [];
let next = 1;
const listeners = new Set<() => void>();

function put(fresh: readonly Toast[]): void {
  toasts = fresh;
  for (const listener of listeners) listener();
}

export function dismiss(id: number): void {
  put(toasts.filter((toast) => toast.id !== id));
}

export function toast(kind: Toast["kind"], text: string, hint = ""): void {
  const id = next++;
  put([...toasts.filter((old) => old.text !== text), { id, kind, text, hint }].slice(-4));
  if (kind !== "bad") window.setTimeout(() => dismiss(id), GOOD_FOR);
}

export function toastProblem(error: unknown): void {
  const problem = problemOf(error);
  toast("bad", problem.message, problem.hint);
}

export function Toasts() {
  const shown = useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => toasts,
  );
  return (
    <section className="toasts" aria-label="Messages">
      <div aria-live="polite" role="status">
        {shown.map((one) => (
          <div key={one.id} className={`toast toast-${one.kind}`}>
            <div>
              <strong>
                <Spoken text={one.text} />
              </strong>
              {one.hint && (
                <div className="hint">
                  <Spoken text={one.hint} />
                </div>
              )}
            </div>
            <button type="button" className="quiet icon" aria-label="Close this message" onClick={() => dismiss(one.id)}>
              ×
            </button>
          </div>
        ))}
      </div>
    </section>
  );
}
