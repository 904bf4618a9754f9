// Where the page is, in the part of the address behind '#', so that every view is a link.
import { signal } from "@preact/signals";
import type { Entity } from "./api";

export interface Route { view: "now" | "incident" | "map" | "explore"; id: string; query: URLSearchParams }

function read(): Route {
  const [path = "", query = ""] = location.hash.replace(/^#\/?/, "").split("?");
  const [view = "", id = ""] = path.split("/"), q = new URLSearchParams(query);
  if (/^[0-9a-f]{16}$/.test(view)) return { view: "incident", id: view, query: q };
  if (view === "incident" || view === "map" || view === "explore") return { view, id: decodeURIComponent(id), query: q };
  return { view: "now", id: "", query: q };
}

export const route = signal<Route>(read());
addEventListener("hashchange", () => {
  route.value = read();
  scrollTo(0, 0);
});

export const incidentLink = (id: string): string => `#/incident/${id}`;
export const mapLink = (focus: string): string => `#/map?${new URLSearchParams({ focus })}`;
export const exploreLink = (e: Entity): string => `#/explore?${new URLSearchParams(e as Record<string, string>)}`;
