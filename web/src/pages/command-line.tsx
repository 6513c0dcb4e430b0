/** `rackless login --web` waits on this browser's own machine for leave to act as who is logged in here. */
import { useState } from "react";
import { api, ok } from "../api/client";
import { useSelf } from "../api/session";
import { Heading } from "../parts/heading";
import { ProblemNote } from "../parts/problem";
import { useAddress } from "../routing";

export default function CommandLine() {
  const self = useSelf();
  const { query } = useAddress();
  const [busy, setBusy] = useState(false);
  const [refused, setRefused] = useState(false);
  const [problem, setProblem] = useState<unknown>(undefined);
  const port = Number(query.get("port"));
  const state = query.get("state") ?? "";
  const host = query.get("host") ?? "";
  const known = Number.isInteger(port) && port > 0 && port < 65536 && state !== "";

  async function allow(): Promise<void> {
    setBusy(true);
    setProblem(undefined);
    try {
      const { ticket } = await ok(api.POST("/session/tickets"));
      // To this browser's own machine and nowhere else; a ticket is good once, and for a minute.
      location.assign(`http://127.0.0.1:${port}/?${new URLSearchParams({ state, ticket }).toString()}`);
    } catch (error) {
      setProblem(error);
      setBusy(false);
    }
  }

  return (
    <>
      <Heading title="Log in the command line?" name="Command line" />
      {!known ? (
        <p className="note">
          This address is not whole: open the one that <code>rackless login --web</code> shows.
        </p>
      ) : refused ? (
        <p className="note">Refused. You may close this page, and end the command with Ctrl-C.</p>
      ) : (
        <section className="panel">
          <div className="panel-body">
            <p>
              <code>rackless login</code>
              {host && (
                <>
                  {" "}
                  on <b>{host}</b>
                </>
              )}{" "}
              asks to act as <b>{self.name}</b> ({self.role}). Allow it only if you began it yourself just now.
            </p>
            <ProblemNote error={problem} />
            <div className="row-actions">
              <button type="button" className="primary" disabled={busy} onClick={() => void allow()}>
                Allow
              </button>
              <button type="button" disabled={busy} onClick={() => setRefused(true)}>
                Refuse
              </button>
            </div>
          </div>
        </section>
      )}
    </>
  );
}
