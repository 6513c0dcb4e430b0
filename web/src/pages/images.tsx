/** Images that this installation has: their builds, who stands on them; admins take in others and clear away. */
import { useRef, useState } from "react";
import { all, api, BASE, ok, type Schemas } from "../api/client";
import { Problem, unreachable } from "../api/problem";
import { useReading } from "../api/reading";
import { useSession } from "../api/session";
import { toast, toastProblem } from "../layout/toasts";
import { bytes, count } from "../parts/amounts";
import { ActionDialog } from "../parts/dialog";
import { Field } from "../parts/field";
import { Heading } from "../parts/heading";
import { Read, Spoken } from "../parts/problem";
import { State } from "../parts/state";
import { type Column, Table } from "../parts/table";
import { Time } from "../parts/time";
import { Link } from "../routing";

type Image = Schemas["ImageLine"];

const COLUMNS: Column<Image>[] = [
  {
    key: "name",
    title: "Image",
    sort: (image) => image.name,
    cell: (image) => (
      <>
        {image.name} {image.current && <span className="tag">current</span>}
        {image.problem && (
          <div className="hint row-note">
            <Spoken text={image.problem} />
          </div>
        )}
      </>
    ),
  },
  {
    key: "state",
    title: "State",
    cell: (image) => <State state={image.problem ? "failed" : image.current ? "ready" : "kept"} />,
  },
  {
    key: "digest",
    title: "Digest",
    cell: (image) => (
      <span className="mono" title={image.digest}>
        {image.digest.slice(0, 16)}
      </span>
    ),
  },
  { key: "created", title: "Made", sort: (image) => image.created, cell: (image) => <Time at={image.created} /> },
  { key: "size", title: "Disk", numeric: true, sort: (image) => image.size, cell: (image) => bytes(image.size) },
  { key: "total", title: "In all", numeric: true, sort: (image) => image.total, cell: (image) => bytes(image.total) },
  {
    key: "labs",
    title: "Labs on it",
    cell: (image) =>
      image.labs.length === 0 ? (
        <span className="muted">none</span>
      ) : (
        image.labs.map((lab, at) => (
          <span key={lab}>
            {at > 0 && ", "}
            {/^[a-z0-9-]+$/.test(lab) ? <Link to={`/labs/${lab}`}>{lab}</Link> : lab}
          </span>
        ))
      ),
  },
];

export default function Images() {
  const { has } = useSession();
  const [asked, setAsked] = useState<"upload" | "import" | "prune" | null>(null);
  const images = useReading("images", () =>
    all((after) => ok(api.GET("/images", { params: { query: { limit: 1000, after } } }))),
  );

  async function makeCurrent(image: Image): Promise<void> {
    try {
      await ok(api.PUT("/images/{name}/{digest}/current", { params: { path: { name: image.name, digest: image.digest } } }));
      toast("good", `New machines get this build of ${image.name} from now on.`);
    } catch (error) {
      toastProblem(error);
    }
    await images.reread();
  }

  const actions: Column<Image> = {
    key: "actions",
    title: "Actions",
    hidden: true,
    cell: (image) => {
      const short = `${image.name} ${image.digest.slice(0, 8)}`;
      return (
        <div className="row-actions">
          {!image.current && (
            <button type="button" className="small" aria-label={`Make current: ${short}`} onClick={() => void makeCurrent(image)}>
              Make current
            </button>
          )}
          <a
            className="button small"
            href={`${BASE}/images/${image.name}/${image.digest}`}
            download
            aria-label={`Download ${short}`}
          >
            Download
          </a>
        </div>
      );
    },
  };

  return (
    <>
      <Heading
        title="Images"
        actions={
          has("admin") && (
            <>
              <button type="button" onClick={() => setAsked("prune")}>
                Clear away…
              </button>
              <button type="button" onClick={() => setAsked("import")}>
                Import…
              </button>
              <button type="button" className="primary" onClick={() => setAsked("upload")}>
                Upload…
              </button>
            </>
          )
        }
      />
      <Read from={images}>
        {(rows) => (
          <Table
            caption="Images"
            rows={rows}
            columns={has("admin") ? [...COLUMNS, actions] : COLUMNS}
            id={(image) => image.path}
            first="name"
            empty={
              <>
                There are no images. <code>make images</code> builds the reference image.
              </>
            }
          />
        )}
      </Read>
      {asked === "upload" && <Upload onClose={() => setAsked(null)} onDone={() => images.reread()} />}
      {asked === "import" && <Import onClose={() => setAsked(null)} onDone={() => images.reread()} />}
      {asked === "prune" && <Prune onClose={() => setAsked(null)} onDone={() => images.reread()} />}
    </>
  );
}

