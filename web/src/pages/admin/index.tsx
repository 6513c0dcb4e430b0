/** What admins see to: people, nodes, and what was done. */
import { Heading } from "../../parts/heading";
import { Tabbed } from "../../parts/tabbed";
import { AccessLog } from "./access-log";
import { Fabric } from "./fabric";
import { Quotas } from "./quotas";
import { Users } from "./users";

const TABS = [
  { tab: "", title: "Users" },
  { tab: "quotas", title: "Quotas" },
  { tab: "fabric", title: "Fabric" },
  { tab: "access-log", title: "Access log" },
] as const;

export default function Admin({ tab }: { tab: string }) {
  return (
    <>
      <Heading title="Admin" name={`Admin: ${TABS.find((one) => one.tab === tab)?.title ?? ""}`} />
      <Tabbed base="/admin" label="Parts of administration" tabs={TABS} tab={tab}>
        <Part tab={tab} />
      </Tabbed>
    </>
  );
}

function Part({ tab }: { tab: string }) {
  switch (tab) {
    case "":
      return <Users />;
    case "quotas":
      return <Quotas />;
    case "fabric":
      return <Fabric />;
    case "access-log":
      return <AccessLog />;
    default:
      return <p className="empty">There is no such part.</p>;
  }
}
