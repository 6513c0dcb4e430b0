/** The serial consoles of a lab's machines. */
import type { LabPart } from "../lab/part";

export default function Consoles({ lab, machine }: LabPart & { machine: string | undefined }) {
  return <p>{machine ?? lab.machines[0]?.name}</p>;
}
