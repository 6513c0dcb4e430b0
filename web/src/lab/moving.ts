/** Where the focus is in the picture, and where an arrow key takes it. */
import type { Box, Point } from "./geometry";

export interface Spot {
  kind: "node" | "port" | "wire";
  id: string;
}

const KINDS = ["port", "wire", "node"] as const;

/** What an element of the picture stands for. */
export function spotAt(target: EventTarget | null): Spot | null {
  if (!(target instanceof Element)) return null;
  for (const kind of KINDS) {
    const found = target.closest(`[data-${kind}]`)?.getAttribute(`data-${kind}`);
    if (found) return { kind, id: found };
  }
  return null;
}

export function domId(spot: Spot): string {
  return `${spot.kind}-${spot.id.replaceAll(" ", "--")}`;
}

/** The candidate that lies next in the direction of an arrow key: near, and rather straight ahead. */
export function nearest(from: Box, candidates: ReadonlyMap<string, Box>, key: string): string | undefined {
  const start = centre(from);
  let best: string | undefined;
  let least = Infinity;
  for (const [id, box] of candidates) {
    const at = centre(box);
    const [ahead, aside] = turned(at.x - start.x, at.y - start.y, key);
    if (ahead <= 1) continue;
    const cost = ahead + 2.5 * Math.abs(aside);
    if (cost < least) [best, least] = [id, cost];
  }
  return best;
}

function turned(dx: number, dy: number, key: string): [number, number] {
  if (key === "ArrowRight") return [dx, dy];
  if (key === "ArrowLeft") return [-dx, dy];
  return key === "ArrowDown" ? [dy, dx] : [-dy, dx];
}

function centre(box: Box): Point {
  return { x: box.x + box.width / 2, y: box.y + box.height / 2 };
}
