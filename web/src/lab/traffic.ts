/** What flows over the wires now: rates between the last two readings of the lab's counters. */
import { useEffect, useRef, useState } from "react";
import { api, ok, type Schemas } from "../api/client";
import { rate } from "../parts/amounts";

const EVERY = 2_000;
/** Milliseconds between readings. */

type Counters = Schemas["Counters"];

export interface Rate {
  /** Bit/s and packets/s, as the port sees them. */
  inBits: number;
  outBits: number;
  inPackets: number;
  outPackets: number;
  /** Since the port was made. */
  inOctets: number;
  outOctets: number;
}

export type Rates = ReadonlyMap<string, Rate>;

/** "1.2 Mbit/s" */
export function bits(amount: number): string {
  return rate(amount).replace(/([kMGT]?)$/, " $1bit/s");
}

const NONE: Rates = new Map();

/** Rates by port, while the page is looked at; empty where the place does not count. */
export function useTraffic(name: string, on: boolean): Rates {
  const [rates, setRates] = useState<Rates>(NONE);
  const before = useRef<Counters | undefined>(undefined);
  useEffect(() => {
    before.current = undefined;
    if (!on) return;
    const abort = new AbortController();
    let timer: number | undefined;
    async function look(): Promise<void> {
      let again = EVERY;
      if (!document.hidden) {
        try {
          const path = { name };
          const now = await ok(api.GET("/labs/{name}/counters", { params: { path }, signal: abort.signal }));
          setRates(between(before.current, now));
          before.current = now;
        } catch {
          again = EVERY * 5; // the page says elsewhere that the server does not answer
        }
      }
      if (!abort.signal.aborted) timer = window.setTimeout(() => void look(), again);
    }
    void look();
    return () => {
      abort.abort();
      window.clearTimeout(timer);
    };
  }, [name, on]);
  return on ? rates : NONE;
}

function between(before: Counters | undefined, now: Counters): Rates {
  const old = new Map(before?.ports.map((port) => [port.name, port]));
  const seconds = before ? now.at - before.at : 0;
  const found = new Map<string, Rate>();
  for (const port of now.ports) {
    const was = old.get(port.name);
    // Counters that went backward begin anew: the machine was restarted.
    const per = (key: "in_octets" | "out_octets" | "in_packets" | "out_packets"): number =>
      was && seconds > 0 && port[key] >= was[key] ? (port[key] - was[key]) / seconds : 0;
    found.set(port.name, {
      inBits: per("in_octets") * 8,
      outBits: per("out_octets") * 8,
      inPackets: per("in_packets"),
      outPackets: per("out_packets"),
      inOctets: port.in_octets,
      outOctets: port.out_octets,
    });
  }
  return found;
}
