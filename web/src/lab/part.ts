/** What a lab's page is given to show. */
import type { Schemas } from "../api/client";

export type Lab = Schemas["Lab"];

export interface LabPart {
  /** As read last; it is read anew when something of this lab happens. */
  lab: Lab;
  reread: () => Promise<void>;
}
