/** What users and groups may have, and what they have. */
import { useState } from "react";
import { all, api, ok, type Schemas } from "../../api/client";
import { useReading } from "../../api/reading";
import { toast, toastProblem } from "../../layout/toasts";
import { ActionDialog } from "../../parts/dialog";
import { Field } from "../../parts/field";
import { Read } from "../../parts/problem";
import { isLimit, LIMITS, type Quota, shownLimit, type Limit } from "../../parts/quota";
import { type Column, Table } from "../../parts/table";

type Group = Schemas["UserGroup"];
type Asked = { what: "user" | "group"; quota: Quota } | { what: "add" } | { what: "members" | "remove"; group: Group };

const AT_ONCE = 8;
/** Quotas asked for side by side. */

async function quotasOf(users: string[]): Promise<Quota[]> {
  const found: Quota[] = [];
  for (let at = 0; at < users.length; at += AT_ONCE) {
    const part = users.slice(at, at + AT_ONCE);
    found.push(...(await Promise.all(part.map((user) => ok(api.GET("/users/{user}/quota", { params: { path: { user } } }))))));
  }
  return found;
}

const readUsers = () => all((after) => ok(api.GET("/users", { params: { query: { limit: 1000, after } } })));

export function Quotas() {
  const [asked, setAsked] = useState<Asked | null>(null);
  const users = useReading("quotas", async () => quotasOf((await readUsers()).map((user) => user.name)));
  const groups = useReading("groups", async () => {
    const found = await all((after) => ok(api.GET("/groups", { params: { query: { limit: 1000, after } } })));
    const quotas = found.map(({ name }) => ok(api.GET("/groups/{group}/quota", { params: { path: { group: name } } })));
    return { groups: found, quotas: await Promise.all(quotas) };
  });
  const close = () => setAsked(null);
  const reread = async () => void (await Promise.all([users.reread(), groups.reread()]));

  return (
    <>
      <Read from={users}>
        {(rows) => (
          <Table
            caption="Quotas of users"
            rows={rows}
            columns={columns("User", (quota) => setAsked({ what: "user", quota }))}
            id={(quota) => quota.name}
            first="name"
            empty="There are no users."
          />
        )}
      </Read>
      <div className="toolbar section">
        <h2>Groups</h2>
        <span className="muted">The labs of a group’s users count together.</span>
        <span className="end">
          <button type="button" onClick={() => setAsked({ what: "add" })}>
            Add a group
          </button>
        </span>
      </div>
      <Read from={groups}>
        {(found) => (
          <Table
            caption="Quotas of groups"
            rows={found.quotas}
            columns={[
              ...columns("Group", (quota) => setAsked({ what: "group", quota })).slice(0, -1),
              {
                key: "members",
                title: "Users",
                cell: (quota) => found.groups.find((group) => group.name === quota.name)?.members.join(", "),
              },
              {
                key: "actions",
                title: "Actions",
                hidden: true,
                cell: (quota) => {
                  const group = found.groups.find((one) => one.name === quota.name);
                  return (
                    <div className="row-actions">
                      <Small label={`Limits of ${quota.name}`} text="Limits" onClick={() => setAsked({ what: "group", quota })} />
                      {group && (
                        <Small
                          label={`Users of ${quota.name}`}
                          text="Users"
                          onClick={() => setAsked({ what: "members", group })}
                        />
                      )}
                      {group && (
                        <Small label={`Remove ${quota.name}`} text="Remove" onClick={() => setAsked({ what: "remove", group })} />
                      )}
                    </div>
                  );
                },
              },
            ]}
            id={(quota) => quota.name}
            first="name"
            empty="There are no groups."
          />
        )}
      </Read>
      {(asked?.what === "user" || asked?.what === "group") && (
        <LimitsDialog quota={asked.quota} what={asked.what} onClose={close} onDone={reread} />
      )}
      {asked?.what === "add" && <AddGroup onClose={close} onDone={reread} />}
      {asked?.what === "members" && (
        <Members
          group={groups.data?.groups.find((one) => one.name === asked.group.name) ?? asked.group}
          onClose={close}
          onDone={reread}
        />
      )}
      {asked?.what === "remove" && (
        <ActionDialog
          title={`Remove ${asked.group.name}?`}
          action="Remove"
          danger
          onClose={close}
          run={async () => {
            await ok(api.DELETE("/groups/{group}", { params: { path: { group: asked.group.name } } }));
            await reread();
          }}
        >
          <p>Its users stay, and their labs.</p>
        </ActionDialog>
      )}
    </>
  );
}

function Small({ label, text, onClick }: { label: string; text: string; onClick: () => void }) {
  return (
    <button type="button" className="small" aria-label={label} onClick={onClick}>
      {text}
    </button>
  );
}

