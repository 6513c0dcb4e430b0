/** The lab as a picture. */
import type { LabPart } from "./part";

export default function Topology({ lab }: LabPart) {
  return (
    <ul>
      {lab.routers.map((router) => (
        <li key={router.name}>{router.name}</li>
      ))}
    </ul>
  );
}
