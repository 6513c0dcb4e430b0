import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "./app";
import "./styles/tokens.css";
import "./styles/base.css";
import "./styles/parts.css";
import "./styles/layout.css";
import "./styles/pages.css";
import { applyTheme } from "./layout/theme";

const RELOADED_LATELY = 30_000;
/** Milliseconds in which a page is not loaded again for the same reason: it would not help. */

applyTheme();

// The server was upgraded while this page was open: the parts that it has not loaded yet have other names now.
window.addEventListener("vite:preloadError", () => {
  const before = Number(sessionStorage.getItem("rackless.reloaded") ?? 0);
  if (Date.now() - before < RELOADED_LATELY) return;
  sessionStorage.setItem("rackless.reloaded", String(Date.now()));
  location.reload();
});

const place = document.getElementById("page");
if (place) {
  createRoot(place).render(
    <StrictMode>
      <App />
    </StrictMode>,
  );
}
