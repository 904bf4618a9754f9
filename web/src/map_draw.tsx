// The map as SVG: what is drawn, where, with what each does now. Health is a colour, a shape and a word.
import { useMemo, useRef, useState } from "preact/hooks";
import type { TargetedKeyboardEvent, TargetedPointerEvent, TargetedWheelEvent } from "preact";
import { layoutOf, type Layout, type Place } from "./map_layout";
import type { Drawn, Flow, Shown } from "./map_model";
import { percent, rate } from "./words";

interface View { x: number; y: number; w: number; h: number }
const MOVING_MAX = 120; // more flows are not shown as moving
const NARROW = 560, READABLE = 0.8; // pixels; pixels a unit of the drawing

const pathOf = (a: Place, b: Place): string => {
  const back = b.x <= a.x, x1 = a.x + (back ? 0 : a.w / 2), x2 = b.x - (back ? 0 : b.w / 2);
  const y1 = a.y + (back ? a.h / 2 : 0), y2 = b.y + (back ? b.h / 2 : 0), bend = back ? 60 : Math.max(20, (x2 - x1) / 2);
  return back ? `M${x1} ${y1}C${x1} ${y1 + bend} ${x2} ${y2 + bend} ${x2} ${y2}`
    : `M${x1} ${y1}C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}`;
};

function FlowLine({ flow: f, layout, moving, faded }: { flow: Flow; layout: Layout; moving: boolean; faded: boolean }) {
  const a = layout.places.get(f.from), b = layout.places.get(f.to);
  if (!a || !b) return null;
  const d = layout.grid ? `M${a.x} ${a.y}L${b.x} ${b.y}` : pathOf(a, b);
  const width = layout.dense ? 0.8 : 1 + Math.min(5, Math.log10(1 + f.rate) * 1.6);
  return (
    <g class={`flow ${f.health} ${layout.grid ? "under" : ""} ${faded ? "faded" : ""}`}>
      <path d={d} stroke-width={width} marker-end={layout.dense || layout.grid ? undefined : "url(#arrow)"} />
      {moving && f.rate > 0 && <path class="moving" d={d} stroke-width={width}
        style={{ animationDuration: `${Math.max(0.6, 3 - Math.log10(1 + f.rate)).toFixed(1)}s` }} />}
      {!layout.dense && <title>{`${f.from} → ${f.to}: ${rate(f.rate)}, ${f.rate ? percent(f.errors / f.rate) : "0 %"} fail`}</title>}
    </g>
  );
}

const said = (n: Shown): string => `${n.label}${n.group ? `, ${n.count} services` : ""}: `
  + `${n.affected ? n.health === "alarming" ? "alarming, affected" : "affected" : n.health}, ${rate(n.rate)}`
  + `${n.rate > 0 ? `, ${percent(n.errors / n.rate)} fail` : ""}`;

function numbers(n: Shown): string {
  const lost = n.rate > 0 ? n.errors / n.rate : 0;
  return `${rate(n.rate)}${lost >= 0.0005 ? ` · ${percent(lost)} fail` : ""}`;
}

function NodeBox({ node: n, place: p, chosen, faded, pick }: {
  node: Shown; place: Place; chosen: boolean; faded: boolean; pick: (n: Shown) => void;
}) {
  const key = (e: TargetedKeyboardEvent<SVGGElement>) => {
    if (e.key !== "Enter" && e.key !== " ") return;
    e.preventDefault();
    pick(n);
  };
  const sign = n.health === "alarming" ? "▲ " : n.affected ? "△ " : "", room = sign ? 17 : 19, dense = p.w < 40;
  const cut = n.label.length > room ? `${n.label.slice(0, room - 1)}…` : n.label;
  return (
    <g class={`node ${n.health} ${n.affected ? "affected" : ""} ${n.group ? "group" : ""} ${chosen ? "chosen" : ""} ${faded ? "faded" : ""}`}
      transform={`translate(${p.x} ${p.y})`} role="button" tabIndex={0} aria-label={said(n)} onKeyDown={key}
      onClick={() => pick(n)} data-id={n.id}>
      {dense ? <circle r={n.health === "alarming" ? 8 : 5} /> : <>
        {n.group && <rect class="under" x={-p.w / 2 + 4} y={-p.h / 2 + 4} width={p.w} height={p.h} rx="8" />}
        <rect x={-p.w / 2} y={-p.h / 2} width={p.w} height={p.h} rx="8" />
        <text x={-p.w / 2 + 12} y="-4" class="label">{sign}{cut}</text>
        <text x={-p.w / 2 + 12} y="13" class="small">{n.group ? `${n.count} services · ` : ""}{numbers(n)}</text></>}
      <title>{said(n)}</title>
      {dense && (n.health === "alarming" || chosen) && <text x="11" y="4" class="label">{cut}</text>}
    </g>
  );
}

/** A narrow screen begins where names can be read, at what is worst or busiest. */
function closeUp(d: Drawn, layout: Layout, whole: View): View {
  const w = Math.min(whole.w, innerWidth / READABLE), h = Math.min(whole.h, innerHeight * 0.6 / READABLE);
  const first = [...d.nodes].sort((a, b) => b.alarming - a.alarming || b.rate - a.rate)[0];
  const p = first && layout.places.get(first.id);
  const inside = (at: number, size: number, from: number, all: number) => Math.max(from, Math.min(at - size / 2, from + all - size));
  return p ? { x: inside(p.x, w, whole.x, whole.w), y: inside(p.y, h, whole.y, whole.h), w, h } : whole;
}

