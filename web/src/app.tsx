/** Which page is shown at which address. */
import { Component, lazy, type ReactNode, Suspense, useEffect } from "react";
import { SessionProvider, useSession } from "./api/session";
import { Frame } from "./layout/frame";
import { Toasts } from "./layout/toasts";
import { keepAsked, resumeAsked } from "./pages/asked";
import { Login } from "./pages/login";
import { ProblemNote } from "./parts/problem";
import { ZoneProvider } from "./parts/time";
import { match, useAddress } from "./routing";

// What is large (the editor, the terminal, the layout of graphs) is fetched with the page that needs it.
const Labs = lazy(() => import("./pages/labs"));
const LabPages = lazy(() => import("./pages/lab"));
const NewLab = lazy(() => import("./pages/new-lab"));
const Calendar = lazy(() => import("./pages/calendar"));
const JobPage = lazy(() => import("./pages/job"));
const Images = lazy(() => import("./pages/images"));
const Site = lazy(() => import("./pages/site"));
const Admin = lazy(() => import("./pages/admin"));
const Account = lazy(() => import("./pages/account"));
const CommandLine = lazy(() => import("./pages/command-line"));

const PAGES: readonly [string, (path: Record<string, string>) => ReactNode][] = [
  ["/", () => <Labs />],
  ["/login", () => <Labs />],
  ["/labs", () => <Labs />],
  ["/labs/:name", ({ name = "" }) => <LabPages key={name} name={name} tab="" />],
  ["/labs/:name/:tab", ({ name = "", tab = "" }) => <LabPages key={name} name={name} tab={tab} />],
  ["/labs/:name/:tab/:part", ({ name = "", tab = "", part = "" }) => <LabPages key={name} name={name} tab={tab} part={part} />],
  ["/new", () => <NewLab />],
  ["/calendar", () => <Calendar />],
  ["/jobs/:job", ({ job = "" }) => <JobPage key={job} id={job} />],
  ["/images", () => <Images />],
  ["/site", () => <Site tab="" />],
  ["/site/:tab", ({ tab = "" }) => <Site tab={tab} />],
  ["/admin", () => <Admin tab="" />],
  ["/admin/:tab", ({ tab = "" }) => <Admin tab={tab} />],
  ["/account", () => <Account />],
  ["/cli", () => <CommandLine />],
];

function page(path: string): ReactNode {
  for (const [pattern, show] of PAGES) {
    const found = match(pattern, path);
    if (found) return show(found);
  }
  return (
    <div className="empty">
      <h1>There is no such page</h1>
      <p>The address may be old, or mistyped.</p>
    </div>
  );
}

function Pages() {
  const { path } = useAddress();
  const { self, problem } = useSession();
  const known = self === undefined ? undefined : self !== null;
  useEffect(() => {
    if (known !== undefined) (known ? resumeAsked : keepAsked)();
  }, [known]);
  if (self === undefined) return <p className="loading center">Loading…</p>;
  if (self === null) {
    return (
      <>
        <Login problem={problem} />
        <Toasts />
      </>
    );
  }
  return (
    <ZoneProvider>
      <Frame>
        <Boundary key={path.split("/").slice(0, 3).join("/")}>
          <Suspense fallback={<p className="loading">Loading…</p>}>{page(path)}</Suspense>
        </Boundary>
      </Frame>
    </ZoneProvider>
  );
}

/** A defect in a page leaves the rest of the page usable, and says what it was. */
class Boundary extends Component<{ children: ReactNode }, { error: unknown }> {
  override state: { error: unknown } = { error: undefined };

  static getDerivedStateFromError(error: unknown): { error: unknown } {
    return { error };
  }

  override render(): ReactNode {
    return this.state.error ? <ProblemNote error={this.state.error} /> : this.props.children;
  }
}

export function App() {
  return (
    <SessionProvider>
      <Pages />
    </SessionProvider>
  );
}
