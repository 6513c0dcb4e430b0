/** The head of a page: its title (of the window too), what can be done, and what it is about. */
import { type ReactNode, useEffect } from "react";

interface HeadingProps {
  title: string;
  /** Title of the window, if it is not the page's. */
  name?: string;
  actions?: ReactNode;
  children?: ReactNode;
}

export function Heading({ title, name, actions, children }: HeadingProps) {
  useEffect(() => {
    document.title = `${name ?? title} · Rackless`;
  }, [title, name]);
  return (
    <div className="heading">
      <div className="heading-text">
        <h1>{title}</h1>
        {children}
      </div>
      {actions && <div className="actions">{actions}</div>}
    </div>
  );
}