function columns(title: string, change: (quota: Quota) => void): Column<Quota>[] {
  return [
    { key: "name", title, sort: (quota) => quota.name, cell: (quota) => quota.name },
    ...LIMITS.map((limit): Column<Quota> => ({
      key: limit.name,
      title: limit.title,
      numeric: true,
      cell: (quota) => <Share quota={quota} limit={limit} />,
    })),
    {
      key: "actions",
      title: "Actions",
      hidden: true,
      cell: (quota) => (
        <div className="row-actions">
          <Small label={`Limits of ${quota.name}`} text="Limits" onClick={() => change(quota)} />
        </div>
      ),
    },
  ];
}

/** What is had of what may be had; a limit that is not the default stands out. */
function Share({ quota, limit }: { quota: Quota; limit: Limit }) {
  const most = quota.limits[limit.name];
  const used = limit.used ? quota.used[limit.used] : null;
  const own = quota.set.includes(limit.name);
  if (most === null && !used) return <span className="muted">–</span>;
  return (
    <span title={own ? "Set for this one" : "The default"}>
      {used !== null && shownLimit(limit, used)}
      {most !== null && <span className={own ? "" : "muted"}>{` ${used === null ? "" : "of "}${shownLimit(limit, most)}`}</span>}
    </span>
  );
}

interface LimitsProps {
  quota: Quota;
  what: "user" | "group";
  onClose: () => void;
  onDone: () => Promise<void>;
}

function LimitsDialog({ quota, what, onClose, onDone }: LimitsProps) {
  const [values, setValues] = useState<Record<string, string>>(() =>
    Object.fromEntries(
      LIMITS.filter(({ name }) => quota.set.includes(name)).map((limit) => [limit.name, limit.write(quota.limits[limit.name])]),
    ),
  );

  async function run(): Promise<void> {
    const limits: Record<string, number | null> = {};
    const normal: string[] = [];
    for (const limit of LIMITS) {
      const text = (values[limit.name] ?? "").trim();
      if (!text) normal.push(limit.name);
      else limits[limit.name] = limit.read(text);
    }
    const body = { limits, default: normal.filter((name) => quota.set.includes(name)) };
    if (what === "user") await ok(api.PATCH("/users/{user}/quota", { params: { path: { user: quota.name } }, body }));
    else await ok(api.PATCH("/groups/{group}/quota", { params: { path: { group: quota.name } }, body }));
    toast("good", `The limits of ${quota.name} are set.`);
    await onDone();
  }

  return (
    <ActionDialog title={`Limits of ${quota.name}`} action="Set them" run={run} onClose={onClose}>
      <p className="hint">Empty: the default, where there is one. “none”: no limit. Labs that are there stay.</p>
      <div className="limit-fields">
        {LIMITS.map((limit) => (
          <Field key={limit.name} label={limit.unit ? `${limit.title} (${limit.unit})` : limit.title}>
            <input
              inputMode="decimal"
              pattern="none|[0-9]+(\.[0-9]+)?"
              placeholder={isLimit(quota.limits[limit.name]) ? limit.write(quota.limits[limit.name]) : "no limit"}
              value={values[limit.name] ?? ""}
              onChange={(event) => setValues({ ...values, [limit.name]: event.target.value })}
            />
          </Field>
        ))}
      </div>
    </ActionDialog>
  );
}

function AddGroup({ onClose, onDone }: { onClose: () => void; onDone: () => Promise<void> }) {
  const [name, setName] = useState("");
  return (
    <ActionDialog
      title="Add a group"
      action="Add"
      onClose={onClose}
      run={async () => {
        await ok(api.POST("/groups", { body: { name } }));
        await onDone();
      }}
    >
      <Field label="Name">
        <input required autoFocus autoCapitalize="none" value={name} onChange={(event) => setName(event.target.value)} />
      </Field>
    </ActionDialog>
  );
}

function Members({ group, onClose, onDone }: { group: Group; onClose: () => void; onDone: () => Promise<void> }) {
  const [user, setUser] = useState("");
  const users = useReading("users", readUsers);

  async function take(other: string): Promise<void> {
    try {
      await ok(api.DELETE("/groups/{group}/members/{user}", { params: { path: { group: group.name, user: other } } }));
      await onDone();
    } catch (error) {
      toastProblem(error);
    }
  }

  return (
    <ActionDialog
      title={`Users of ${group.name}`}
      action="Add"
      onClose={onClose}
      disabled={!user}
      run={async () => {
        await ok(api.PUT("/groups/{group}/members/{user}", { params: { path: { group: group.name, user } } }));
        await onDone();
      }}
    >
      <ul className="people">
        {group.members.map((one) => (
          <li key={one}>
            {one}
            <Small label={`Remove ${one}`} text="Remove" onClick={() => void take(one)} />
          </li>
        ))}
        {group.members.length === 0 && <li className="muted">None yet.</li>}
      </ul>
      <Field label="User to add">
        <select value={user} onChange={(event) => setUser(event.target.value)}>
          <option value="">Choose…</option>
          {users.data
            ?.filter((one) => !group.members.includes(one.name))
            .map((one) => (
              <option key={one.name} value={one.name}>
                {one.name}
              </option>
            ))}
        </select>
      </Field>
    </ActionDialog>
  );
}
