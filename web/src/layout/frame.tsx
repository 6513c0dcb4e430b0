/** Header, navigation and the place for a page. */
import { type ReactNode, useEffect, useRef, useState } from "react";
import { onLine } from "../api/events";
import { type Role, useSession } from "../api/session";
import { Link, navigate, useAddress } from "../routing";
import { setTheme, type Theme, theme } from "./theme";
import { Toasts } from "./toasts";

const NAVIGATION: readonly { to: string; text: string; role: Role }[] = [
  { to: "/labs", text: "Labs", role: "viewer" },
  { to: "/calendar", text: "Calendar", role: "viewer" },
  { to: "/images", text: "Images", role: "viewer" },
  { to: "/site", text: "Site", role: "operator" },
  { to: "/admin", text: "Admin", role: "admin" },
];

export function Frame({ children }: { children: ReactNode }) {
  const { path } = useAddress();
  const { self, logOut, has } = useSession();
  return (
    <>
      <a className="skip" href="#content">
        Skip to the content
      </a>
      <header className="top">
        <Link to="/labs" className="brand">
          <Mark />
          Rackless
        </Link>
        <nav aria-label="Main">
          <ul>
            {NAVIGATION.filter((one) => has(one.role)).map((one) => (
              <li key={one.to}>
                <Link to={one.to} aria-current={path === one.to || path.startsWith(`${one.to}/`) ? "page" : undefined}>
                  {one.text}
                </Link>
              </li>
            ))}
          </ul>
        </nav>
        <div className="top-end">
          <Line />
          <ThemeChoice />
          {self && (
            <>
              <Link to="/account" className="who" title={`Your account: ${self.role}`}>
                {self.name}
                <span className="role">{self.role}</span>
              </Link>
              <button type="button" className="quiet" onClick={() => void logOut().then(() => navigate("/login"))}>
                Log out
              </button>
            </>
          )}
        </div>
      </header>
      <Content path={path}>{children}</Content>
      <Toasts />
    </>
  );
}

/** The main part; after a change of page the focus goes to its beginning, so that keyboards and screen readers follow. */
function Content({ path, children }: { path: string; children: ReactNode }) {
  const main = useRef<HTMLElement>(null);
  const before = useRef(path);
  useEffect(() => {
    if (before.current === path) return;
    const labTabs = /^\/labs\/[^/]+/.exec(path)?.[0];
    const same = labTabs !== undefined && labTabs === /^\/labs\/[^/]+/.exec(before.current)?.[0];
    before.current = path;
    if (same) return; // a tab of the same lab: the focus stays on the tab
    main.current?.focus({ preventScroll: true });
    window.scrollTo(0, 0);
  }, [path]);
  return (
    <main id="content" ref={main} tabIndex={-1}>
      {children}
    </main>
  );
}

function Mark() {
  return (
    <svg viewBox="0 0 20 20" width="18" height="18" aria-hidden="true">
      <rect x="1.5" y="3" width="17" height="5.6" rx="1.4" />
      <rect x="1.5" y="11.4" width="17" height="5.6" rx="1.4" />
      <circle cx="5" cy="5.8" r="1" />
      <circle cx="8.4" cy="5.8" r="1" />
      <circle cx="5" cy="14.2" r="1" />
      <circle cx="8.4" cy="14.2" r="1" />
    </svg>
  );
}

/** Whether what the page shows is live. Told only when it is not: a lamp that is always green is noise. */
function Line() {
  const [broken, setBroken] = useState(false);
  useEffect(() => {
    let timer: number | undefined;
    const end = onLine((open) => {
      window.clearTimeout(timer);
      if (open) setBroken(false);
      else timer = window.setTimeout(() => setBroken(true), 3000);
    });
    return () => {
      window.clearTimeout(timer);
      end();
    };
  }, []);
  return (
    <span className="line-state" role="status">
      {broken ? "Not live: connecting again…" : ""}
    </span>
  );
}

function ThemeChoice() {
  const [chosen, setChosen] = useState<Theme>(theme);
  return (
    <select
      aria-label="Colours"
      className="quiet"
      value={chosen}
      onChange={(event) => {
        const wanted = event.target.value as Theme;
        setChosen(wanted);
        setTheme(wanted);
      }}
    >
      <option value="auto">Auto</option>
      <option value="light">Light</option>
      <option value="dark">Dark</option>
    </select>
  );
}
