/** Automatic layout: the Eclipse Layout Kernel (elkjs) in a worker of its own, so that the page stays responsive. */
import type { ELK, ElkNode } from "elkjs/lib/elk-api";
import workerUrl from "elkjs/lib/elk-worker.min.js?url";
import { boxOf, overlap, type Point, snapped } from "./geometry";
import type { Node, Picture } from "./model";

const BETWEEN = 60;
/** Between what is not wired to each other. */
const DENSE = 1.6;
/** Wires a node from which on layers say less than distances do. */
const MANY = 30;
/** Nodes from which on layers become wide, and take long. */
const LONGEST = 30_000;
/** Milliseconds after which rows and columns have to do. */

const FEW = 6;
/** So many stand side by side: screens are wider than high. */

let engine: Promise<ELK> | undefined;

function elk(): Promise<ELK> {
  engine ??= import("elkjs/lib/elk-api").then(({ default: Engine }) => new Engine({ workerUrl }));
  return engine;
}

/** A place for every node. Those in `chosen` stay where they are. */
export async function arrange(picture: Picture, chosen: ReadonlyMap<string, Point>): Promise<Map<string, Point>> {
  const free = picture.nodes.filter((node) => !chosen.has(node.id));
  if (free.length === 0) return new Map(chosen);
  const groups = await Promise.all(components(picture).map((group) => laidOut(group, picture)));
  const places = packed(groups);
  return chosen.size === 0 ? places : beside(picture, places, chosen);
}

/** Nodes that are wired to each other, directly or by others; the largest first. */
function components(picture: Picture): Node[][] {
  const next = new Map<string, string[]>(picture.nodes.map((node) => [node.id, []]));
  for (const [a, b] of pairs(picture)) {
    next.get(a)?.push(b);
    next.get(b)?.push(a);
  }
  const seen = new Set<string>();
  const groups: Node[][] = [];
  for (const node of picture.nodes) {
    if (seen.has(node.id)) continue;
    const group: Node[] = [];
    const waiting = [node.id];
    seen.add(node.id);
    while (waiting.length > 0) {
      const id = waiting.shift() as string;
      group.push(picture.byId.get(id) as Node);
      for (const other of next.get(id) ?? []) {
        if (!seen.has(other)) {
          seen.add(other);
          waiting.push(other);
        }
      }
    }
    groups.push(group);
  }
  return groups.sort((a, b) => b.length - a.length);
}

/** Which nodes are wired, each pair once. */
function pairs(picture: Picture): [string, string][] {
  const found = new Map<string, [string, string]>();
  for (const wire of picture.wires) {
    const [a, b] = wire.ends.map((end) => picture.ports.get(end)?.owner ?? "");
    if (a && b && a !== b) found.set([a, b].sort().join(" "), [a, b]);
  }
  return [...found.values()];
}

interface Group {
  places: Map<string, Point>;
  width: number;
  height: number;
}

async function laidOut(nodes: Node[], picture: Picture): Promise<Group> {
  const mine = new Set(nodes.map((node) => node.id));
  const edges = pairs(picture).filter(([a, b]) => mine.has(a) && mine.has(b));
  const [only] = nodes;
  if (only && nodes.length === 1) {
    const box = boxOf(only);
    return { places: new Map([[only.id, { x: 0, y: 0 }]]), width: box.width, height: box.height };
  }
  const options: Record<string, string> =
    nodes.length > MANY || edges.length > nodes.length * DENSE
      ? { "elk.algorithm": "stress", "elk.stress.desiredEdgeLength": "250" }
      : {
          "elk.algorithm": "layered",
          "elk.direction": nodes.length <= FEW ? "RIGHT" : "DOWN",
          "elk.layered.spacing.nodeNodeBetweenLayers": "110",
          "elk.layered.nodePlacement.strategy": "NETWORK_SIMPLEX",
          "elk.edgeRouting": "POLYLINE",
        };
  const graph: ElkNode = {
    id: "all",
    layoutOptions: { ...options, "elk.spacing.nodeNode": "70", "elk.randomSeed": "7" },
    children: nodes.map((node) => ({ id: node.id, width: boxOf(node).width, height: boxOf(node).height })),
    edges: edges.map(([a, b], at) => ({ id: String(at), sources: [a], targets: [b] })),
  };
  const found = await inTime(async () => {
    const engineNow = await elk();
    const first = await engineNow.layout(graph);
    if (options["elk.algorithm"] !== "stress") return first;
    lay(first);
    const apart = { "elk.algorithm": "sporeOverlap", "elk.spacing.nodeNode": "45" };
    return engineNow.layout({ ...first, layoutOptions: apart, edges: graph.edges ?? [] });
  });
  return found ? grouped(found) : inRows(nodes);
}

