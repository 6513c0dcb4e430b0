/** A lab: its head with what can be done, and its tabs. */
import { lazy, useState } from "react";
import { useLab } from "../../api/reads";
import { useSession } from "../../api/session";
import type { Lab, LabPart } from "../../lab/part";
import { memory } from "../../parts/amounts";
import { Heading } from "../../parts/heading";
import { EndDialog, ExtendDialog } from "../../parts/lab-actions";
import { Read, Spoken } from "../../parts/problem";
import { State } from "../../parts/state";
import { Time } from "../../parts/time";
import { Link, navigate } from "../../routing";
import { noteOf } from "../labs";
import { Access } from "./access";
import { History } from "./history";
import { InventoryTree } from "./inventory";
import { Jobs } from "./jobs";

const Topology = lazy(() => import("../../lab/topology"));
const Consoles = lazy(() => import("../../console/consoles"));
const LabBlueprint = lazy(() => import("../../editor/lab-blueprint"));

const TABS: readonly { tab: string; title: string }[] = [
  { tab: "", title: "Topology" },
  { tab: "consoles", title: "Consoles" },
  { tab: "inventory", title: "Inventory" },
  { tab: "blueprint", title: "Blueprint" },
  { tab: "jobs", title: "Jobs" },
  { tab: "history", title: "History" },
  { tab: "access", title: "Access" },
];

interface LabPagesProps {
  name: string;
  tab: string;
  part?: string | undefined;
}

export default function LabPages({ name, tab, part }: LabPagesProps) {
  const lab = useLab(name);
  const title = TABS.find((one) => one.tab === tab)?.title ?? "";
  return (
    <Read from={lab}>
      {(found) => (
        <>
          <Head lab={found} title={tab ? `${name}: ${title}` : name} reread={lab.reread} />
          <nav className="tabs" aria-label={`Parts of ${name}`}>
            {TABS.map((one) => (
              <Link
                key={one.tab}
                to={`/labs/${name}${one.tab && `/${one.tab}`}`}
                aria-current={one.tab === tab ? "page" : undefined}
              >
                {one.title}
              </Link>
            ))}
          </nav>
          <Tab lab={found} reread={lab.reread} tab={tab} part={part} />
        </>
      )}
    </Read>
  );
}

function Head({ lab, title, reread }: LabPart & { title: string }) {
  const { self, has } = useSession();
  const [dialog, setDialog] = useState<"extend" | "end" | null>(null);
  const may = has("operator") || (has("user") && lab.owner === self?.name);
  // Machines of cards are told to operators only; everybody knows the cards, though.
  const cards = lab.machines.some((machine) => machine.role === "card") ? [] : lab.routers.flatMap((router) => router.slots);
  const all = lab.machines.length + cards.length;
  const running = lab.machines.filter((one) => one.running).length + cards.filter((one) => one.state === "running").length;
  return (
    <>
      <Heading
        title={lab.name}
        name={title}
        actions={
          may && (
            <>
              <button type="button" onClick={() => setDialog("extend")}>
                Extend
              </button>
              <button type="button" disabled={lab.state === "tearing-down"} onClick={() => setDialog("end")}>
                End
              </button>
            </>
          )
        }
      >
        <div className="facts">
          <State state={lab.state} reason={lab.reason} />
          <span>
            of <b>{lab.owner}</b>
          </span>
          <span>
            <b>
              {running}/{all}
            </b>{" "}
            machines run
          </span>
          <span>
            <b>{memory(lab.memory)}</b>
          </span>
          {lab.state === "booked" && (
            <span>
              begins <Time at={lab.begins} /> (<Time at={lab.begins} relative />)
            </span>
          )}
          <span>
            {lab.ends === null ? (
              "no end"
            ) : (
              <>
                ends{" "}
                <b>
                  <Time at={lab.ends} />
                </b>{" "}
                (<Time at={lab.ends} relative />)
              </>
            )}
          </span>
          {lab.phase && (
            <span>
              phase <b>{lab.phase}</b>
            </span>
          )}
          {lab.job?.state === "running" && (
            <span>
              <Link to={`/jobs/${lab.job.id}`}>{lab.job.verb} is running</Link>
            </span>
          )}
        </div>
      </Heading>
      {noteOf(lab) && (
        <div className={`note ${lab.state === "failed" ? "note-bad" : "note-wait"}`}>
          {lab.state === "failed" && lab.reason && (
            <strong>
              <Spoken text={lab.reason} />{" "}
            </strong>
          )}
          <Spoken text={lab.note} />
        </div>
      )}
      {dialog === "extend" && <ExtendDialog lab={lab} onClose={() => setDialog(null)} onDone={() => void reread()} />}
      {dialog === "end" && (
        <EndDialog lab={lab} onClose={() => setDialog(null)} onDone={(job) => navigate(job ? `/jobs/${job}` : "/labs")} />
      )}
    </>
  );
}

function Tab({ tab, part, ...given }: LabPart & { tab: string; part: string | undefined; lab: Lab }) {
  switch (tab) {
    case "":
      return <Topology {...given} />;
    case "consoles":
      return <Consoles {...given} machine={part} />;
    case "inventory":
      return <InventoryTree {...given} />;
    case "blueprint":
      return <LabBlueprint {...given} />;
    case "jobs":
      return <Jobs name={given.lab.name} />;
    case "history":
      return <History name={given.lab.name} />;
    case "access":
      return <Access {...given} />;
    default:
      return <p className="empty">A lab has no such part.</p>;
  }
}
