/** A page of several, with a row of links to each. */
import type { ReactNode } from "react";
import { Link } from "../routing";

interface TabbedProps {
  base: string;
  label: string;
  tabs: readonly { tab: string; title: string; shown?: boolean }[];
  tab: string;
  children: ReactNode;
}

export function Tabbed({ base, label, tabs, tab, children }: TabbedProps) {
  return (
    <>
      <nav className="tabs" aria-label={label}>
        {tabs
          .filter((one) => one.shown !== false)
          .map((one) => (
            <Link key={one.tab} to={one.tab ? `${base}/${one.tab}` : base} aria-current={one.tab === tab ? "page" : undefined}>
              {one.title}
            </Link>
          ))}
      </nav>
      {children}
    </>
  );
}
