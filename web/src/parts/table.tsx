/** A table that can be sorted and filtered. */
import { type ReactNode, useMemo, useState } from "react";

export interface Column<R> {
  key: string;
  title: string;
  cell: (row: R) => ReactNode;
  /** What the rows are sorted by; a column without it can't be sorted by. */
  sort?: (row: R) => string | number;
  numeric?: boolean;
  /** A header that only screen readers see (for a column of buttons). */
  hidden?: boolean;
}

interface TableProps<R> {
  caption: string;
  columns: readonly Column<R>[];
  rows: readonly R[];
  id: (row: R) => string;
  /** Key of the column that it is sorted by at first; with "-" in front: downward. */
  first?: string;
  empty: ReactNode;
}

export function Table<R>({ caption, columns, rows, id, first = "", empty }: TableProps<R>) {
  const [order, setOrder] = useState(first);
  const down = order.startsWith("-");
  const key = order.replace(/^-/, "");
  const sorted = useMemo(() => {
    const by = columns.find((column) => column.key === key)?.sort;
    if (!by) return rows;
    return [...rows].sort((a, b) => {
      const [x, y] = [by(a), by(b)];
      const found =
        typeof x === "number" && typeof y === "number" ? x - y : String(x).localeCompare(String(y), "en", { numeric: true });
      return down ? -found : found;
    });
  }, [rows, columns, key, down]);

  if (rows.length === 0) return <div className="empty">{empty}</div>;
  return (
    <section className="table-box" aria-label={caption} tabIndex={0}>
      <table>
        <caption className="unseen">{caption}</caption>
        <thead>
          <tr>
            {columns.map((column) => (
              <th
                key={column.key}
                scope="col"
                className={column.numeric ? "number" : undefined}
                aria-sort={column.key === key ? (down ? "descending" : "ascending") : undefined}
              >
                {column.hidden ? (
                  <span className="unseen">{column.title}</span>
                ) : column.sort ? (
                  <button
                    type="button"
                    className="sort"
                    onClick={() => setOrder(order === column.key ? `-${column.key}` : column.key)}
                  >
                    {column.title}
                    <span aria-hidden="true" className="arrow">
                      {column.key === key ? (down ? "▾" : "▴") : ""}
                    </span>
                  </button>
                ) : (
                  column.title
                )}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {sorted.map((row) => (
            <tr key={id(row)}>
              {columns.map((column, at) =>
                at === 0 ? (
                  <th key={column.key} scope="row">
                    {column.cell(row)}
                  </th>
                ) : (
                  <td key={column.key} className={column.numeric ? "number" : undefined}>
                    {column.cell(row)}
                  </td>
                ),
              )}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
