/** Where things stand: what people chose is kept by the server, the rest is laid out automatically. */
import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import { api, ok } from "../api/client";
import { toastProblem } from "../layout/toasts";
import { arrange } from "./arrange";
import type { Point } from "./geometry";
import type { Picture } from "./model";

export interface Places {
  /** Undefined until the first layout is there. */
  places: ReadonlyMap<string, Point> | undefined;
  /** Put one somewhere; `keep` tells the server. */
  move: (id: string, to: Point, keep: boolean) => void;
  /** Lay everything out anew. */
  again: () => Promise<void>;
}

export function usePlaces(name: string, picture: Picture, mayKeep: boolean): Places {
  const [places, setPlaces] = useState<ReadonlyMap<string, Point> | undefined>(undefined);
  const newest = useRef({ picture, places, mayKeep });
  useEffect(() => {
    newest.current = { picture, places, mayKeep };
  });
  // Wires drawn later must not make the picture jump: only other nodes are a reason to lay out again.
  const nodes = useMemo(() => picture.nodes.map((node) => `${node.id}/${node.cards.length}`).join(" "), [picture]);

  useEffect(() => {
    let current = true;
    void (async () => {
      const shown = newest.current.places;
      const chosen = shown ? new Map(shown) : await read(name);
      for (const id of [...chosen.keys()]) if (!newest.current.picture.byId.has(id)) chosen.delete(id);
      const found = await arrange(newest.current.picture, chosen);
      if (current) setPlaces(found);
    })().catch(toastProblem);
    return () => {
      current = false;
    };
  }, [name, nodes]);

  const move = useCallback(
    (id: string, to: Point, keep: boolean) => {
      const now = new Map(newest.current.places);
      now.set(id, to);
      newest.current.places = now;
      setPlaces(now);
      if (keep && newest.current.mayKeep) {
        // All of them: what the layout chose around it is part of the picture now.
        void ok(api.PATCH("/labs/{name}/layout", { params: { path: { name } }, body: { nodes: Object.fromEntries(now) } })).catch(
          toastProblem,
        );
      }
    },
    [name],
  );

  const again = useCallback(async () => {
    if (newest.current.mayKeep) await ok(api.PUT("/labs/{name}/layout", { params: { path: { name } }, body: { nodes: {} } }));
    setPlaces(await arrange(newest.current.picture, new Map()));
  }, [name]);

  return { places, move, again };
}

async function read(name: string): Promise<Map<string, Point>> {
  const layout = await ok(api.GET("/labs/{name}/layout", { params: { path: { name } } }));
  return new Map(Object.entries(layout.nodes ?? {}));
}
