/** Who are you? By password, by what the installation is tied to, or by a ticket in the address (`rackless web`). */
import { type FormEvent, useEffect, useState } from "react";
import { all, api, BASE, ok, type Schemas } from "../api/client";
import type { Problem } from "../api/problem";
import { useSession } from "../api/session";
import { Field } from "../parts/field";
import { ProblemNote } from "../parts/problem";
import { navigate } from "../routing";

export function Login({ problem: before }: { problem: Problem | undefined }) {
  const { refresh } = useSession();
  const [user, setUser] = useState("");
  const [password, setPassword] = useState("");
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<unknown>(undefined);
  const providers = useProviders();

  useEffect(() => {
    document.title = "Log in · Rackless";
  }, []);

  async function submit(event: FormEvent): Promise<void> {
    event.preventDefault();
    setBusy(true);
    setProblem(undefined);
    try {
      await ok(api.POST("/session", { body: { user, password } }));
      if (location.pathname === "/login") navigate("/labs", { replace: true });
      await refresh();
    } catch (error) {
      setProblem(error);
      setPassword("");
      setBusy(false);
    }
  }

  return (
    <main className="login">
      <form className="panel" onSubmit={(event) => void submit(event)} aria-labelledby="login-title">
        <h1 id="login-title">
          <span className="brand-word">Rackless</span> Log in
        </h1>
        <ProblemNote error={problem ?? before} />
        <Field label="User">
          <input
            autoFocus
            required
            autoComplete="username"
            autoCapitalize="none"
            value={user}
            onChange={(e) => setUser(e.target.value)}
          />
        </Field>
        <Field label="Password">
          <input
            required
            type="password"
            autoComplete="current-password"
            value={password}
            onChange={(e) => setPassword(e.target.value)}
          />
        </Field>
        <button type="submit" className="primary wide" disabled={busy}>
          Log in
        </button>
        {providers.length > 0 && (
          <div className="providers">
            <span className="hint">or with</span>
            {providers.map((one) => (
              <a key={one.name} className="button wide" href={`${BASE}/session/oidc/${encodeURIComponent(one.name)}`}>
                {one.title}
              </a>
            ))}
          </div>
        )}
        <p className="hint">
          On the server's machine, <code>rackless web</code> opens this page logged in.
        </p>
      </form>
    </main>
  );
}

function useProviders(): Schemas["LoginProvider"][] {
  const [found, setFound] = useState<Schemas["LoginProvider"][]>([]);
  useEffect(() => {
    all((after) => ok(api.GET("/session/providers", { params: { query: { after } } })))
      .then(setFound)
      .catch(() => setFound([])); // a password is the way in without them
  }, []);
  return found;
}