interface DialogProps {
  onClose: () => void;
  onDone: () => Promise<void>;
}

interface Sending {
  method: "PUT" | "POST";
  path: string;
  file: File;
  line: XMLHttpRequest;
  accept: string;
  /** Share of the file that is sent. */
  sent: (share: number) => void;
  /** Is given all of the answer that has come so far. */
  heard?: (answer: string) => void;
}

/** Send a file, and return the answer's text; fetch can't say how far it is. */
function send({ method, path, file, line, accept, sent, heard }: Sending): Promise<string> {
  return new Promise((done, failed) => {
    line.open(method, BASE + path);
    line.setRequestHeader("X-Rackless", "1");
    line.setRequestHeader("Content-Type", "application/octet-stream");
    line.setRequestHeader("Accept", accept);
    line.upload.onprogress = (event) => sent(event.total ? event.loaded / event.total : 0);
    line.onprogress = () => {
      if (line.status < 300) heard?.(line.responseText);
    };
    line.onerror = () => failed(unreachable());
    line.onabort = () => failed(new Error("The upload was stopped."));
    line.onload = () =>
      line.status < 300 ? done(line.responseText) : failed(new Problem(line.status, bodyOf(line.responseText)));
    line.send(file);
  });
}

function bodyOf(text: string): Record<string, unknown> {
  try {
    const body: unknown = JSON.parse(text);
    return typeof body === "object" && body !== null ? (body as Record<string, unknown>) : {};
  } catch {
    return {}; // of something between the page and the server
  }
}

function Upload({ onClose, onDone }: DialogProps) {
  const [name, setName] = useState("");
  const [file, setFile] = useState<File | null>(null);
  const [current, setCurrent] = useState(true);
  const [share, setShare] = useState<number | null>(null);
  const line = useRef<XMLHttpRequest | null>(null);

  async function run(): Promise<void> {
    if (!file) return;
    line.current = new XMLHttpRequest();
    try {
      const path = `/images/${encodeURIComponent(name)}?current=${current}`;
      const answer = await send({ method: "PUT", path, file, line: line.current, accept: "application/json", sent: setShare });
      const found = JSON.parse(answer) as Image;
      toast("good", `${found.name} is taken in: ${bytes(found.total)}.`);
      await onDone();
    } finally {
      setShare(null);
    }
  }

  return (
    <ActionDialog
      title="Upload an image"
      action="Upload"
      run={run}
      disabled={!file}
      onClose={() => {
        line.current?.abort();
        onClose();
      }}
    >
      <Field label="Name" hint="Of the image that it is a build of">
        <input required autoFocus autoCapitalize="none" value={name} onChange={(event) => setName(event.target.value)} />
      </Field>
      <Field label="File" hint="The archive that another installation gave, or a bootable disk (qcow2 or raw)">
        <input type="file" required onChange={(event) => setFile(event.target.files?.[0] ?? null)} />
      </Field>
      <label className="check">
        <input type="checkbox" checked={current} onChange={(event) => setCurrent(event.target.checked)} />
        New machines get it from now on
      </label>
      {share !== null && (
        <div className="progress" role="status">
          <progress aria-label="Sent" value={share} max={1} />{" "}
          {share < 1 ? `${Math.floor(share * 100)} % sent` : "Being checked…"}
        </div>
      )}
    </ActionDialog>
  );
}

/** What an import tells, line by line; the last has the images or the error. */
interface Told {
  doing?: string;
  percent?: number | null;
  images?: Image[];
  error?: Record<string, unknown>;
}

/** The lines of an answer that goes on; one that is not whole yet is left out. */
function linesOf(answer: string): Told[] {
  const whole = answer.slice(0, answer.lastIndexOf("\n") + 1);
  return whole.split("\n").flatMap((line) => (line ? [JSON.parse(line) as Told] : []));
}

