/** A Problem on the page, with its hint; and the three states of something that is read. */
import type { ReactNode } from "react";
import { type Problem, problemOf } from "../api/problem";
import type { Reading } from "../api/reading";

/** Text in which commands stand between backticks. */
export function Spoken({ text }: { text: string }) {
  return text.split("`").map((part, at) => (at % 2 ? <code key={at}>{part}</code> : part));
}

export function ProblemNote({ error }: { error: unknown }) {
  if (!error) return null;
  const problem: Problem = problemOf(error);
  return (
    <div className="note note-bad" role="alert">
      <strong>
        <Spoken text={problem.message} />
      </strong>
      {problem.hint && (
        <div className="hint">
          <Spoken text={problem.hint} />
        </div>
      )}
      {problem.problems.length > 0 && (
        <ul className="places">
          {problem.problems.map((one) => (
            <li key={`${one.file}:${one.line}:${one.column}:${one.message}`}>
              {one.line > 0 && <code>{`${one.file}:${one.line}:${one.column}`}</code>} <Spoken text={one.message} />
              {one.hint && (
                <span className="hint">
                  {" "}
                  <Spoken text={one.hint} />
                </span>
              )}
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}

/** What was read, or why it was not. A problem after a first success is shown above what is known. */
export function Read<T>({ from, children }: { from: Reading<T>; children: (data: T) => ReactNode }) {
  if (from.data === undefined) return from.problem ? <ProblemNote error={from.problem} /> : <p className="loading">Loading…</p>;
  return (
    <>
      <ProblemNote error={from.problem} />
      {children(from.data)}
    </>
  );
}
