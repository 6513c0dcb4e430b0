/** Images that this installation has: their builds, and who stands on them. */
import { all, api, ok, type Schemas } from "../api/client";
import { useReading } from "../api/reading";
import { bytes } from "../parts/amounts";
import { Heading } from "../parts/heading";
import { Read } from "../parts/problem";
import { State } from "../parts/state";
import { type Column, Table } from "../parts/table";
import { Time } from "../parts/time";
import { Link } from "../routing";

type Image = Schemas["ImageLine"];

const COLUMNS: Column<Image>[] = [
  {
    key: "name",
    title: "Image",
    sort: (image) => image.name,
    cell: (image) => (
      <>
        {image.name} {image.current && <span className="tag">current</span>}
        {image.problem && <div className="hint row-note">{image.problem}</div>}
      </>
    ),
  },
  {
    key: "state",
    title: "State",
    cell: (image) => <State state={image.problem ? "failed" : image.current ? "ready" : "kept"} />,
  },
  {
    key: "digest",
    title: "Digest",
    cell: (image) => (
      <span className="mono" title={image.digest}>
        {image.digest.slice(0, 16)}
      </span>
    ),
  },
  { key: "created", title: "Made", sort: (image) => image.created, cell: (image) => <Time at={image.created} /> },
  { key: "size", title: "Disk", numeric: true, sort: (image) => image.size, cell: (image) => bytes(image.size) },
  { key: "total", title: "In all", numeric: true, sort: (image) => image.total, cell: (image) => bytes(image.total) },
  {
    key: "labs",
    title: "Labs on it",
    cell: (image) =>
      image.labs.length === 0 ? (
        <span className="muted">none</span>
      ) : (
        image.labs.map((lab, at) => (
          <span key={lab}>
            {at > 0 && ", "}
            {/^[a-z0-9-]+$/.test(lab) ? <Link to={`/labs/${lab}`}>{lab}</Link> : lab}
          </span>
        ))
      ),
  },
];

export default function Images() {
  const images = useReading("images", () =>
    all((after) => ok(api.GET("/images", { params: { query: { limit: 1000, after } } }))),
  );
  return (
    <>
      <Heading title="Images" />
      <Read from={images}>
        {(rows) => (
          <Table
            caption="Images"
            rows={rows}
            columns={COLUMNS}
            id={(image) => image.path}
            first="name"
            empty={
              <>
                There are no images. <code>make images</code> builds the reference image.
              </>
            }
          />
        )}
      </Read>
    </>
  );
}
