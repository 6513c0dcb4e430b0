/** Sizes and places in the drawing. Units are CSS pixels at 100 %; y grows downward. */
import type { Node, Picture } from "./model";

export interface Point {
  x: number;
  y: number;
}

export interface Box extends Point {
  width: number;
  height: number;
}

export const HEAD = 34;
export const PORT = { height: 19, width: 24, wide: 40, gap: 5 };
const PAD = 11;
const SLOT_WIDTH = 26;
const COLUMNS = 12;
const LEAST_WIDTH = 152;
const CARD_GAP = 7;
export const GRID = 10;

export interface CardBox extends Box {
  slot: number | null;
  /** Upper left corner of each port, by id, from the node's own corner. */
  ports: Map<string, Point>;
}

export interface NodeBox {
  width: number;
  height: number;
  portWidth: number;
  cards: CardBox[];
}

const kept = new WeakMap<Node, NodeBox>();

/** How a chassis is drawn: its head, then its cards, each a row of ports (or more). */
export function boxOf(node: Node): NodeBox {
  const found = kept.get(node);
  if (found) return found;
  const portWidth = node.kind === "host" ? PORT.wide : PORT.width;
  const columns = Math.max(1, Math.min(COLUMNS, ...[Math.max(0, ...node.cards.map((card) => card.ports.length))]));
  const slotWidth = node.kind === "router" ? SLOT_WIDTH : 0;
  const inner = slotWidth + columns * (portWidth + PORT.gap) - PORT.gap;
  const least = Math.max(LEAST_WIDTH, node.id.length * 7.2 + 62);
  const width = Math.ceil(Math.max(least, inner + 2 * PAD + (node.kind === "router" ? 10 : 0)) / GRID) * GRID;
  let y = HEAD + 3;
  const cards: CardBox[] = [];
  for (const card of node.cards) {
    const rows = Math.max(1, Math.ceil(card.ports.length / COLUMNS));
    const height = rows * (PORT.height + PORT.gap) - PORT.gap + 10;
    const ports = new Map<string, Point>();
    card.ports.forEach((port, at) => {
      ports.set(port.id, {
        x: PAD + slotWidth + (at % COLUMNS) * (portWidth + PORT.gap),
        y: y + 5 + Math.floor(at / COLUMNS) * (PORT.height + PORT.gap),
      });
    });
    cards.push({ slot: card.slot, x: 6, y, width: width - 12, height, ports });
    y += height + CARD_GAP;
  }
  const made = { width, height: cards.length > 0 ? y - CARD_GAP + 8 : HEAD + 8, portWidth, cards };
  kept.set(node, made);
  return made;
}

/** Where each port is, in the whole drawing. */
export function portBox(picture: Picture, places: ReadonlyMap<string, Point>, id: string): Box | undefined {
  const port = picture.ports.get(id);
  const node = port && picture.byId.get(port.owner);
  const at = port && places.get(port.owner);
  if (!node || !at) return undefined;
  const box = boxOf(node);
  for (const card of box.cards) {
    const found = card.ports.get(id);
    if (found) return { x: at.x + found.x, y: at.y + found.y, width: box.portWidth, height: PORT.height };
  }
  return undefined;
}

export interface Curve {
  path: string;
  middle: Point;
}

/** A cable between two ports: it hangs from both where they are side by side, and runs down where one is below the other. */
export function curve(a: Box, b: Box): Curve {
  const [upper, lower] = a.y <= b.y ? [a, b] : [b, a];
  const start = { x: upper.x + upper.width / 2, y: upper.y + upper.height };
  const above = lower.y - (upper.y + upper.height) > 70;
  const end = { x: lower.x + lower.width / 2, y: above ? lower.y : lower.y + lower.height };
  const reach = Math.hypot(end.x - start.x, end.y - start.y);
  const drop = above ? Math.min(150, Math.max(40, (end.y - start.y) * 0.45)) : Math.min(110, 34 + reach * 0.16);
  const c1 = { x: start.x, y: start.y + drop };
  const c2 = { x: end.x, y: above ? end.y - drop : end.y + drop };
  return {
    path: `M${round(start.x)} ${round(start.y)}C${round(c1.x)} ${round(c1.y)} ${round(c2.x)} ${round(c2.y)} ${round(end.x)} ${round(end.y)}`,
    middle: { x: (start.x + 3 * c1.x + 3 * c2.x + end.x) / 8, y: (start.y + 3 * c1.y + 3 * c2.y + end.y) / 8 },
  };
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

export function snapped(point: Point): Point {
  return { x: Math.round(point.x / GRID) * GRID, y: Math.round(point.y / GRID) * GRID };
}

export function overlap(a: Box, b: Box, gap = 0): boolean {
  return a.x < b.x + b.width + gap && b.x < a.x + a.width + gap && a.y < b.y + b.height + gap && b.y < a.y + a.height + gap;
}

/** The box around all nodes. */
export function extent(picture: Picture, places: ReadonlyMap<string, Point>): Box {
  let [left, top, right, bottom] = [Infinity, Infinity, -Infinity, -Infinity];
  for (const node of picture.nodes) {
    const at = places.get(node.id);
    if (!at) continue;
    const box = boxOf(node);
    left = Math.min(left, at.x);
    top = Math.min(top, at.y);
    right = Math.max(right, at.x + box.width);
    bottom = Math.max(bottom, at.y + box.height + 40);
  }
  return left === Infinity ? { x: 0, y: 0, width: 1, height: 1 } : { x: left, y: top, width: right - left, height: bottom - top };
}
