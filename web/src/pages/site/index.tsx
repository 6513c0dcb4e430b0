/** The place that machines are made at: what it can do, what is taken of it, and what is left over. */
import { Heading } from "../../parts/heading";
import { Tabbed } from "../../parts/tabbed";
import { Audit } from "./audit";
import { Doctor } from "./doctor";
import { Locks } from "./locks";
import { Pools } from "./pools";

const TABS = [
  { tab: "", title: "Host" },
  { tab: "pools", title: "Pools" },
  { tab: "locks", title: "Locks" },
  { tab: "audit", title: "Audit" },
] as const;

export default function Site({ tab }: { tab: string }) {
  return (
    <>
      <Heading title="Site" name={`Site: ${TABS.find((one) => one.tab === tab)?.title ?? ""}`} />
      <Tabbed base="/site" label="Parts of the site" tabs={TABS} tab={tab}>
        <Part tab={tab} />
      </Tabbed>
    </>
  );
}

function Part({ tab }: { tab: string }) {
  switch (tab) {
    case "":
      return <Doctor />;
    case "pools":
      return <Pools />;
    case "locks":
      return <Locks />;
    case "audit":
      return <Audit />;
    default:
      return <p className="empty">The site has no such part.</p>;
  }
}
