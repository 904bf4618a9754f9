// Where the page is, in the part of the address behind '#', so that every view is a link.
import { computed, signal } from "@preact/signals";
import type { Entity } from "./api";

// Alerts carry #/incidents/ID (view_link in src/act/act_view.c).
export interface Route { view: "now" | "incident" | "map" | "explore"; id: string; query: URLSearchParams }

function plain(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part; // cut off on its way, perhaps
  }
}

function read(): Route {
  const [path = "", query = ""] = location.hash.replace(/^#\/?/, "").split("?");
  const [view = "", id = ""] = path.split("/"), q = new URLSearchParams(query);
  if (/^[0-9a-f]{16}$/.test(view)) return { view: "incident", id: view, query: q };
  if (view === "incidents" || view === "incident") return { view: "incident", id: plain(id), query: q };
  if (view === "map" || view === "explore") return { view, id: plain(id), query: q };
  return { view: "now", id: "", query: q };
}

export const route = signal<Route>(read());
addEventListener("hashchange", () => {
  route.value = read();
  scrollTo(0, 0);
});

/** The page of an incident that is meant for paper, or for a picture. */
export const paper = computed(() => route.value.view === "incident" && route.value.query.get("as") === "postmortem");

export const incidentLink = (id: string): string => `#/incidents/${id}`;
export const postmortemLink = (id: string): string => `${incidentLink(id)}?as=postmortem`;
export const mapLink = (focus: string): string => `#/map?${new URLSearchParams({ focus })}`;
export const exploreLink = (e: Entity): string => `#/explore?${new URLSearchParams(e as Record<string, string>)}`;
