/** One's own account: password, tokens, sessions. */
import { type FormEvent, useState } from "react";
import { all, api, ok, type Schemas } from "../api/client";
import { useReading } from "../api/reading";
import { useSelf, useSession } from "../api/session";
import { toast, toastProblem } from "../layout/toasts";
import { Field } from "../parts/field";
import { Heading } from "../parts/heading";
import { ProblemNote, Read } from "../parts/problem";
import { QuotaBars } from "../parts/quota";
import { type Column, Table } from "../parts/table";
import { Time } from "../parts/time";
import { Tokens } from "./tokens";

type OpenSession = Schemas["Session"];

export default function Account() {
  const self = useSelf();
  return (
    <>
      <Heading title="Your account" name="Account">
        <div className="facts">
          <span>
            <b>{self.name}</b>
          </span>
          <span>{self.role}</span>
        </div>
      </Heading>
      {self.name === "local" ? (
        <p className="note">
          You came from the server’s own machine, as its admin <code>local</code>, who has no password and no tokens. Users of
          their own are made under Admin.
        </p>
      ) : (
        <div className="account">
          <section className="panel">
            <h2>Password</h2>
            <Password user={self.name} />
          </section>
          <div className="stack">
            <section className="panel">
              <h2>API tokens</h2>
              <div className="panel-body">
                <Tokens user={self.name} />
              </div>
            </section>
            <section className="panel">
              <h2>Quota</h2>
              <div className="panel-body">
                <OwnQuota user={self.name} />
              </div>
            </section>
          </div>
        </div>
      )}
      <section className="panel account-sessions">
        <h2>Open sessions</h2>
        <div className="panel-body">
          <Sessions user={self.name} />
        </div>
      </section>
    </>
  );
}

function OwnQuota({ user }: { user: string }) {
  const quota = useReading(
    `quota ${user}`,
    () => ok(api.GET("/users/{user}/quota", { params: { path: { user } } })),
    (event) => event.kind === "lab",
  );
  return (
    <Read from={quota}>
      {(found) => (
        <>
          <QuotaBars quota={found} />
          {found.groups.map((group) => (
            <div key={group.name}>
              <h3>Together with {group.name}</h3>
              <QuotaBars quota={group} />
            </div>
          ))}
        </>
      )}
    </Read>
  );
}

function Password({ user }: { user: string }) {
  const { refresh } = useSession();
  const [old, setOld] = useState("");
  const [fresh, setFresh] = useState("");
  const [again, setAgain] = useState("");
  const [problem, setProblem] = useState<unknown>(undefined);

  async function submit(event: FormEvent): Promise<void> {
    event.preventDefault();
    if (fresh !== again) {
      setProblem(new Error("The two new passwords are not the same."));
      return;
    }
    setProblem(undefined);
    try {
      await ok(api.POST("/users/{user}/password", { params: { path: { user } }, body: { old, new: fresh } }));
      toast("good", "Your password is changed.", "Other sessions and tokens have ended.");
      setOld("");
      setFresh("");
      setAgain("");
      await refresh();
    } catch (error) {
      setProblem(error);
    }
  }

  return (
    <form className="panel-body" onSubmit={(event) => void submit(event)}>
      <input type="text" name="username" autoComplete="username" value={user} readOnly hidden />
      <Field label="Old password">
        <input type="password" autoComplete="current-password" value={old} onChange={(event) => setOld(event.target.value)} />
      </Field>
      <Field label="New password">
        <input
          required
          type="password"
          autoComplete="new-password"
          value={fresh}
          onChange={(event) => setFresh(event.target.value)}
        />
      </Field>
      <Field label="New password again">
        <input
          required
          type="password"
          autoComplete="new-password"
          value={again}
          onChange={(event) => setAgain(event.target.value)}
        />
      </Field>
      <ProblemNote error={problem} />
      <button type="submit">Change it</button>
    </form>
  );
}

function Sessions({ user }: { user: string }) {
  const sessions = useReading(`sessions ${user}`, () =>
    all((after) => ok(api.GET("/users/{user}/sessions", { params: { path: { user }, query: { limit: 1000, after } } }))),
  );
  async function end(one: OpenSession): Promise<void> {
    try {
      await ok(api.DELETE("/users/{user}/sessions/{number}", { params: { path: { user, number: one.id } } }));
      await sessions.reread();
    } catch (error) {
      toastProblem(error);
    }
  }
  const columns: Column<OpenSession>[] = [
    {
      key: "agent",
      title: "Browser",
      cell: (one) => (
        <>
          {browser(one.agent)} {one.current && <span className="tag">this one</span>}
        </>
      ),
    },
    { key: "source", title: "From", cell: (one) => <span className="mono">{one.source}</span> },
    { key: "how", title: "By", cell: (one) => one.how },
    { key: "created", title: "Since", sort: (one) => one.created, cell: (one) => <Time at={one.created} /> },
    { key: "seen", title: "Last seen", sort: (one) => one.seen, cell: (one) => <Time at={one.seen} relative /> },
    { key: "expires", title: "Until", sort: (one) => one.expires, cell: (one) => <Time at={one.expires} /> },
    {
      key: "actions",
      title: "Actions",
      hidden: true,
      cell: (one) =>
        !one.current && (
          <div className="row-actions">
            <button
              type="button"
              className="small"
              aria-label={`End the session from ${one.source}`}
              onClick={() => void end(one)}
            >
              End
            </button>
          </div>
        ),
    },
  ];
  return (
    <Read from={sessions}>
      {(rows) => (
        <Table caption="Open sessions" rows={rows} columns={columns} id={(one) => String(one.id)} first="-seen" empty="None." />
      )}
    </Read>
  );
}

/** "Firefox 141" of what a browser calls itself. */
function browser(agent: string): string {
  const found = /(Firefox|Edg|HeadlessChrome|Chrome|Version)\/(\d+)/.exec(agent);
  const words: Record<string, string> = { Edg: "Edge", Version: "Safari", HeadlessChrome: "Chrome" };
  return found?.[1] ? `${words[found[1]] ?? found[1]} ${found[2]}` : agent.slice(0, 40) || "unknown";
}
