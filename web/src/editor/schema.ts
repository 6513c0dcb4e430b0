/** What the blueprint's JSON schema (draft 2020-12) says of a place. */
import { BASE } from "../api/client";
import type { Path } from "./scan";

export interface Schema {
  $ref?: string;
  $defs?: Record<string, Schema>;
  type?: string | string[];
  description?: string;
  default?: unknown;
  const?: unknown;
  enum?: unknown[];
  examples?: unknown[];
  properties?: Record<string, Schema>;
  additionalProperties?: Schema | boolean;
  required?: string[];
  items?: Schema;
  prefixItems?: Schema[];
  anyOf?: Schema[];
  oneOf?: Schema[];
  allOf?: Schema[];
  minimum?: number;
  maximum?: number;
  pattern?: string;
}

let asked: Promise<Schema> | undefined;

export function blueprintSchema(): Promise<Schema> {
  asked ??= fetch(`${BASE}/blueprints/schema`).then(async (answer) => {
    if (!answer.ok) throw new Error(`The server answered ${answer.status}.`);
    return (await answer.json()) as Schema;
  });
  asked.catch(() => {
    asked = undefined; // asked again next time
  });
  return asked;
}

/** The schema with what it refers to in its place, and each of its alternatives. */
function spread(root: Schema, schema: Schema, depth = 0): Schema[] {
  if (depth > 12) return [];
  const found: Schema[] = [];
  if (schema.$ref) {
    const name = schema.$ref.split("/").at(-1) ?? "";
    const target = root.$defs?.[name];
    const own = schema.description;
    if (target) found.push(...spread(root, own ? { ...target, description: own } : target, depth + 1));
    return found;
  }
  found.push(schema);
  for (const one of [...(schema.anyOf ?? []), ...(schema.oneOf ?? []), ...(schema.allOf ?? [])])
    found.push(...spread(root, one, depth + 1));
  return found;
}

/** Every schema that what stands at the path may follow. */
export function schemasAt(root: Schema, path: Path): Schema[] {
  let here = spread(root, root);
  for (const part of path) {
    const next: Schema[] = [];
    for (const schema of here) {
      if (typeof part === "number") {
        const item = schema.prefixItems?.[part] ?? schema.items;
        if (item) next.push(item);
      } else {
        const other = typeof schema.additionalProperties === "object" ? schema.additionalProperties : undefined;
        const found = schema.properties?.[part] ?? other;
        if (found) next.push(found);
      }
    }
    here = next.flatMap((schema) => spread(root, schema));
  }
  return here;
}

export function resolved(root: Schema, schema: Schema): Schema {
  return spread(root, schema)[0] ?? schema;
}

/** Values that are worth proposing. */
export function valuesOf(schemas: readonly Schema[]): string[] {
  const found = new Set<string>();
  for (const schema of schemas) {
    const given = [schema.const, ...(schema.enum ?? []), schema.default, ...(schema.examples ?? [])];
    if (schema.type === "boolean") given.push(true, false);
    for (const value of given) {
      if (["string", "number", "boolean"].includes(typeof value)) found.add(String(value));
    }
  }
  return [...found];
}

/** Type, bounds and default in a line. */
export function factsOf(schemas: readonly Schema[]): string {
  const words: string[] = [];
  const types = new Set(schemas.flatMap((schema) => schema.type ?? []));
  if (types.size > 0) words.push([...types].join(" or "));
  for (const schema of schemas) {
    if (schema.minimum !== undefined && schema.maximum !== undefined) words.push(`${schema.minimum} to ${schema.maximum}`);
    else if (schema.minimum !== undefined) words.push(`from ${schema.minimum} on`);
    if (schema.default !== undefined) words.push(`${JSON.stringify(schema.default)} if it is left out`);
  }
  return [...new Set(words)].join(", ");
}

export function describedBy(schemas: readonly Schema[]): string {
  return schemas.find((schema) => schema.description)?.description ?? "";
}
