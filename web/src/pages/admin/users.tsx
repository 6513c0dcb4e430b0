/** Users: add, role, password, disable, tokens, remove. */
import { useState } from "react";
import { all, api, ok, type Schemas } from "../../api/client";
import { useReading } from "../../api/reading";
import { type Role, useSession } from "../../api/session";
import { toast, toastProblem } from "../../layout/toasts";
import { ActionDialog, Dialog } from "../../parts/dialog";
import { Field } from "../../parts/field";
import { Read } from "../../parts/problem";
import { State } from "../../parts/state";
import { type Column, Table } from "../../parts/table";
import { Time } from "../../parts/time";
import { Tokens } from "../tokens";

type User = Schemas["User"];

const ROLES: readonly [Role, string][] = [
  ["viewer", "sees what is shared"],
  ["user", "makes labs"],
  ["operator", "sees to all labs"],
  ["admin", "sees to everything"],
];

type Asked = { what: "add" } | { what: "password" | "tokens" | "remove"; user: User };

export function Users() {
  const { self } = useSession();
  const [asked, setAsked] = useState<Asked | null>(null);
  const users = useReading("users", () => all((after) => ok(api.GET("/users", { params: { query: { limit: 1000, after } } }))));
  const close = () => setAsked(null);

  async function change(user: User, body: Schemas["UserChange"], done: string): Promise<void> {
    try {
      await ok(api.PATCH("/users/{user}", { params: { path: { user: user.name } }, body }));
      toast("good", done);
    } catch (error) {
      toastProblem(error);
    }
    await users.reread();
  }

  const columns: Column<User>[] = [
    { key: "name", title: "User", sort: (user) => user.name, cell: (user) => user.name },
    {
      key: "role",
      title: "Role",
      sort: (user) => ROLES.findIndex(([role]) => role === user.role),
      cell: (user) => (
        <select
          className="small"
          aria-label={`Role of ${user.name}`}
          value={user.role}
          disabled={user.name === self?.name}
          onChange={(event) =>
            void change(user, { role: event.target.value as Role }, `${user.name} is ${event.target.value} now.`)
          }
        >
          {ROLES.map(([role, text]) => (
            <option key={role} value={role} title={text}>
              {role}
            </option>
          ))}
        </select>
      ),
    },
    {
      key: "state",
      title: "State",
      sort: (user) => (user.disabled ? 1 : 0),
      cell: (user) => <State state={user.disabled ? "disabled" : "ready"} />,
    },
    { key: "password", title: "Password", cell: (user) => (user.password ? "set" : <span className="muted">none</span>) },
    { key: "created", title: "Since", sort: (user) => user.created, cell: (user) => <Time at={user.created} /> },
    {
      key: "actions",
      title: "Actions",
      hidden: true,
      cell: (user) => (
        <div className="row-actions">
          <button
            type="button"
            className="small"
            aria-label={`Password of ${user.name}`}
            onClick={() => setAsked({ what: "password", user })}
          >
            Password
          </button>
          <button
            type="button"
            className="small"
            aria-label={`Tokens of ${user.name}`}
            onClick={() => setAsked({ what: "tokens", user })}
          >
            Tokens
          </button>
          <button
            type="button"
            className="small"
            aria-label={`${user.disabled ? "Enable" : "Disable"} ${user.name}`}
            disabled={user.name === self?.name}
            onClick={() =>
              void change(user, { disabled: !user.disabled }, `${user.name} is ${user.disabled ? "enabled" : "disabled"}.`)
            }
          >
            {user.disabled ? "Enable" : "Disable"}
          </button>
          <button
            type="button"
            className="small"
            aria-label={`Remove ${user.name}`}
            disabled={user.name === self?.name}
            onClick={() => setAsked({ what: "remove", user })}
          >
            Remove
          </button>
        </div>
      ),
    },
  ];

  return (
    <>
      <div className="toolbar">
        <span className="muted">Roles: {ROLES.map(([role, text]) => `${role} ${text}`).join("; ")}.</span>
        <span className="end">
          <button type="button" className="primary" onClick={() => setAsked({ what: "add" })}>
            Add a user
          </button>
        </span>
      </div>
      <Read from={users}>
        {(rows) => (
          <Table
            caption="Users"
            rows={rows}
            columns={columns}
            id={(user) => user.name}
            first="name"
            empty="There are no users: everybody works over the socket of this machine."
          />
        )}
      </Read>
      {asked?.what === "add" && <AddUser onClose={close} onDone={() => users.reread()} />}
      {asked?.what === "password" && <SetPassword user={asked.user.name} onClose={close} onDone={() => users.reread()} />}
      {asked?.what === "tokens" && (
        <Dialog title={`Tokens of ${asked.user.name}`} onClose={close} wide>
          <div className="dialog-body padded">
            <Tokens user={asked.user.name} />
          </div>
        </Dialog>
      )}
      {asked?.what === "remove" && (
        <ActionDialog
          title={`Remove ${asked.user.name}?`}
          action="Remove"
          danger
          onClose={close}
          run={async () => {
            await ok(api.DELETE("/users/{user}", { params: { path: { user: asked.user.name } } }));
            toast("good", `${asked.user.name} is removed.`);
            await users.reread();
          }}
        >
          <p>Tokens and sessions of {asked.user.name} end at once. Labs of theirs must have ended before.</p>
        </ActionDialog>
      )}
    </>
  );
}

function AddUser({ onClose, onDone }: { onClose: () => void; onDone: () => Promise<void> }) {
  const [name, setName] = useState("");
  const [role, setRole] = useState<Role>("user");
  const [password, setPassword] = useState("");
  return (
    <ActionDialog
      title="Add a user"
      action="Add"
      onClose={onClose}
      run={async () => {
        await ok(api.POST("/users", { body: { name, role, password: password || null } }));
        toast("good", `${name} is added.`);
        await onDone();
      }}
    >
      <Field label="Name">
        <input
          required
          autoFocus
          autoCapitalize="none"
          autoComplete="off"
          value={name}
          onChange={(event) => setName(event.target.value)}
        />
      </Field>
      <Field label="Role">
        <select value={role} onChange={(event) => setRole(event.target.value as Role)}>
          {ROLES.map(([one, text]) => (
            <option key={one} value={one}>
              {one}: {text}
            </option>
          ))}
        </select>
      </Field>
      <Field label="Password" hint="Leave it empty for one who uses tokens, or logs in elsewhere">
        <input
          type="password"
          autoComplete="new-password"
          value={password}
          onChange={(event) => setPassword(event.target.value)}
        />
      </Field>
    </ActionDialog>
  );
}

function SetPassword({ user, onClose, onDone }: { user: string; onClose: () => void; onDone: () => Promise<void> }) {
  const [password, setPassword] = useState("");
  return (
    <ActionDialog
      title={`Set a password for ${user}`}
      action="Set it"
      onClose={onClose}
      run={async () => {
        await ok(api.PATCH("/users/{user}", { params: { path: { user } }, body: { password } }));
        toast("good", `${user} has a new password.`, "Sessions and tokens of before have ended.");
        await onDone();
      }}
    >
      <Field label="New password" hint="Sessions and tokens of before end">
        <input
          required
          autoFocus
          type="password"
          autoComplete="new-password"
          value={password}
          onChange={(event) => setPassword(event.target.value)}
        />
      </Field>
    </ActionDialog>
  );
}
