/** States as a coloured lamp with its word: colour is never the only sign. */

const TONE: Record<string, "good" | "busy" | "wait" | "bad" | "off"> = {
  ready: "good",
  running: "good",
  connected: "good",
  succeeded: "good",
  done: "good",
  up: "good",
  alive: "good",
  returning: "busy",
  deploying: "busy",
  starting: "busy",
  bootstrapping: "busy",
  "tearing-down": "busy",
  begin: "busy",
  booked: "wait",
  waiting: "wait",
  planned: "wait",
  suspect: "wait",
  failed: "bad",
  stopped: "bad",
  missing: "bad",
  leftover: "bad",
  dead: "bad",
};

export function tone(state: string): string {
  return TONE[state] ?? "off";
}

export function State({ state, kind, reason }: { state: string; kind?: "job"; reason?: string | undefined }) {
  const shown = kind === "job" && state === "running" ? "busy" : tone(state);
  return (
    <span className={`state state-${shown}`} title={reason || undefined}>
      <span className="lamp" aria-hidden="true" />
      {state.replace("-", " ")}
    </span>
  );
}
