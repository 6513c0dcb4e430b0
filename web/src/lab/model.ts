/** What the picture and the tables of a lab show, derived from the lab as the API gives it. */
import type { Schemas } from "../api/client";
import type { Lab } from "./part";

export type LabPort = Schemas["LabPort"];
export type LabMachine = Schemas["LabMachine"];
export type LabRouter = Schemas["LabRouter"];
export type LabWire = Schemas["LabWire"];

/** How a port stands; shown by colour, shape and words. */
export type Look = "up" | "free" | "down" | "late" | "bad";

export const LOOKS: Record<Look, string> = {
  up: "up",
  free: "ready, not wired",
  down: "wired, no carrier",
  late: "not there yet",
  bad: "out of order",
};

export interface Port {
  /** "west:ge-0/0/0" */
  id: string;
  owner: string;
  label: string;
  /** What is written on it: the number of a router's port, the name of a host's. */
  short: string;
  look: Look;
  /** Why it looks so, where that is more than the look's words. */
  why: string;
  peer: string | null;
  given: LabPort;
}

export interface Card {
  slot: number | null;
  /** Null where the caller does not see card machines. */
  machine: LabMachine | null;
  ports: Port[];
}

export interface Node {
  id: string;
  kind: "router" | "host";
  /** The machine that is asked for a console: a router's controller. */
  machine: LabMachine | undefined;
  router: LabRouter | undefined;
  cards: Card[];
  state: string;
  reason: string;
}

export interface Wire {
  /** Its two ends, which no other wire of the lab has. */
  id: string;
  ends: [string, string];
  state: string;
  /** Why it is not connected, or that somebody drew it by hand. */
  note: string;
  /** What it does to frames on purpose, those of delay, jitter, loss and rate that it has: "20ms", "1%", "10m". */
  impairment: Record<string, string>;
  since: number;
}

export interface Picture {
  nodes: Node[];
  wires: Wire[];
  ports: Map<string, Port>;
  byId: Map<string, Node>;
}

const SLOT = /-(\d+)\/\d+\/(\d+)$/;

/** Slot and number in "ge-1/0/3"; of a host's "eth1" no slot. */
export function placeOf(label: string): { slot: number | null; short: string } {
  const found = SLOT.exec(label);
  return found ? { slot: Number(found[1]), short: String(Number(found[2])) } : { slot: null, short: label };
}

export function wireId(a: string, b: string): string {
  return [a, b].sort().join(" ");
}

export function pictureOf(lab: Lab): Picture {
  const machines = new Map(lab.machines.map((machine) => [machine.name, machine]));
  const ports = new Map<string, Port>();
  const nodes = new Map<string, Node>();
  for (const router of lab.routers) nodes.set(router.name, nodeOf(router.name, router, lab));
  for (const machine of lab.machines) {
    if (!nodes.has(machine.owner)) nodes.set(machine.owner, nodeOf(machine.owner, undefined, lab));
  }
  for (const given of lab.ports) {
    const node = nodes.get(given.owner);
    if (!node) continue;
    const label = given.name.slice(given.owner.length + 1);
    const { slot, short } = placeOf(label);
    const machine = machines.get(given.machine);
    const { look, why } = lookOf(given, machine, lab.state);
    const port: Port = { id: given.name, owner: given.owner, label, short, look, why, peer: given.peer, given };
    ports.set(port.id, port);
    let card = node.cards.find((one) => one.slot === slot);
    if (!card) {
      card = { slot, machine: slot === null ? null : (machine ?? null), ports: [] };
      node.cards.push(card);
    }
    card.ports.push(port);
  }
  for (const node of nodes.values()) {
    node.cards.sort((a, b) => (a.slot ?? -1) - (b.slot ?? -1));
    for (const card of node.cards) card.ports.sort((a, b) => a.label.localeCompare(b.label, "en", { numeric: true }));
  }
  const wires = lab.wires
    .filter((wire) => wire.state !== "disconnected")
    .map((wire) => ({
      id: wireId(...wire.ends),
      ends: wire.ends,
      state: wire.state,
      note: wire.note || (wire.drawn ? "Drawn by hand; the blueprint does not have it." : ""),
      impairment: wire.impairment,
      since: wire.since,
    }));
  return { nodes: [...nodes.values()], wires, ports, byId: nodes };
}

function nodeOf(name: string, router: LabRouter | undefined, lab: Lab): Node {
  const mine = lab.machines.filter((machine) => machine.owner === name);
  const first = mine.find((machine) => machine.role !== "card") ?? mine[0];
  const stopped = mine.filter((machine) => machine.state === "stopped");
  const worst = stopped[0] ?? mine.find((machine) => machine.state !== "running") ?? first;
  return {
    id: name,
    kind: router ? "router" : "host",
    machine: first,
    router,
    cards: [],
    state: worst?.state ?? (lab.state === "booked" || lab.state === "waiting" ? lab.state : "planned"),
    reason: worst && worst !== first ? `${worst.name}: ${worst.reason || worst.state}` : (worst?.reason ?? ""),
  };
}

function lookOf(port: LabPort, machine: LabMachine | undefined, lab: string): { look: Look; why: string } {
  if (machine?.state === "stopped") return { look: "bad", why: `${machine.name} does not run` };
  if (port.up && port.ready) return { look: "up", why: "" };
  if (!port.ready) {
    if (lab === "ready") return { look: "bad", why: "the device does not report it" };
    return { look: "late", why: "" };
  }
  return port.peer ? { look: "down", why: "" } : { look: "free", why: "" };
}

/** A port in words, for screen readers and on hover. */
export function spoken(port: Port): string {
  const words = [`Port ${port.id}`, LOOKS[port.look] + (port.why ? ` (${port.why})` : "")];
  if (port.peer) words.push(`wired to ${port.peer}`);
  const addresses = port.given.addresses ?? [];
  if (addresses.length > 0) words.push(addresses.join(" "));
  return words.join(", ");
}

/** What a wire does to frames on purpose: "delay 20ms, loss 1%". */
export function spokenImpairment(wire: Wire): string {
  return Object.entries(wire.impairment)
    .map((each) => each.join(" "))
    .join(", ");
}

export function spokenNode(node: Node): string {
  const ports = node.cards.flatMap((card) => card.ports);
  const up = ports.filter((port) => port.look === "up").length;
  const cards = node.kind === "router" ? `${node.cards.length} card${node.cards.length === 1 ? "" : "s"}, ` : "";
  const kind = node.kind === "router" ? "Router" : "Host";
  return `${kind} ${node.id}, ${node.state}, ${cards}${ports.length} port${ports.length === 1 ? "" : "s"}, ${up} up`;
}
