/** An answer that is not a success (RFC 9457), as an error that pages show with its hint. */

/** A place in a blueprint; line and column from 1, 0 when they are not known. */
export interface BlueprintProblem {
  message: string;
  hint: string;
  file: string;
  line: number;
  column: number;
}

export class Problem extends Error {
  readonly status: number;
  readonly code: string;
  readonly hint: string;
  readonly problems: BlueprintProblem[];
  readonly files: string[];

  constructor(status: number, body: Record<string, unknown>) {
    const text = (key: string): string => (typeof body[key] === "string" ? (body[key] as string) : "");
    super(text("detail") || text("message") || text("title") || `The server answered ${status}.`);
    this.name = "Problem";
    this.status = status;
    this.code = text("code");
    this.hint = text("hint");
    this.problems = Array.isArray(body.problems) ? (body.problems as BlueprintProblem[]) : [];
    this.files = Array.isArray(body.files) ? (body.files as string[]) : [];
  }
}

/** Nobody answered. */
export function unreachable(): Problem {
  return new Problem(0, { code: "unreachable", detail: "The server does not answer.", hint: "Is `rackless serve` running?" });
}

/** Whatever was thrown, as a Problem. */
export function problemOf(error: unknown): Problem {
  if (error instanceof Problem) return error;
  return new Problem(0, { code: "page", detail: error instanceof Error ? error.message : String(error) });
}
