/** Reading from the server in components: at first, when asked for, and when something that it depends on has happened. */
import { useCallback, useEffect, useRef, useState } from "react";
import { type LiveEvent, useEvents } from "./events";
import { type Problem, problemOf } from "./problem";

const GATHER = 150;
/** Milliseconds for which happenings are gathered before reading anew. */

export interface Reading<T> {
  data: T | undefined;
  problem: Problem | undefined;
  /** Read anew now; resolves when that is done. */
  reread: () => Promise<void>;
}

/**
 * `read` is called anew when `key` changes, and when `when` says so of an event (and after every `reset`).
 * What was read stays shown while it is read anew.
 */
export function useReading<T>(
  key: string,
  read: () => Promise<T>,
  when: (event: LiveEvent) => boolean = () => false,
): Reading<T> {
  const [held, setHeld] = useState<{ key: string; data?: T; problem?: Problem }>({ key });
  const newest = useRef({ key, read, when });
  newest.current = { key, read, when };
  const turn = useRef(0);
  const timer = useRef<number | undefined>(undefined);

  const reread = useCallback(async (): Promise<void> => {
    window.clearTimeout(timer.current);
    timer.current = undefined;
    const mine = ++turn.current;
    const asked = newest.current;
    try {
      const data = await asked.read();
      if (mine === turn.current) setHeld({ key: asked.key, data });
    } catch (error) {
      if (mine !== turn.current) return;
      const problem = problemOf(error);
      setHeld((before) =>
        before.key === asked.key && before.data !== undefined ? { ...before, problem } : { key: asked.key, problem },
      );
    }
  }, []);

  useEffect(() => {
    void reread();
    const turns = turn;
    return () => {
      turns.current++; // what is under way is for nobody any more
      window.clearTimeout(timer.current);
      timer.current = undefined;
    };
  }, [key, reread]);

  useEvents((event) => {
    if (event.kind !== "reset" && !newest.current.when(event)) return;
    timer.current ??= window.setTimeout(() => void reread(), GATHER);
  });

  const current = held.key === key ? held : { key };
  return { data: current.data, problem: current.problem, reread };
}
