/**
 * Where in a blueprint a place is: the keys and indices on the way to it, and whether a key or a value stands there. Reads YAML as people
 * write it (block and flow, quotes, comments), whole or not, because completion is asked for exactly where it is not whole.
 */

export type Path = readonly (string | number)[];

export interface Place {
  /** To the mapping or list that the key stands in, or to the value itself. */
  path: Path;
  /** "either": the beginning of a value that may become a mapping. */
  kind: "key" | "value" | "either";
  /** What stands there before the cursor, and where it begins. */
  typed: string;
  from: number;
  /** Keys that the mapping has above the cursor. */
  siblings: readonly string[];
}

interface Frame {
  type: "map" | "seq" | "flow-map" | "flow-seq";
  indent: number;
  key: string | null;
  index: number;
  keys: string[];
}

type Tell = (path: Path, value: string) => void;

class Scanner {
  readonly stack: Frame[] = [];
  token = "";
  tokenAt = 0;
  /** The last line had a key and this after it. */
  afterKey = false;

  constructor(private readonly tell: Tell) {}

  get top(): Frame | undefined {
    return this.stack.at(-1);
  }

  get inFlow(): boolean {
    return this.top?.type.startsWith("flow") ?? false;
  }

  path(frames = this.stack): (string | number)[] {
    return frames.map((frame) => (frame.type.endsWith("seq") ? frame.index : (frame.key ?? "")));
  }

  line(text: string, at: number, last: boolean): void {
    this.token = "";
    this.tokenAt = at + text.length;
    this.afterKey = false;
    if (this.inFlow) {
      this.flow(text, at);
      return;
    }
    let indent = text.length - text.trimStart().length;
    let rest = text.slice(indent);
    if (!last && (rest === "" || rest.startsWith("#") || rest.startsWith("---"))) return;
    this.shrink(indent, rest);
    for (;;) {
      const item = /^-(\s+|$)/.exec(rest);
      if (!item) break;
      this.item(indent);
      const step = Math.max(item[0].length, 2);
      indent += step;
      rest = rest.slice(item[0].length);
      // What the item's own mapping had belongs to the item before it.
      this.shrink(indent, rest, true);
    }
    const start = at + text.length - rest.length;
    const found = /^("[^"]*"|'[^']*'|[^\s#:[\]{},&*!|>][^#]*?)\s*:(?=\s|$)/.exec(rest);
    if (!found) {
      this.flow(rest, start);
      return;
    }
    this.key(indent, unquoted(found[1] ?? ""));
    this.afterKey = true;
    this.flow(rest.slice(found[0].length), start + found[0].length);
  }

  private shrink(indent: number, rest: string, inItem = false): void {
    while (this.top && (this.top.indent > indent || (inItem && this.top.type === "map" && this.top.indent >= indent)))
      this.stack.pop();
    // A list may stand as far left as its key; what follows at that place and is no item ends it.
    if (!inItem && this.top?.type === "seq" && this.top.indent === indent && !/^-(\s|$)/.test(rest)) this.stack.pop();
  }

  private item(indent: number): void {
    if (this.top?.type === "seq" && this.top.indent === indent) this.top.index++;
    else this.stack.push({ type: "seq", indent, key: null, index: 0, keys: [] });
  }

  private key(indent: number, key: string): void {
    if (this.top?.type !== "map" || this.top.indent !== indent) {
      this.stack.push({ type: "map", indent, key: null, index: 0, keys: [] });
    }
    const map = this.top as Frame;
    if (map.key !== null) map.keys.push(map.key);
    map.key = key;
  }

  private flow(text: string, at: number): void {
    let quote = "";
    const begin = (next: number): void => {
      this.token = "";
      this.tokenAt = at + next;
    };
    begin(0);
    for (let i = 0; i < text.length; i++) {
      const char = text[i] as string;
      if (quote) {
        this.token += char;
        if (char === quote) quote = "";
      } else if ((char === '"' || char === "'") && this.token.trim() === "") {
        quote = char;
        this.token += char;
      } else if (char === "#" && (i === 0 || /\s/.test(text[i - 1] ?? ""))) {
        break;
      } else if ((char === "{" || char === "[") && (this.inFlow || this.token.trim() === "")) {
        this.stack.push({ type: char === "{" ? "flow-map" : "flow-seq", indent: -1, key: null, index: 0, keys: [] });
        begin(i + 1);
      } else if (this.inFlow && (char === "}" || char === "]")) {
        this.end();
        this.stack.pop();
        begin(i + 1);
      } else if (this.inFlow && char === ",") {
        this.end();
        this.next();
        begin(i + 1);
      } else if (char === ":" && this.top?.type === "flow-map" && this.top.key === null && /\s|$/.test(text[i + 1] ?? "")) {
        this.top.key = unquoted(this.token.trim());
        begin(i + 1);
      } else if (/\s/.test(char) && this.token === "") {
        this.tokenAt = at + i + 1;
      } else this.token += char;
    }
    if (!this.inFlow && this.token.trim()) this.end();
  }

  private next(): void {
    const top = this.top as Frame;
    if (top.type === "flow-seq") top.index++;
    else {
      if (top.key !== null) top.keys.push(top.key);
      top.key = null;
    }
  }

  private end(): void {
    if (this.token.trim()) this.tell(this.path(), unquoted(this.token.trim()));
  }
}

function unquoted(text: string): string {
  return /^(["']).*\1$/.test(text) ? text.slice(1, -1) : text;
}

function scan(text: string, tell: Tell): Scanner {
  const scanner = new Scanner(tell);
  const lines = text.split("\n");
  let at = 0;
  lines.forEach((line, index) => {
    scanner.line(line, at, index === lines.length - 1);
    at += line.length + 1;
  });
  return scanner;
}

export function placeAt(text: string, position: number): Place {
  const scanner = scan(text.slice(0, position), () => undefined);
  const { top, token, tokenAt } = scanner;
  const found = { typed: token, from: tokenAt };
  const path = scanner.path();
  if (scanner.inFlow && top) {
    const isKey = top.type === "flow-map" && top.key === null;
    return { ...found, path: isKey ? path.slice(0, -1) : path, kind: isKey ? "key" : "value", siblings: top.keys };
  }
  if (scanner.afterKey) return { ...found, path, kind: "value", siblings: [] };
  const line = text.slice(text.lastIndexOf("\n", position - 1) + 1, position);
  const item = /^\s*(-\s+)+/.exec(line);
  const indent = item ? item[0].length : line.length - line.trimStart().length;
  if (top?.type === "map" && top.indent === indent && !item) {
    return { ...found, path: path.slice(0, -1), kind: "key", siblings: [...top.keys, ...(top.key === null ? [] : [top.key])] };
  }
  return { ...found, path, kind: scanner.stack.length === 0 ? "key" : "either", siblings: [] };
}

/** Every scalar of the text with its path. */
export function scalars(text: string): { path: Path; value: string }[] {
  const found: { path: Path; value: string }[] = [];
  scan(`${text}\n`, (path, value) => found.push({ path, value }));
  return found;
}
