/** API tokens of a user: made (shown once), listed, revoked. */
import { type FormEvent, useState } from "react";
import { all, api, ok, type Schemas } from "../api/client";
import { useReading } from "../api/reading";
import { toast, toastProblem } from "../layout/toasts";
import { ProblemNote, Read } from "../parts/problem";
import { type Column, Table } from "../parts/table";
import { Time } from "../parts/time";

type Token = Schemas["Token"];

const LENGTHS: readonly [string, number | null][] = [
  ["1 day", 86_400],
  ["30 days", 2_592_000],
  ["1 year", 31_536_000],
  ["no end", null],
];

export function Tokens({ user }: { user: string }) {
  const tokens = useReading(`tokens ${user}`, () =>
    all((after) => ok(api.GET("/users/{user}/tokens", { params: { path: { user }, query: { limit: 1000, after } } }))),
  );
  const [label, setLabel] = useState("");
  const [length, setLength] = useState("2592000");
  const [made, setMade] = useState<Token | null>(null);
  const [problem, setProblem] = useState<unknown>(undefined);

  async function add(event: FormEvent): Promise<void> {
    event.preventDefault();
    setProblem(undefined);
    try {
      const seconds = length === "null" ? null : Number(length);
      setMade(await ok(api.POST("/users/{user}/tokens", { params: { path: { user } }, body: { label, seconds } })));
      setLabel("");
      await tokens.reread();
    } catch (error) {
      setProblem(error);
    }
  }

  async function revoke(token: Token): Promise<void> {
    try {
      await ok(api.DELETE("/users/{user}/tokens/{label}", { params: { path: { user, label: token.label } } }));
      toast("good", `The token ${token.label} is revoked.`);
      await tokens.reread();
    } catch (error) {
      toastProblem(error);
    }
  }

  const columns: Column<Token>[] = [
    { key: "label", title: "Label", sort: (token) => token.label, cell: (token) => token.label },
    { key: "created", title: "Made", sort: (token) => token.created, cell: (token) => <Time at={token.created} /> },
    {
      key: "expires",
      title: "Until",
      sort: (token) => token.expires ?? Number.MAX_VALUE,
      cell: (token) => (token.expires === null ? <span className="muted">no end</span> : <Time at={token.expires} />),
    },
    {
      key: "actions",
      title: "Actions",
      hidden: true,
      cell: (token) => (
        <div className="row-actions">
          <button type="button" className="small" aria-label={`Revoke ${token.label}`} onClick={() => void revoke(token)}>
            Revoke
          </button>
        </div>
      ),
    },
  ];

  return (
    <>
      <form className="toolbar" onSubmit={(event) => void add(event)}>
        <input
          required
          aria-label="Label of a new token"
          placeholder="Label, for example ci"
          pattern="[A-Za-z0-9._\-]{1,64}"
          title="Letters, digits and . _ -"
          value={label}
          onChange={(event) => setLabel(event.target.value)}
        />
        <select aria-label="Good for" value={length} onChange={(event) => setLength(event.target.value)}>
          {LENGTHS.map(([text, seconds]) => (
            <option key={text} value={String(seconds)}>
              {text}
            </option>
          ))}
        </select>
        <button type="submit">Make a token</button>
      </form>
      <ProblemNote error={problem} />
      {made?.token && (
        <div className="note note-wait" role="status">
          <p>
            The token <b>{made.label}</b>. It is shown this once only:
          </p>
          <code className="secret">{made.token}</code>
        </div>
      )}
      <Read from={tokens}>
        {(rows) => (
          <Table
            caption={`Tokens of ${user}`}
            rows={rows}
            columns={columns}
            id={(token) => token.label}
            first="label"
            empty="None."
          />
        )}
      </Read>
    </>
  );
}
