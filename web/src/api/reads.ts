/** What several pages read, each under one key. */
import { all, api, ok } from "./client";
import { type Reading, useReading } from "./reading";
import type { Schemas } from "./client";

export type LabLine = Schemas["LabLine"];
export type Job = Schemas["Job"];

export function useLabs(): Reading<LabLine[]> {
  return useReading(
    "labs",
    () => all((after) => ok(api.GET("/labs", { params: { query: { limit: 1000, after } } }))),
    (event) => event.kind === "lab" || event.kind === "machine",
  );
}

export function useLab(name: string): Reading<Schemas["Lab"]> {
  return useReading(
    `lab ${name}`,
    () => ok(api.GET("/labs/{name}", { params: { path: { name } } })) as Promise<Schemas["Lab"]>,
    (event) =>
      (event.kind === "lab" && event.data.name === name) ||
      ((event.kind === "machine" || event.kind === "link" || event.kind === "job") && event.data.lab === name),
  );
}

export function useLabJobs(name: string): Reading<Job[]> {
  return useReading(
    `jobs ${name}`,
    () => all((after) => ok(api.GET("/labs/{name}/jobs", { params: { path: { name }, query: { limit: 1000, after } } }))),
    (event) => event.kind === "job" && event.data.lab === name,
  );
}
