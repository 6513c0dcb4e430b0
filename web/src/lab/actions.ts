/** What can be done to a lab from its picture. Each waits for the end of its job; a refusal is thrown as a Problem. */
import { api, BASE, newKey, ok } from "../api/client";
import { Problem } from "../api/problem";
import type { Wire } from "./model";

const WAIT = 120;
/** Seconds to wait for a job's end. */

export async function connect(name: string, a: string, b: string): Promise<void> {
  await ok(api.POST("/labs/{name}/wires", { params: { path: { name }, query: { wait: WAIT } }, body: { a, b } }));
}

export async function disconnect(name: string, wire: Wire): Promise<void> {
  const [a, b] = wire.ends;
  await ok(api.DELETE("/labs/{name}/wires", { params: { path: { name }, query: { a, b, wait: WAIT } } }));
}

export async function link(name: string, wire: Wire, up: boolean): Promise<void> {
  const [end, other] = wire.ends;
  await ok(api.PATCH("/labs/{name}/wires", { params: { path: { name }, query: { wait: WAIT } }, body: { end, other, up } }));
}

/** Let a wire delay, lose or slow down frames, in each direction; what is left out it does no more. */
export async function impair(name: string, wire: Wire, how: Record<string, string>): Promise<void> {
  const [end, other] = wire.ends;
  const body = { end, other, ...how };
  await ok(api.PUT("/labs/{name}/wires/impairment", { params: { path: { name }, query: { wait: WAIT } }, body }));
}

/** Off and on. Its way back is seen in the picture, so nothing is waited for. */
export async function restart(name: string, machine: string): Promise<void> {
  await ok(api.POST("/labs/{name}/machines/{machine}/restart", { params: { path: { name, machine } } }));
}

/** The committed configuration now, as set statements. */
export async function savedConfiguration(name: string, router: string): Promise<string> {
  const body = { routers: [router] };
  await ok(api.POST("/labs/{name}/save", { params: { path: { name }, query: { wait: WAIT } }, body }));
  const path = { name, owner: router };
  const text: string | undefined = await ok(api.GET("/labs/{name}/saved/{owner}", { params: { path }, parseAs: "text" }));
  return text ?? ""; // an answer without a body has no data
}

export interface Piece {
  kind: "out" | "err";
  text: string;
}

/** Run a command; `tell` is given each piece of its output as it comes. Returns its exit status. */
export async function runCommand(
  name: string,
  owner: string,
  body: { command: string; user: string },
  tell: (piece: Piece) => void,
  signal: AbortSignal,
): Promise<number> {
  const answer = await fetch(`${BASE}/labs/${encodeURIComponent(name)}/run/${encodeURIComponent(owner)}`, {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-Rackless": "1", "Idempotency-Key": newKey() },
    body: JSON.stringify(body),
    signal,
  });
  if (!answer.ok || !answer.body) {
    throw new Problem(answer.status, (await answer.json().catch(() => ({}))) as Record<string, unknown>);
  }
  const decoders = { out: new TextDecoder(), err: new TextDecoder() };
  let exit = 0;
  for await (const line of lines(answer.body)) {
    const said = JSON.parse(line) as { out?: string; err?: string; exit?: number; error?: Record<string, unknown> };
    if (said.error) throw new Problem(0, said.error);
    for (const kind of ["out", "err"] as const) {
      const encoded = said[kind];
      if (encoded === undefined) continue;
      const bytes = Uint8Array.from(atob(encoded), (char) => char.charCodeAt(0));
      tell({ kind, text: decoders[kind].decode(bytes, { stream: true }) });
    }
    exit = said.exit ?? exit;
  }
  return exit;
}

async function* lines(body: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    rest += decoder.decode(value, { stream: !done });
    const found = rest.split("\n");
    rest = found.pop() ?? "";
    for (const line of found) if (line) yield line;
    if (done) break;
  }
  if (rest) yield rest;
}
