// From the graph of services to what is drawn: groups closed or open, a neighbourhood, matches of a search.
import type { Edge, Graph, Health, Node } from "./api";

export type Grouping = "none" | "namespace" | "cluster" | "region";
export interface Shown {
  id: string; label: string; group: boolean; count: number; health: Health; rate: number; errors: number;
  alarming: number; affected: boolean; node: Node | null;
}
export interface Flow { from: string; to: string; health: Health; rate: number; errors: number }
export interface Drawn { nodes: Shown[]; flows: Flow[] }

const WORST: Health[] = ["alarming", "learning", "ok", "unknown"];
export const worse = (a: Health, b: Health): Health => WORST.indexOf(a) <= WORST.indexOf(b) ? a : b;

/** A service that runs in several clusters is of all of them at once: that is a group of its own. */
export function groupOf(n: Node, by: Grouping): string {
  if (by === "namespace") return n.entity.namespace ?? "(no namespace)";
  if (by === "none") return n.id;
  const places = [...new Set(n.clusters.map((c) => by === "cluster" ? c.cluster : c.region).filter(Boolean))].sort();
  return places.length ? places.join(" + ") : `(no ${by})`;
}

export interface Marks { culprits: ReadonlySet<string>; affected: ReadonlySet<string> }

/** A culprit is shown as alarming, whatever its own series say at this moment; whom it reaches, as affected: so that one
 * sees where to look first. */
function asNode(n: Node, m: Marks): Shown {
  const culprit = m.culprits.has(n.id), affected = m.affected.has(n.id) && !culprit;
  const health = culprit ? "alarming" : affected && n.health === "alarming" ? "ok" : n.health;
  return {
    id: n.id, label: n.entity.service ?? n.id, group: false, count: 1, health, rate: n.requests_per_s ?? 0,
    errors: n.errors_per_s ?? 0, alarming: health === "alarming" ? 1 : 0, affected, node: n,
  };
}

function join(into: Map<string, Shown>, id: string, label: string, one: Shown): void {
  const was = into.get(id);
  if (!was) into.set(id, { ...one, id, label, group: true, node: null });
  else into.set(id, {
    ...was, count: was.count + 1, health: worse(was.health, one.health), rate: was.rate + one.rate,
    errors: was.errors + one.errors, alarming: was.alarming + one.alarming, affected: was.affected || one.affected,
  });
}

export function collapse(g: Graph, by: Grouping, open: ReadonlySet<string>, kept: ReadonlySet<string> | null,
  marks: Marks): Drawn {
  const nodes = new Map<string, Shown>(), home = new Map<string, string>(), flows = new Map<string, Flow>();
  for (const n of g.nodes) {
    if (kept && !kept.has(n.id)) continue;
    const group = groupOf(n, by), closed = by !== "none" && !open.has(group) && !kept;
    const id = closed ? `group:${group}` : n.id;
    home.set(n.id, id);
    if (closed) join(nodes, id, group, asNode(n, marks));
    else nodes.set(id, asNode(n, marks));
  }
  for (const e of g.edges) {
    const from = home.get(e.source), to = home.get(e.target);
    if (!from || !to || from === to) continue;
    const key = `${from}\n${to}`, was = flows.get(key), rate = e.requests_per_s ?? 0, errors = e.errors_per_s ?? 0;
    flows.set(key, was ? { ...was, rate: was.rate + rate, errors: was.errors + errors, health: worse(was.health, e.health) } :
      { from, to, health: e.health, rate, errors });
  }
  return { nodes: [...nodes.values()], flows: [...flows.values()] };
}

/** Services that are so many calls away or fewer, in either direction. */
export function around(edges: Edge[], center: string, steps: number): Set<string> {
  const near = new Map<string, string[]>(), kept = new Set([center]);
  const add = (a: string, b: string) => near.set(a, [...near.get(a) ?? [], b]);
  for (const e of edges) {
    add(e.source, e.target);
    add(e.target, e.source);
  }
  let edge = [center];
  for (let k = 0; k < steps; k++) {
    edge = edge.flatMap((id) => near.get(id) ?? []).filter((id) => !kept.has(id));
    edge.forEach((id) => kept.add(id));
  }
  return kept;
}

export function matches(nodes: Node[], text: string, max: number): Node[] {
  const want = text.trim().toLowerCase();
  if (!want) return [];
  const rank = (n: Node) => (n.entity.service ?? n.id).toLowerCase().indexOf(want);
  return nodes.filter((n) => n.id.toLowerCase().includes(want))
    .sort((a, b) => (rank(a) < 0 ? 99 : rank(a)) - (rank(b) < 0 ? 99 : rank(b)) || a.id.localeCompare(b.id)).slice(0, max);
}