/** Somebody else's machine: what the file is, its contents and its name say, or the fields. */
function Import({ onClose, onDone }: DialogProps) {
  const [file, setFile] = useState<File | null>(null);
  const [family, setFamily] = useState("");
  const [role, setRole] = useState("");
  const [name, setName] = useState("");
  const [current, setCurrent] = useState(true);
  const [share, setShare] = useState<number | null>(null);
  const [told, setTold] = useState<Told>({});
  const line = useRef<XMLHttpRequest | null>(null);

  async function run(): Promise<void> {
    if (!file) return;
    line.current = new XMLHttpRequest();
    const query = new URLSearchParams({ file: file.name, family, role, name, current: `${current}` });
    try {
      const answer = await send({
        method: "POST",
        path: `/images/import?${query}`,
        file,
        line: line.current,
        accept: "application/x-ndjson",
        sent: setShare,
        heard: (text) => setTold(linesOf(text).findLast((one) => one.doing) ?? {}),
      });
      const last = linesOf(answer).at(-1) ?? {};
      if (!last.images) throw new Problem(Number(last.error?.status ?? 0), last.error ?? {});
      toast("good", `Taken in: ${last.images.map((one) => one.name).join(", ")}.`);
      await onDone();
    } finally {
      setShare(null);
      setTold({});
    }
  }

  return (
    <ActionDialog
      title="Import somebody else's machine"
      action="Import"
      run={run}
      disabled={!file}
      onClose={() => {
        line.current?.abort();
        onClose();
      }}
    >
      <Field label="File" hint="An OVA, a disk (qcow2, VMDK, raw), or the archive that a vendor packs several in">
        <input type="file" required onChange={(event) => setFile(event.target.files?.[0] ?? null)} />
      </Field>
      <p className="hint">Where the file&apos;s name says what it is, leave the rest as it is.</p>
      <Field label="Family" hint="Whose image it is: vmx, vsrx, frr, …">
        <input autoCapitalize="none" value={family} onChange={(event) => setFamily(event.target.value)} />
      </Field>
      <Field label="Role" hint="Of which of the family's machines">
        <select value={role} onChange={(event) => setRole(event.target.value)}>
          <option value="">what the name says</option>
          <option>controller</option>
          <option>card</option>
          <option>host</option>
        </select>
      </Field>
      <Field label="Name" hint="Of the image, whatever the file is called">
        <input autoCapitalize="none" value={name} onChange={(event) => setName(event.target.value)} />
      </Field>
      <label className="check">
        <input type="checkbox" checked={current} onChange={(event) => setCurrent(event.target.checked)} />
        New machines get it from now on
      </label>
      {share !== null && (
        <div className="progress" role="status">
          <progress aria-label="Done" value={share < 1 ? share : (told.percent ?? undefined)} max={share < 1 ? 1 : 100} />{" "}
          {share < 1 ? `${Math.floor(share * 100)} % sent` : `${told.doing ?? "being checked"}…`}
        </div>
      )}
    </ActionDialog>
  );
}

function Prune({ onClose, onDone }: DialogProps) {
  const found = useReading("prune", () => ok(api.POST("/images/prune", { body: { dry: true, gone: false, templates: false } })));
  const going = found.data?.filter((one) => one.users.length === 0) ?? [];
  const size = going.reduce((sum, one) => sum + one.size, 0);
  return (
    <ActionDialog
      title="Clear away builds that nobody uses?"
      action="Clear away"
      danger
      disabled={going.length === 0}
      onClose={onClose}
      run={async () => {
        await ok(api.POST("/images/prune", { body: { dry: false, gone: false, templates: false } }));
        toast("good", `${bytes(size)} are free again.`);
        await onDone();
      }}
    >
      <Read from={found}>
        {() =>
          going.length === 0 ? (
            <p>Every build is current, or a lab stands on it.</p>
          ) : (
            <>
              <p>
                {count(going.length, "thing")}, {bytes(size)}:
              </p>
              <ul className="going mono">
                {going.map((one) => (
                  <li key={one.path}>
                    {one.kind} {one.name} {bytes(one.size)}
                  </li>
                ))}
              </ul>
            </>
          )
        }
      </Read>
    </ActionDialog>
  );
}