/** Whom a chosen node touches; null: nothing is chosen. */
function touched(d: Drawn, chosen: string | null): Set<string> | null {
  if (!chosen || !d.nodes.some((n) => n.id === chosen)) return null;
  const all = new Set([chosen]);
  for (const f of d.flows) {
    if (f.from === chosen) all.add(f.to);
    if (f.to === chosen) all.add(f.from);
  }
  return all;
}

export function MapDraw({ drawn, chosen, pick, name, fixed }: {
  drawn: Drawn; chosen: string | null; pick: (n: Shown) => void; name: string; fixed?: boolean;
}) {
  const shape = drawn.nodes.map((n) => n.id).join("\n") + "\n\n" + drawn.flows.map((f) => f.from + f.to).join("\n");
  const layout = useMemo(() => layoutOf(drawn), [shape]);
  const [least, low] = fixed ? [100, 60] : [860, 400]; // a few nodes are not blown up
  const w = Math.max(layout.width, least), h = Math.max(layout.height, low);
  const whole: View = { x: (layout.width - w) / 2, y: (layout.height - h) / 2, w, h };
  const start = !fixed && !layout.dense && innerWidth < NARROW ? closeUp(drawn, layout, whole) : whole;
  const [view, setView] = useState<{ shape: string; view: View } | null>(null);
  const at = view?.shape === shape ? view.view : start, box = useRef<SVGSVGElement>(null);
  const grab = useRef<{ x: number; y: number; view: View } | null>(null);
  const near = touched(drawn, chosen), moving = drawn.flows.length <= MOVING_MAX && !layout.grid;
  const look = (v: View) => setView({ shape, view: v });
  const zoom = (by: number, cx = 0.5, cy = 0.5) => look({
    x: at.x + at.w * cx * (1 - by), y: at.y + at.h * cy * (1 - by), w: at.w * by, h: at.h * by });
  const scaleOf = () => {
    const r = box.current?.getBoundingClientRect();
    return r ? Math.max(at.w / r.width, at.h / r.height) : 1;
  };
  const wheel = (e: TargetedWheelEvent<SVGSVGElement>) => {
    const r = e.currentTarget.getBoundingClientRect();
    e.preventDefault();
    zoom(e.deltaY > 0 ? 1.15 : 1 / 1.15, (e.clientX - r.left) / r.width, (e.clientY - r.top) / r.height);
  };
  const down = (e: TargetedPointerEvent<SVGSVGElement>) => { grab.current = { x: e.clientX, y: e.clientY, view: at }; };
  const move = (e: TargetedPointerEvent<SVGSVGElement>) => {
    const g = grab.current;
    if (!g || Math.hypot(e.clientX - g.x, e.clientY - g.y) < 4) return;
    const s = scaleOf();
    look({ ...g.view, x: g.view.x - (e.clientX - g.x) * s, y: g.view.y - (e.clientY - g.y) * s });
  };
  const keys = (e: TargetedKeyboardEvent<SVGSVGElement>) => {
    const step: Record<string, [number, number]> = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    const by = step[e.key];
    if (by) look({ ...at, x: at.x + by[0] * at.w / 8, y: at.y + by[1] * at.h / 8 });
    else if (e.key === "+" || e.key === "=") zoom(1 / 1.3);
    else if (e.key === "-") zoom(1.3);
    else if (e.key === "0") look(whole);
    else return;
    e.preventDefault();
  };
  const live = fixed ? {} : { onWheel: wheel, onPointerDown: down, onPointerMove: move, onPointerUp: () => { grab.current = null; },
    onPointerLeave: () => { grab.current = null; }, onKeyDown: keys };
  return (
    <div class={`map ${fixed ? "fixed" : ""}`} {...(fixed ? { tabIndex: 0, role: "group", "aria-label": name } : {})}>
      {!fixed && <div class="zoom"><button type="button" onClick={() => zoom(1 / 1.3)} aria-label="closer">+</button>
        <button type="button" onClick={() => zoom(1.3)} aria-label="farther">−</button>
        <button type="button" onClick={() => look(whole)}>whole</button></div>}
      <svg ref={box} viewBox={`${at.x} ${at.y} ${at.w} ${at.h}`} role="group" aria-label={name} {...live}
        style={fixed ? { maxHeight: `${Math.min(420, whole.h)}px`, maxWidth: `${whole.w}px`, minWidth: `${Math.round(READABLE * whole.w)}px` } : {}}>
        <defs><marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto"
          markerUnits="userSpaceOnUse"><path d="M0 0L8 4L0 8z" /></marker></defs>
        {drawn.flows.map((f) => <FlowLine key={`${f.from}\n${f.to}`} flow={f} layout={layout} moving={moving}
          faded={near !== null && f.from !== chosen && f.to !== chosen} />)}
        {drawn.nodes.map((n) => {
          const p = layout.places.get(n.id);
          return p && <NodeBox key={n.id} node={n} place={p} chosen={chosen === n.id} pick={pick}
            faded={near !== null && !near.has(n.id)} />;
        })}
      </svg>
    </div>
  );
}
