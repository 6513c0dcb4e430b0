/** Who is logged in. */
import { createContext, type ReactNode, useCallback, useContext, useEffect, useMemo, useState } from "react";
import { api, onSignedOut, ok, type Schemas } from "./client";
import { listen } from "./events";
import { type Problem, problemOf } from "./problem";

export type Self = Schemas["Self"];
export type Role = Self["role"];

const RANK: Record<Role, number> = { viewer: 0, user: 1, operator: 2, admin: 3 };

export interface Session {
  /** undefined: not known yet; null: nobody. */
  self: Self | null | undefined;
  problem: Problem | undefined;
  /** Ask the server anew who we are. */
  refresh: () => Promise<void>;
  logOut: () => Promise<void>;
  has: (role: Role) => boolean;
}

const Held = createContext<Session | null>(null);

export function SessionProvider({ children }: { children: ReactNode }) {
  const [self, setSelf] = useState<Self | null | undefined>(undefined);
  const [problem, setProblem] = useState<Problem | undefined>(undefined);

  const refresh = useCallback(async () => {
    try {
      setSelf(await ok(api.GET("/self")));
      setProblem(undefined);
    } catch (error) {
      const found = problemOf(error);
      setSelf(null);
      if (found.status !== 401) setProblem(found);
    }
  }, []);

  const logOut = useCallback(async () => {
    try {
      await ok(api.DELETE("/session"));
    } finally {
      setSelf(null);
    }
  }, []);

  useEffect(() => onSignedOut(() => setSelf((before) => (before === undefined ? before : null))), []);
  useEffect(() => {
    const told = new URLSearchParams(location.hash.slice(1));
    const [ticket, refusal] = [told.get("ticket"), told.get("login-error")];
    if (ticket || refusal) history.replaceState(null, "", location.pathname + location.search);
    if (!ticket) {
      void refresh().then(() => refusal && setProblem(problemOf(new Error(refusal))));
      return;
    }
    ok(api.POST("/session", { body: { ticket } }))
      .catch((error: unknown) => setProblem(problemOf(error)))
      .finally(() => void refresh());
  }, [refresh]);

  const name = self?.name;
  useEffect(() => (name === undefined ? undefined : listen(name)), [name]);

  const value = useMemo<Session>(
    () => ({ self, problem, refresh, logOut, has: (role) => !!self && RANK[self.role] >= RANK[role] }),
    [self, problem, refresh, logOut],
  );
  return <Held value={value}>{children}</Held>;
}

export function useSession(): Session {
  const found = useContext(Held);
  if (!found) throw new Error("There is no session around this component.");
  return found;
}

/** The one who is logged in; for components behind the login. */
export function useSelf(): Self {
  const { self } = useSession();
  if (!self) throw new Error("Nobody is logged in.");
  return self;
}
