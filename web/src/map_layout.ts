// Places for what is drawn. Closed groups are cards. Up to DAGRE_MAX nodes dagre does it, callers left of whom they call; past that a layering of
// our own, whose cost is the edges times a few sweeps: dagre takes half a minute for 2,000 nodes.
import dagre from "@dagrejs/dagre";
import type { Drawn } from "./map_model";

export interface Place { x: number; y: number; w: number; h: number }
export interface Layout { places: Map<string, Place>; width: number; height: number; dense: boolean; grid: boolean }
const DAGRE_MAX = 150, NODE_W = 168, NODE_H = 46, DOT = 16, SWEEPS = 6, LAYER_DOTS_MAX = 60;

function byDagre(d: Drawn, nodeW: number): Layout {
  const g = new dagre.graphlib.Graph();
  g.setGraph({ rankdir: "LR", nodesep: 18, ranksep: 70, marginx: 12, marginy: 12 });
  g.setDefaultEdgeLabel(() => ({}));
  for (const n of d.nodes) g.setNode(n.id, { width: nodeW, height: NODE_H });
  for (const f of d.flows) g.setEdge(f.from, f.to);
  dagre.layout(g);
  const places = new Map<string, Place>();
  for (const n of d.nodes) {
    const at = g.node(n.id) as { x: number; y: number };
    places.set(n.id, { x: at.x, y: at.y, w: nodeW, h: NODE_H });
  }
  const size = g.graph() as { width?: number; height?: number };
  return { places, width: size.width ?? 0, height: size.height ?? 0, dense: false, grid: false };
}

/** The length of the longest way of calls to each node. Cycles are cut where a node is met that is still under way. */
function layersOf(d: Drawn): Map<string, number> {
  const into = new Map<string, string[]>(), depth = new Map<string, number>(), under = new Set<string>();
  for (const f of d.flows) into.set(f.to, [...into.get(f.to) ?? [], f.from]);
  const visit = (id: string): number => {
    const known = depth.get(id);
    if (known !== undefined) return known;
    if (under.has(id)) return 0;
    under.add(id);
    let deep = 0;
    for (const from of into.get(id) ?? []) deep = Math.max(deep, visit(from) + 1);
    under.delete(id);
    depth.set(id, deep);
    return deep;
  };
  d.nodes.forEach((n) => visit(n.id));
  return depth;
}

function byLayers(d: Drawn): Layout {
  const depth = layersOf(d), layers: string[][] = [], near = new Map<string, string[]>();
  for (const n of d.nodes) (layers[depth.get(n.id) ?? 0] ??= []).push(n.id);
  for (const f of d.flows) {
    near.set(f.from, [...near.get(f.from) ?? [], f.to]);
    near.set(f.to, [...near.get(f.to) ?? [], f.from]);
  }
  const order = new Map<string, number>();
  layers.forEach((l) => l.forEach((id, k) => order.set(id, k / l.length)));
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    for (const l of layers) {
      const middle = new Map(l.map((id) => {
        const all = near.get(id) ?? [];
        return [id, all.length ? all.reduce((s, o) => s + (order.get(o) ?? 0), 0) / all.length : order.get(id) ?? 0];
      }));
      l.sort((a, b) => (middle.get(a) ?? 0) - (middle.get(b) ?? 0));
      l.forEach((id, k) => order.set(id, k / l.length));
    }
  }
  const places = new Map<string, Place>(), tall = Math.min(LAYER_DOTS_MAX, Math.max(...layers.map((l) => l?.length ?? 0)));
  let x = 20;
  for (const l of layers) {
    const columns = Math.ceil(l.length / LAYER_DOTS_MAX), rows = Math.ceil(l.length / columns), pad = (tall - rows) / 2;
    l.forEach((id, k) => places.set(id, {
      x: x + Math.floor(k / rows) * DOT * 1.8, y: 20 + (pad + k % rows) * DOT * 1.5, w: DOT, h: DOT }));
    x += columns * DOT * 1.8 + 110;
  }
  return { places, width: x - 70, height: 40 + tall * DOT * 1.5, dense: true, grid: false };
}

/** Groups call each other in circles, which no layering shows well: cards, what is worst and busiest first. */
function byGrid(d: Drawn): Layout {
  const columns = Math.ceil(Math.sqrt(d.nodes.length * 0.9)), places = new Map<string, Place>(), gapX = 44, gapY = 34;
  const sorted = [...d.nodes].sort((a, b) => b.alarming - a.alarming || Number(b.affected) - Number(a.affected) || b.rate - a.rate);
  sorted.forEach((n, k) => places.set(n.id, {
    x: 20 + NODE_W / 2 + (k % columns) * (NODE_W + gapX), y: 20 + NODE_H / 2 + Math.floor(k / columns) * (NODE_H + gapY),
    w: NODE_W, h: NODE_H }));
  const rows = Math.ceil(d.nodes.length / columns);
  return { places, width: 40 + columns * (NODE_W + gapX) - gapX, height: 40 + rows * (NODE_H + gapY) - gapY, dense: false, grid: true };
}

export function layoutOf(d: Drawn): Layout {
  if (d.nodes.length === 0) return { places: new Map(), width: 100, height: 60, dense: false, grid: false };
  if (d.nodes.some((n) => n.group)) return byGrid(d);
  return d.nodes.length <= DAGRE_MAX ? byDagre(d, NODE_W) : byLayers(d);
}