/** Turn what is higher than wide: screens are not. */
function lay(graph: ElkNode): void {
  const { width, height } = grouped(graph);
  if (height <= width) return;
  for (const child of graph.children ?? []) [child.x, child.y] = [child.y ?? 0, child.x ?? 0];
}

/** Undefined when it took too long; the worker is ended then. */
async function inTime(work: () => Promise<ElkNode>): Promise<ElkNode | undefined> {
  let timer: number | undefined;
  const late = new Promise<undefined>((done) => {
    timer = window.setTimeout(() => done(undefined), LONGEST);
  });
  try {
    const found = await Promise.race([work(), late]);
    if (!found) {
      void engine?.then((one) => one.terminateWorker());
      engine = undefined;
    }
    return found;
  } finally {
    window.clearTimeout(timer);
  }
}

function inRows(nodes: Node[]): Group {
  const columns = Math.ceil(Math.sqrt(nodes.length));
  const width = Math.max(...nodes.map((node) => boxOf(node).width)) + BETWEEN;
  const height = Math.max(...nodes.map((node) => boxOf(node).height)) + BETWEEN;
  const places = new Map(nodes.map((node, at) => [node.id, { x: (at % columns) * width, y: Math.floor(at / columns) * height }]));
  return { places, width: columns * width, height: Math.ceil(nodes.length / columns) * height };
}

function grouped(done: ElkNode): Group {
  const children = done.children ?? [];
  const left = Math.min(...children.map((child) => child.x ?? 0));
  const top = Math.min(...children.map((child) => child.y ?? 0));
  const places = new Map(children.map((child) => [child.id, { x: (child.x ?? 0) - left, y: (child.y ?? 0) - top }]));
  const width = Math.max(...children.map((child) => (child.x ?? 0) - left + (child.width ?? 0)));
  const height = Math.max(...children.map((child) => (child.y ?? 0) - top + (child.height ?? 0)));
  return { places, width, height };
}

/** Groups on shelves, about as wide as a screen is. */
function packed(groups: Group[]): Map<string, Point> {
  const area = groups.reduce((sum, one) => sum + (one.width + BETWEEN) * (one.height + BETWEEN), 0);
  const most = Math.max(Math.sqrt(area * 1.8), ...groups.map((one) => one.width));
  const places = new Map<string, Point>();
  let [x, y, shelf] = [0, 0, 0];
  for (const group of groups) {
    if (x > 0 && x + group.width > most) {
      y += shelf + BETWEEN;
      [x, shelf] = [0, 0];
    }
    for (const [id, at] of group.places) places.set(id, snapped({ x: at.x + x, y: at.y + y }));
    x += group.width + BETWEEN;
    shelf = Math.max(shelf, group.height);
  }
  return places;
}

/** New nodes beside those that somebody has placed: where the layout puts them, or below all if something is there. */
function beside(picture: Picture, places: Map<string, Point>, chosen: ReadonlyMap<string, Point>): Map<string, Point> {
  const result = new Map(chosen);
  const boxes = picture.nodes
    .filter((node) => chosen.has(node.id))
    .map((node) => ({ ...(chosen.get(node.id) as Point), ...boxOf(node) }));
  for (const node of picture.nodes) {
    if (result.has(node.id)) continue;
    const box = boxOf(node);
    let at = places.get(node.id) ?? { x: 0, y: 0 };
    while (boxes.some((other) => overlap({ ...at, width: box.width, height: box.height }, other, 20))) {
      at = { x: at.x, y: Math.max(...boxes.map((other) => other.y + other.height)) + BETWEEN };
    }
    boxes.push({ ...at, ...box });
    result.set(node.id, snapped(at));
  }
  return result;
}
