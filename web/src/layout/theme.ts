/** Light, dark, or what the browser prefers; kept in the browser. */
export type Theme = "auto" | "light" | "dark";

const KEY = "rackless.theme";
const listeners = new Set<() => void>();

export function theme(): Theme {
  try {
    const kept = localStorage.getItem(KEY);
    return kept === "light" || kept === "dark" ? kept : "auto";
  } catch {
    return "auto";
  }
}

export function setTheme(wanted: Theme): void {
  try {
    localStorage.setItem(KEY, wanted);
  } catch {
    // Without storage the choice lasts as long as the page.
  }
  applyTheme(wanted);
}

export function applyTheme(wanted: Theme = theme()): void {
  document.documentElement.dataset.theme = wanted;
  for (const listener of listeners) listener();
}

/** Call `listener` when the colours change, by choice or by the browser. */
export function onColours(listener: () => void): () => void {
  const media = matchMedia("(prefers-color-scheme: dark)");
  media.addEventListener("change", listener);
  listeners.add(listener);
  return () => {
    media.removeEventListener("change", listener);
    listeners.delete(listener);
  };
}

/** The colour of a token now, for parts that are not drawn by CSS: `colour("--text")` is "rgb(26, 31, 39)". */
export function colour(token: string): string {
  const probe = document.createElement("span");
  probe.style.color = `var(${token})`;
  document.body.append(probe);
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
}
