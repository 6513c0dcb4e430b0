/** The server's API, typed by its OpenAPI document (`schema.ts` is generated from it by `npm run types`). */
import createClient, { type Middleware } from "openapi-fetch";
import { Problem, unreachable } from "./problem";
import type { components, paths } from "./schema";

/** Paths are written without their version: `api.GET("/labs")`. */
type Unversioned<T> = { [K in keyof T as K extends `/v1${infer Rest}` ? Rest : never]: T[K] };

export type Schemas = components["schemas"];

export const BASE = "/v1";
const AGAIN = 400;

const headers: Middleware = {
  onRequest({ request }) {
    if (request.method !== "GET" && request.method !== "HEAD") {
      // A cookie alone must not change anything: another site's page cannot set this header.
      request.headers.set("X-Rackless", "1");
      if (!request.headers.has("Idempotency-Key")) request.headers.set("Idempotency-Key", newKey());
    }
    return request;
  },
};

/** A key that makes a request safe to repeat: the server gives its first answer again. */
export function newKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** fetch, tried once more when the connection broke; every change carries an idempotency key, so that is safe. */
async function steadyFetch(request: Request): Promise<Response> {
  const second = request.clone();
  try {
    return await fetch(request);
  } catch (error) {
    if (request.signal.aborted) throw error;
    await new Promise((done) => setTimeout(done, AGAIN));
    try {
      return await fetch(second);
    } catch (again) {
      throw second.signal.aborted ? again : unreachable();
    }
  }
}

export const api = createClient<Unversioned<paths>>({ baseUrl: BASE, fetch: steadyFetch, credentials: "same-origin" });
api.use(headers);

interface Answer {
  data?: unknown;
  error?: unknown;
  response: Response;
}

const signedOut = new Set<() => void>();

/** Call `listener` when the server says that nobody is logged in (any more). */
export function onSignedOut(listener: () => void): () => void {
  signedOut.add(listener);
  return () => signedOut.delete(listener);
}

/** The body of an answer; throws Problem when it is not a success. */
export async function ok<T extends Answer>(answer: Promise<T>): Promise<NonNullable<T["data"]>> {
  const { data, error, response } = await answer;
  if (response.ok) return data as NonNullable<T["data"]>;
  if (response.status === 401) for (const listener of signedOut) listener();
  const body = typeof error === "object" && error !== null ? (error as Record<string, unknown>) : {};
  throw new Problem(response.status, body);
}

interface Page<I> {
  items: I[];
  next?: string | null;
}

/** All items of a list, page by page. */
export async function all<I>(read: (after: string | null) => Promise<Page<I>>): Promise<I[]> {
  const items: I[] = [];
  let after: string | null = null;
  do {
    const page = await read(after);
    items.push(...page.items);
    after = page.next ?? null;
  } while (after);
  return items;
}
