/** The lab as a picture, or the same in tables; beside it what is selected. */
import "../styles/lab.css";
import { useMemo, useState } from "react";
import { useSession } from "../api/session";
import { toast, toastProblem } from "../layout/toasts";
import { ActionDialog } from "../parts/dialog";
import { connect, disconnect, link, restart } from "./actions";
import { useCaptures } from "./captures";
import { type Ask, Details } from "./details";
import { Diagram } from "./diagram";
import { CommandDialog, ConfigurationDialog, LoginsDialog, WireDialog } from "./dialogs";
import { ImpairmentDialog } from "./impairments";
import { type Node, pictureOf, type Wire, wireId } from "./model";
import type { Spot } from "./moving";
import type { LabPart } from "./part";
import { usePlaces } from "./places";
import { Tables } from "./tables";
import { useTraffic } from "./traffic";

const VIEW = "rackless.topology.view";

type Asked =
  | { what: Ask; node: Node; machine: string | undefined }
  | { what: "wire"; port: string }
  | { what: "disconnect" | "impair"; wire: Wire };

export default function Topology({ lab, reread }: LabPart) {
  const mayUse = useSession().has("user");
  const picture = useMemo(() => pictureOf(lab), [lab]);
  const { places, move, again } = usePlaces(lab.name, picture, mayUse);
  const [selected, setSelected] = useState<Spot | null>(null);
  const [asked, setAsked] = useState<Asked | null>(null);
  const [pending, setPending] = useState<readonly Wire[]>([]);
  const [tables, setTables] = useState(() => localStorage.getItem(VIEW) === "tables");
  const rates = useTraffic(lab.name, lab.state === "ready");
  const captures = useCaptures(lab.name);
  const capturing = useMemo(() => new Set(captures.filter((one) => one.running).map((one) => one.end)), [captures]);

  async function wire(a: string, b: string): Promise<void> {
    const made: Wire = { id: wireId(a, b), ends: [a, b], state: "planned", note: "", impairment: {}, since: Date.now() / 1000 };
    setPending((old) => [...old, made]);
    try {
      await connect(lab.name, a, b);
      await reread();
    } catch (error) {
      toastProblem(error);
    } finally {
      setPending((old) => old.filter((one) => one !== made));
    }
  }

  async function carrier(one: Wire): Promise<void> {
    try {
      await link(lab.name, one, one.state === "down");
      await reread();
    } catch (error) {
      toastProblem(error);
    }
  }

  function show(inTables: boolean): void {
    setTables(inTables);
    localStorage.setItem(VIEW, inTables ? "tables" : "picture");
  }

  const ask = (what: Ask, node: Node, machine?: string): void => setAsked({ what, node, machine });
  const shared = {
    picture,
    rates,
    mayUse,
    onWire: (port: string) => mayUse && !picture.ports.get(port)?.peer && setAsked({ what: "wire", port }),
    onDisconnect: (one: Wire) => setAsked({ what: "disconnect", wire: one }),
    onLink: (one: Wire) => void carrier(one),
    onImpair: (one: Wire) => setAsked({ what: "impair", wire: one }),
  };
  return (
    <>
      <div className="toolbar">
        <div className="switch" role="group" aria-label="View">
          <button type="button" aria-pressed={!tables} onClick={() => show(false)}>
            Picture
          </button>
          <button type="button" aria-pressed={tables} onClick={() => show(true)}>
            Tables
          </button>
        </div>
        {!tables && (
          <button
            type="button"
            className="quiet"
            title="Forget where things were put"
            onClick={() => void again().catch(toastProblem)}
          >
            Lay out anew
          </button>
        )}
        {capturing.size > 0 && <span className="state state-bad">● capturing {[...capturing].join(", ")}</span>}
      </div>
      <div className="topology">
        {tables ? (
          <Tables lab={lab} {...shared} onSelect={setSelected} />
        ) : places ? (
          <Diagram
            name={lab.name}
            {...shared}
            places={places}
            pending={pending}
            selected={selected}
            capturing={capturing}
            mayWire={mayUse}
            onSelect={setSelected}
            onMove={move}
            onConnect={(a, b) => void wire(a, b)}
          />
        ) : (
          <div className="diagram">
            <p className="loading center">Laying it out…</p>
          </div>
        )}
        <Details lab={lab} {...shared} selected={selected} onSelect={setSelected} onAsk={ask} />
      </div>
      <Dialogs lab={lab.name} asked={asked} picture={picture} onClose={() => setAsked(null)} onConnect={wire} reread={reread} />
    </>
  );
}

interface DialogsProps {
  lab: string;
  asked: Asked | null;
  picture: ReturnType<typeof pictureOf>;
  onClose: () => void;
  onConnect: (a: string, b: string) => Promise<void>;
  reread: () => Promise<void>;
}

function Dialogs({ lab, asked, picture, onClose, onConnect, reread }: DialogsProps) {
  switch (asked?.what) {
    case "wire":
      return (
        <WireDialog
          picture={picture}
          from={asked.port}
          onClose={onClose}
          onChoose={(to) => {
            onClose();
            void onConnect(asked.port, to);
          }}
        />
      );
    case "disconnect":
      return (
        <ActionDialog
          title="Disconnect the wire?"
          action="Disconnect"
          danger
          onClose={onClose}
          run={async () => {
            await disconnect(lab, asked.wire);
            await reread();
          }}
        >
          <p>
            {asked.wire.ends[0]} and {asked.wire.ends[1]} lose their carrier. The routers go on running.
          </p>
        </ActionDialog>
      );
    case "impair":
      return <ImpairmentDialog lab={lab} wire={asked.wire} onClose={onClose} reread={reread} />;
    case "restart": {
      const machine = asked.machine ?? asked.node.id;
      return (
        <ActionDialog
          title={`Restart ${machine}?`}
          action="Restart"
          danger
          onClose={onClose}
          run={async () => {
            await restart(lab, machine);
            toast("note", `${machine} restarts.`);
            await reread();
          }}
        >
          <p>It is switched off and on, as if by its power button. Its wires stay.</p>
        </ActionDialog>
      );
    }
    case "command":
      return <CommandDialog lab={lab} node={asked.node} onClose={onClose} />;
    case "configuration":
      return <ConfigurationDialog lab={lab} node={asked.node} onClose={onClose} />;
    case "logins":
      return <LoginsDialog lab={lab} node={asked.node} onClose={onClose} />;
    default:
      return null;
  }
}
