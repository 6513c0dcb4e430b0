/** Somebody who was on the way to `/cli` and has to log in first, perhaps elsewhere, which ends at the first page. */
import { navigate } from "../routing";

const KEPT = "rackless command line";

export function keepAsked(): void {
  if (location.pathname === "/cli") sessionStorage.setItem(KEPT, location.search);
}

export function resumeAsked(): void {
  const asked = sessionStorage.getItem(KEPT);
  sessionStorage.removeItem(KEPT);
  if (asked !== null && location.pathname !== "/cli") navigate(`/cli${asked}`, { replace: true });
}
