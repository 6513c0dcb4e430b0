/** The lab as a picture: zoomed, panned, rearranged and wired with the mouse or with the keyboard. */
import {
  type CSSProperties,
  type KeyboardEvent,
  type PointerEvent,
  useCallback,
  useEffect,
  useLayoutEffect,
  useMemo,
  useRef,
  useState,
} from "react";
import { Cable, Chassis, Ports } from "./chassis";
import { type Box, boxOf, type Curve, curve, extent, GRID, type Point, portBox, snapped } from "./geometry";
import { domId, nearest, type Spot, spotAt } from "./moving";
import type { Picture, Wire } from "./model";
import type { Rates } from "./traffic";

const CLICK = 4;
/** Pixels that a pointer may move and still only click. */
const ZOOM = { least: 0.08, most: 2.5, step: 1.25 };
const STEP = 2 * GRID;
const FAR = 0.45;
/** Below this scale ports have no numbers: they could not be read. */

export interface DiagramProps {
  name: string;
  picture: Picture;
  places: ReadonlyMap<string, Point>;
  /** Wires that are being made: drawn, but not there yet. */
  pending: readonly Wire[];
  selected: Spot | null;
  rates: Rates;
  /** Ends that are captured now. */
  capturing: ReadonlySet<string>;
  mayWire: boolean;
  onSelect: (spot: Spot | null) => void;
  onMove: (id: string, to: Point, keep: boolean) => void;
  onConnect: (a: string, b: string) => void;
  /** "w" on a port: with what? */
  onWire: (port: string) => void;
  onDisconnect: (wire: Wire) => void;
  onLink: (wire: Wire) => void;
  onImpair: (wire: Wire) => void;
}

interface View extends Point {
  k: number;
}

type Gesture =
  | { kind: "pan"; from: Point; view: View; moved: boolean }
  | { kind: "move"; id: string; grip: Point; from: Point; moved: boolean }
  | { kind: "wire"; port: string; from: Point; moved: boolean };

