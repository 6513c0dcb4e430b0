/** The blueprint of a lab, and its change while the lab runs. */
import type { LabPart } from "../lab/part";

export default function LabBlueprint({ lab }: LabPart) {
  return <p>{lab.name}</p>;
}
