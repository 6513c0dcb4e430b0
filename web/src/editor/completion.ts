/** Completion and hover of the editor: from the schema, and from what the blueprint itself says (ports for wires). */
import type { Completion, CompletionContext, CompletionResult } from "@codemirror/autocomplete";
import type { EditorView, Tooltip } from "@codemirror/view";
import { type Path, type Place, placeAt, scalars } from "./scan";
import { blueprintSchema, describedBy, factsOf, resolved, type Schema, schemasAt, valuesOf } from "./schema";

const MOST_PORTS = 2000;

export async function complete(context: CompletionContext): Promise<CompletionResult | null> {
  const text = context.state.doc.toString();
  const place = placeAt(text, context.pos);
  if (!context.explicit && place.typed === "" && !/[\s[{,:]$/.test(text.slice(0, context.pos))) return null;
  if (!context.explicit && place.typed === "" && place.kind !== "value") return null;
  const root = await blueprintSchema();
  const options = [...keys(root, place), ...values(root, place, text)];
  return options.length === 0 ? null : { from: place.from, options, validFor: /^[\w:/.-]*$/ };
}

function keys(root: Schema, place: Place): Completion[] {
  if (place.kind === "value") return [];
  const found = new Map<string, Completion>();
  for (const schema of schemasAt(root, place.path)) {
    for (const [key, value] of Object.entries(schema.properties ?? {})) {
      if (place.siblings.includes(key)) continue;
      const at = resolved(root, value);
      found.set(key, {
        label: key,
        type: "property",
        apply: `${key}: `,
        detail: factsOf([at]),
        info: value.description ?? at.description ?? "",
        boost: schema.required?.includes(key) ? 10 : 0,
      });
    }
  }
  return [...found.values()];
}

function values(root: Schema, place: Place, text: string): Completion[] {
  if (place.kind === "key") return [];
  if (place.path[0] === "wires" && place.path.length === 3) return ports(text);
  return valuesOf(schemasAt(root, place.path)).map((value) => ({ label: value, type: "constant" }));
}

/** Ends that the routers and hosts of this text have; those in no wire yet first. */
function ports(text: string): Completion[] {
  const found = scalars(text);
  const used = new Set(found.filter((one) => one.path[0] === "wires").map((one) => one.value));
  const given = (path: Path): string | undefined => found.find((one) => one.path.join("\0") === path.join("\0"))?.value;
  const options: Completion[] = [];
  const add = (label: string): void => {
    if (options.length < MOST_PORTS)
      options.push({ label, type: "variable", ...(used.has(label) ? { detail: "wired", boost: -50 } : {}) });
  };
  for (const router of owners(text, "routers")) {
    const cards = Number(given(["routers", router, "cards"]) ?? 1);
    const each = Number(given(["routers", router, "ports_per_card"]) ?? 4);
    for (let card = 0; card < cards; card++) for (let port = 0; port < each; port++) add(`${router}:ge-${card}/0/${port}`);
  }
  for (const host of owners(text, "hosts")) {
    const nics = Number(given(["hosts", host, "nics"]) ?? 1);
    for (let nic = 1; nic <= nics; nic++) add(`${host}:eth${nic}`);
  }
  return options;
}

/** Names below "routers:" or "hosts:", also of those that say nothing more. */
function owners(text: string, section: string): string[] {
  const names: string[] = [];
  let indent = -1;
  for (const line of text.split("\n")) {
    if (/^\S/.test(line)) indent = line.startsWith(`${section}:`) ? 0 : -1;
    else if (indent >= 0) {
      const found = /^(\s+)([a-z][a-z0-9-]*)\s*:/.exec(line);
      if (!found) continue;
      const depth = (found[1] ?? "").length;
      if (indent === 0) indent = depth;
      if (depth === indent) names.push(found[2] ?? "");
    }
  }
  return names;
}

/** What the schema says of the key, or of the value, under the pointer. */
export async function hover(view: EditorView, at: number): Promise<Tooltip | null> {
  const line = view.state.doc.lineAt(at);
  const before = /[\w"'-]*$/.exec(line.text.slice(0, at - line.from))?.[0] ?? "";
  const after = /^[\w"'-]*/.exec(line.text.slice(at - line.from))?.[0] ?? "";
  if (!before && !after) return null;
  const [from, to] = [at - before.length, at + after.length];
  const isKey = /^\s*:(\s|$)/.test(line.text.slice(to - line.from));
  const text = view.state.doc.toString();
  const place = placeAt(text, isKey ? from : to);
  const path = isKey && place.kind !== "value" ? [...place.path, before + after] : place.path;
  const schemas = schemasAt(await blueprintSchema(), path);
  const [words, facts] = [describedBy(schemas), factsOf(schemas)];
  if (!words && !facts) return null;
  return {
    pos: from,
    end: to,
    above: true,
    create: () => {
      const dom = document.createElement("div");
      dom.className = "editor-hover";
      for (const [tag, content] of [
        ["strong", String(path.at(-1) ?? "")],
        ["p", words],
        ["p", facts],
      ] as const) {
        if (content === "") continue;
        const part = document.createElement(tag);
        part.textContent = content;
        dom.append(part);
      }
      return { dom };
    },
  };
}