export function Diagram(props: DiagramProps) {
  const { picture, places, pending, selected, rates, capturing, mayWire } = props;
  const svg = useRef<SVGSVGElement>(null);
  const gesture = useRef<Gesture | null>(null);
  const [view, setView] = useState<View>({ x: 0, y: 0, k: 1 });
  const [focus, setFocus] = useState<Spot | null>(null);
  const [rubber, setRubber] = useState<{ from: string; to: Point; aim: string | null } | null>(null);
  const fitted = useRef(false);

  const fit = useCallback(() => {
    const box = svg.current?.getBoundingClientRect();
    if (!box?.width) return;
    const all = extent(picture, places);
    const k = Math.min(1.15, Math.max(ZOOM.least, Math.min((box.width - 60) / all.width, (box.height - 60) / all.height)));
    setView({ k, x: box.width / 2 - (all.x + all.width / 2) * k, y: box.height / 2 - (all.y + all.height / 2) * k });
  }, [picture, places]);

  useLayoutEffect(() => {
    if (fitted.current) return;
    fitted.current = true;
    fit();
  }, [fit]);

  const zoomAt = useCallback((factor: number, at?: Point) => {
    const box = svg.current?.getBoundingClientRect();
    if (!box) return;
    const point = at ?? { x: box.width / 2, y: box.height / 2 };
    setView((old) => {
      const k = Math.min(ZOOM.most, Math.max(ZOOM.least, old.k * factor));
      return { k, x: point.x - ((point.x - old.x) * k) / old.k, y: point.y - ((point.y - old.y) * k) / old.k };
    });
  }, []);

  // React's own wheel listener is passive: it could not keep the page from scrolling.
  useEffect(() => {
    const element = svg.current;
    if (!element) return;
    function turn(event: WheelEvent): void {
      event.preventDefault();
      const box = (event.currentTarget as SVGSVGElement).getBoundingClientRect();
      zoomAt(Math.exp(-event.deltaY * (event.ctrlKey ? 0.01 : 0.0016)), {
        x: event.clientX - box.left,
        y: event.clientY - box.top,
      });
    }
    element.addEventListener("wheel", turn, { passive: false });
    return () => element.removeEventListener("wheel", turn);
  }, [zoomAt]);

  const wires = useMemo(() => {
    const there = new Set(picture.wires.map((wire) => wire.id));
    return [...picture.wires, ...pending.filter((wire) => !there.has(wire.id))];
  }, [picture, pending]);

  const curves = useMemo(() => {
    const found = new Map<string, Curve>();
    for (const wire of wires) {
      const [a, b] = wire.ends.map((end) => portBox(picture, places, end));
      if (a && b) found.set(wire.id, curve(a, b));
    }
    return found;
  }, [wires, picture, places]);

  function scene(event: { clientX: number; clientY: number }): Point {
    const box = svg.current?.getBoundingClientRect() ?? { left: 0, top: 0 };
    return { x: (event.clientX - box.left - view.x) / view.k, y: (event.clientY - box.top - view.y) / view.k };
  }

  function pressed(event: PointerEvent<SVGSVGElement>): void {
    if (event.button !== 0) return;
    const spot = spotAt(event.target);
    const from = { x: event.clientX, y: event.clientY };
    if (spot) setFocus(spot);
    if (spot?.kind === "port") gesture.current = { kind: "wire", port: spot.id, from, moved: false };
    else if (spot?.kind === "node") {
      const at = places.get(spot.id) ?? { x: 0, y: 0 };
      const grip = scene(event);
      gesture.current = { kind: "move", id: spot.id, grip: { x: grip.x - at.x, y: grip.y - at.y }, from, moved: false };
    } else gesture.current = { kind: "pan", from, view, moved: false };
  }

  function moved(event: PointerEvent<SVGSVGElement>): void {
    const now = gesture.current;
    if (!now) return;
    if (!now.moved) {
      if (Math.hypot(event.clientX - now.from.x, event.clientY - now.from.y) < CLICK) return;
      now.moved = true;
      svg.current?.setPointerCapture(event.pointerId);
    }
    if (now.kind === "pan") {
      setView({ k: now.view.k, x: now.view.x + event.clientX - now.from.x, y: now.view.y + event.clientY - now.from.y });
      return;
    }
    const point = scene(event);
    if (now.kind === "move") {
      props.onMove(now.id, snapped({ x: point.x - now.grip.x, y: point.y - now.grip.y }), false);
    } else if (mayWire && !picture.ports.get(now.port)?.peer) {
      setRubber({ from: now.port, to: point, aim: aimed(event, now.port) });
    }
  }

  function aimed(event: PointerEvent<SVGSVGElement>, from: string): string | null {
    const under = spotAt(document.elementFromPoint(event.clientX, event.clientY));
    return under?.kind === "port" && under.id !== from && !picture.ports.get(under.id)?.peer ? under.id : null;
  }

  function released(event: PointerEvent<SVGSVGElement>): void {
    const now = gesture.current;
    gesture.current = null;
    setRubber(null);
    if (!now) return;
    if (!now.moved) {
      props.onSelect(spotAt(event.target));
      return;
    }
    if (now.kind === "move") {
      const point = scene(event);
      props.onMove(now.id, snapped({ x: point.x - now.grip.x, y: point.y - now.grip.y }), true);
    } else if (now.kind === "wire" && mayWire && !picture.ports.get(now.port)?.peer) {
      const to = aimed(event, now.port);
      if (to) props.onConnect(now.port, to);
    }
  }

  const go = useCallback((spot: Spot | null | undefined) => {
    if (!spot) return;
    setFocus(spot);
    // At once: the next key may be typed already.
    document.getElementById(domId(spot))?.focus();
  }, []);

  /** Bring what has the focus into the part that is seen. */
  function looked(event: { target: EventTarget }): void {
    const found = event.target;
    const frame = svg.current?.getBoundingClientRect();
    if (!(found instanceof SVGGElement) || !frame || gesture.current) return;
    const box = found.getBoundingClientRect();
    const dx = Math.max(0, frame.left + 12 - box.left) - Math.max(0, box.right - frame.right + 12);
    const dy = Math.max(0, frame.top + 12 - box.top) - Math.max(0, box.bottom - frame.bottom + 12);
    if (dx || dy) setView((old) => ({ ...old, x: old.x + dx, y: old.y + dy }));
  }

  function typed(event: KeyboardEvent<SVGSVGElement>): void {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const spot = spotAt(event.target);
    if (general(event.key) || (spot && special(spot, event.key, event.shiftKey))) event.preventDefault();
  }

  function general(key: string): boolean {
    if (key === "+" || key === "=") zoomAt(ZOOM.step);
    else if (key === "-") zoomAt(1 / ZOOM.step);
    else if (key === "0") fit();
    else return false;
    return true;
  }

  function special(spot: Spot, key: string, shift: boolean): boolean {
    if (key === " ") props.onSelect(spot);
    else if (key === "Enter") {
      props.onSelect(spot);
      const first = spot.kind === "node" ? picture.byId.get(spot.id)?.cards[0]?.ports[0] : undefined;
      if (first) go({ kind: "port", id: first.id });
    } else if (key === "Escape") {
      props.onSelect(null);
      if (spot.kind === "port") go({ kind: "node", id: picture.ports.get(spot.id)?.owner ?? "" });
      else if (spot.kind === "wire") go({ kind: "port", id: wires.find((one) => one.id === spot.id)?.ends[0] ?? "" });
    } else if (key.startsWith("Arrow")) arrow(spot, key, shift);
    else if (spot.kind === "port" && key === "w") props.onWire(spot.id);
    else if (spot.kind === "port" && key === "l") {
      go({ kind: "wire", id: wires.find((one) => one.ends.includes(spot.id))?.id ?? "" });
    } else if (spot.kind === "wire") return onWireKey(spot.id, key);
    else return false;
    return true;
  }

  function onWireKey(id: string, key: string): boolean {
    const wire = picture.wires.find((one) => one.id === id);
    if (!wire || !mayWire) return false;
    if (key === "Delete" || key === "Backspace") props.onDisconnect(wire);
    else if (key === "d") props.onLink(wire);
    else if (key === "i") props.onImpair(wire);
    else return false;
    return true;
  }

  function arrow(spot: Spot, key: string, shift: boolean): void {
    if (spot.kind === "node" && shift) {
      const at = places.get(spot.id) ?? { x: 0, y: 0 };
      const [dx, dy] = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[key] ?? [0, 0];
      props.onMove(spot.id, { x: at.x + (dx ?? 0) * STEP, y: at.y + (dy ?? 0) * STEP }, true);
    } else if (spot.kind === "wire") {
      const here = wires.findIndex((one) => one.id === spot.id);
      const next = wires[(here + (key === "ArrowLeft" || key === "ArrowUp" ? -1 : 1) + wires.length) % wires.length];
      if (next) go({ kind: "wire", id: next.id });
    } else {
      const from = boxIn(spot);
      const id = from && nearest(from, candidates(spot), key);
      if (id) go({ kind: spot.kind, id });
    }
  }

  function boxIn(spot: Spot): Box | undefined {
    if (spot.kind === "port") return portBox(picture, places, spot.id);
    const [node, at] = [picture.byId.get(spot.id), places.get(spot.id)];
    return node && at && { ...at, width: boxOf(node).width, height: boxOf(node).height };
  }

  function candidates(spot: Spot): Map<string, Box> {
    const owner = picture.ports.get(spot.id)?.owner;
    const ids =
      spot.kind === "node"
        ? picture.nodes.map((node) => node.id)
        : (picture.byId.get(owner ?? "")?.cards.flatMap((card) => card.ports.map((port) => port.id)) ?? []);
    const found = new Map<string, Box>();
    for (const id of ids) {
      const box = id === spot.id ? undefined : boxIn({ kind: spot.kind, id });
      if (box) found.set(id, box);
    }
    return found;
  }

  const entry: Spot | null = focus ?? (picture.nodes[0] ? { kind: "node", id: picture.nodes[0].id } : null);
  const marks = useMemo(() => {
    const found = new Map<string, string[]>();
    const mark = (id: string | null | undefined, what: string): void => {
      const owner = id && picture.ports.get(id)?.owner;
      if (owner) found.set(owner, [...(found.get(owner) ?? []), `${id}=${what}`]);
    };
    if (selected?.kind === "port") mark(selected.id, "selected");
    if (selected?.kind === "wire") for (const end of wires.find((one) => one.id === selected.id)?.ends ?? []) mark(end, "end");
    mark(rubber?.from, "from");
    mark(rubber?.aim, "aim");
    return found;
  }, [selected, rubber?.from, rubber?.aim, picture, wires]);

  const start = rubber && portBox(picture, places, rubber.from);
  return (
    <div className="diagram">
      <svg
        ref={svg}
        className={`scene${rubber ? " wiring" : ""}${view.k < FAR ? " far" : ""}`}
        style={{ "--far": `${Math.min(60, 11 / view.k)}px` } as CSSProperties}
        role="application"
        aria-label={`Topology of ${props.name}`}
        aria-describedby="diagram-keys"
        onPointerDown={pressed}
        onPointerMove={moved}
        onPointerUp={released}
        onPointerCancel={() => {
          gesture.current = null;
          setRubber(null);
        }}
        onKeyDown={typed}
        onFocus={looked}
      >
        <g transform={`translate(${view.x} ${view.y}) scale(${view.k})`}>
          {picture.nodes.map((node) => {
            const at = places.get(node.id);
            return at ? (
              <Chassis
                key={node.id}
                node={node}
                at={at}
                selected={selected?.kind === "node" && selected.id === node.id}
                focused={entry?.kind === "node" && entry.id === node.id}
              />
            ) : null;
          })}
          {wires.map((wire) => {
            const drawn = curves.get(wire.id);
            const [a, b] = [rates.get(wire.ends[0]), rates.get(wire.ends[1])];
            return drawn ? (
              <Cable
                key={wire.id}
                wire={wire}
                curve={drawn}
                selected={selected?.kind === "wire" && selected.id === wire.id}
                focused={entry?.kind === "wire" && entry.id === wire.id}
                pending={!picture.wires.includes(wire)}
                toFirst={Math.max(a?.inBits ?? 0, b?.outBits ?? 0)}
                toSecond={Math.max(b?.inBits ?? 0, a?.outBits ?? 0)}
                capturing={wire.ends.some((end) => capturing.has(end))}
              />
            ) : null;
          })}
          {picture.nodes.map((node) => {
            const at = places.get(node.id);
            return at ? (
              <Ports
                key={node.id}
                node={node}
                at={at}
                marks={(marks.get(node.id) ?? []).join(" ")}
                focused={entry?.kind === "port" ? entry.id : ""}
              />
            ) : null;
          })}
          {rubber && start && (
            <path
              className="rubber"
              d={`M${start.x + start.width / 2} ${start.y + start.height / 2}L${rubber.to.x} ${rubber.to.y}`}
            />
          )}
        </g>
      </svg>
      <div className="zoom" role="group" aria-label="Zoom">
        <button type="button" aria-label="Zoom in" onClick={() => zoomAt(ZOOM.step)}>
          +
        </button>
        <button type="button" aria-label="Zoom out" onClick={() => zoomAt(1 / ZOOM.step)}>
          −
        </button>
        <button type="button" aria-label="Show all" title="Show all (0)" onClick={fit}>
          ⤢
        </button>
      </div>
    </div>
  );
}
