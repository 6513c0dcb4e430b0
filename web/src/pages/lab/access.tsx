/** Who may use a lab beside its owner. */
import { type FormEvent, useState } from "react";
import { all, api, ok } from "../../api/client";
import { useReading } from "../../api/reading";
import { useSession } from "../../api/session";
import { toast, toastProblem } from "../../layout/toasts";
import type { LabPart } from "../../lab/part";
import { ProblemNote, Read } from "../../parts/problem";

export function Access({ lab }: LabPart) {
  const { self, has } = useSession();
  const name = lab.name;
  const may = has("operator") || (has("user") && lab.owner === self?.name);
  const shares = useReading(`shares ${name}`, () =>
    all((after) => ok(api.GET("/labs/{name}/shares", { params: { path: { name }, query: { limit: 1000, after } } }))),
  );
  const [user, setUser] = useState("");
  const [problem, setProblem] = useState<unknown>(undefined);

  async function add(event: FormEvent): Promise<void> {
    event.preventDefault();
    setProblem(undefined);
    try {
      await ok(api.PUT("/labs/{name}/shares/{user}", { params: { path: { name, user } } }));
      toast("good", `${user} may use ${name} now.`);
      setUser("");
      await shares.reread();
    } catch (error) {
      setProblem(error);
    }
  }

  async function remove(other: string): Promise<void> {
    try {
      await ok(api.DELETE("/labs/{name}/shares/{user}", { params: { path: { name, user: other } } }));
      await shares.reread();
    } catch (error) {
      toastProblem(error);
    }
  }

  return (
    <div className="panel narrow">
      <h2>Who may use it</h2>
      <div className="panel-body">
        <Read from={shares}>
          {(users) => (
            <ul className="people">
              <li>
                {lab.owner} <span className="tag">owner</span>
              </li>
              {users.map((one) => (
                <li key={one}>
                  {one}
                  {may && (
                    <button type="button" className="small quiet" aria-label={`Remove ${one}`} onClick={() => void remove(one)}>
                      Remove
                    </button>
                  )}
                </li>
              ))}
            </ul>
          )}
        </Read>
        {may && (
          <form className="toolbar" onSubmit={(event) => void add(event)}>
            <input
              required
              aria-label="User to share with"
              placeholder="User"
              autoCapitalize="none"
              value={user}
              onChange={(event) => setUser(event.target.value)}
            />
            <button type="submit">Share</button>
          </form>
        )}
        <ProblemNote error={problem} />
        <p className="hint">Operators and admins may use every lab.</p>
      </div>
    </div>
  );
}
