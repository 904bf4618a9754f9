// Time plots: what was seen against the band of normal life, with marks. The words under a plot say the same as its
// picture, for who cannot see it.
import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import { look } from "./theme";
import { moment } from "./words";

export interface Line { label: string; values: (number | null)[]; color: "ink" | "bad" | "accent" | "warn" | "good" }
export interface Mark { at: number; text: string }
export interface PlotProps {
  title: string; from: number; step: number; lines: Line[]; format: (v: number) => string;
  band?: [number, number] | null; marks?: Mark[]; ill?: [number, number] | null; height?: number; top?: number;
  least?: number; // the axis goes at least so high
}

const color = (name: string): string => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

function bandDraw(u: uPlot, band: [number, number]): void {
  const high = Math.max(u.valToPos(band[1], "y", true), u.bbox.top), low = u.valToPos(band[0], "y", true);
  u.ctx.fillStyle = color("band");
  u.ctx.fillRect(u.bbox.left, high, u.bbox.width, Math.max(2, Math.min(low, u.bbox.top + u.bbox.height) - high));
}

function illDraw(u: uPlot, [from, to]: [number, number]): void {
  const left = Math.max(u.valToPos(from, "x", true), u.bbox.left);
  const right = Math.min(u.valToPos(to, "x", true), u.bbox.left + u.bbox.width);
  u.ctx.fillStyle = color("ill");
  if (right > left) u.ctx.fillRect(left, u.bbox.top, right - left, u.bbox.height);
}

/** Each mark's words have a row of their own, so that none lies over another's. */
function markDraw(u: uPlot, mark: Mark, row: number): void {
  const x = Math.round(u.valToPos(mark.at, "x", true)), ratio = devicePixelRatio, { left, width, top, height } = u.bbox;
  if (x < left || x > left + width) return;
  const right = x > left + 0.8 * width;
  u.ctx.save();
  u.ctx.strokeStyle = u.ctx.fillStyle = color("accent");
  u.ctx.lineWidth = 1.5 * ratio;
  u.ctx.setLineDash([4 * ratio, 3 * ratio]);
  u.ctx.beginPath();
  u.ctx.moveTo(x, top);
  u.ctx.lineTo(x, top + height);
  u.ctx.stroke();
  u.ctx.font = `${11 * ratio}px system-ui, sans-serif`;
  u.ctx.textBaseline = "top";
  const text = u.width < 420 ? mark.text.split(" ")[0] ?? "" : mark.text, wide = u.ctx.measureText(text).width;
  const from = x + (right ? -5 * ratio - wide : 5 * ratio);
  u.ctx.fillStyle = color("card");
  const at = top + row * 14 * ratio;
  u.ctx.fillRect(from - 2 * ratio, at, wide + 4 * ratio, 14 * ratio);
  u.ctx.fillStyle = color("accent");
  u.ctx.textAlign = "left";
  u.ctx.fillText(text, from, at + 2 * ratio);
  u.ctx.restore();
}

function axis(format?: (v: number) => string): uPlot.Axis {
  const base: uPlot.Axis = {
    stroke: color("soft"), grid: { stroke: color("line"), width: 1 }, ticks: { show: false },
    font: "11px system-ui, sans-serif",
  };
  return format ? { ...base, size: 64, values: (_u, all) => all.map(format) } : { ...base, size: 28, space: 90 };
}

/** From 0, and high enough for the band; a line that is always 0 lies at the bottom. */
function range({ top, band, least }: PlotProps) {
  return (_u: uPlot, _low: number, high: number): [number, number] => {
    const most = Math.max(high ?? 0, band?.[1] ?? 0, least ?? 1e-9) * 1.08;
    return [0, top === undefined ? most : Math.min(Math.max(most, top * 0.05), top)];
  };
}

const hms = (_u: uPlot, all: number[]): string[] => all.map((t) => new Date(t * 1000).toLocaleTimeString([],
  { hour: "2-digit", minute: "2-digit", hourCycle: "h23", ...(t % 60 ? { second: "2-digit" } : {}) }));

function options(p: PlotProps, width: number): uPlot.Options {
  return {
    width, height: p.height ?? 150, padding: [8, 28, 0, 0], legend: { show: false },
    cursor: { points: { size: 7 }, drag: { x: false, y: false } },
    scales: { x: { time: true }, y: { range: range(p) } },
    axes: [{ ...axis(), values: hms as uPlot.Axis.DynamicValues }, axis(p.format)],
    series: [{}, ...p.lines.map((l): uPlot.Series => ({
      label: l.label, stroke: color(l.color), width: 1.6, points: { show: false }, spanGaps: false,
      ...(p.step > 1 && uPlot.paths.stepped ? { paths: uPlot.paths.stepped({ align: 1 }) } : {}),
    }))],
    hooks: {
      drawAxes: [(u) => { if (p.band) bandDraw(u, p.band); if (p.ill) illDraw(u, p.ill); }],
      draw: [(u) => p.marks?.forEach((m, k) => markDraw(u, m, k))],
    },
  };
}

function dataOf(p: PlotProps): uPlot.AlignedData {
  const n = p.lines[0]?.values.length ?? 0;
  return [Array.from({ length: n }, (_, k) => p.from + k * p.step), ...p.lines.map((l) => l.values)];
}

function described(p: PlotProps): string {
  const all = p.lines.map((l) => {
    const known = l.values.filter((v) => v != null);
    return known.length ? `${l.label} now ${p.format(known.at(-1) ?? 0)}, at most ${p.format(Math.max(...known))}` : "";
  }).filter(Boolean);
  const band = p.band ? `; normal is ${p.format(p.band[0])} to ${p.format(p.band[1])}` : "";
  return `${p.title}: ${all.join("; ") || "no data"}${band}`;
}

export function Plot(p: PlotProps) {
  const box = useRef<HTMLDivElement>(null), tip = useRef<HTMLSpanElement>(null), made = useRef<uPlot | null>(null);
  const shape = JSON.stringify([p.title, p.lines.map((l) => [l.label, l.color]), p.step, p.marks, p.ill, p.band, p.height,
    look.value]);
  useEffect(() => {
    const at = box.current;
    if (!at) return;
    const u = made.current = new uPlot(options(p, at.clientWidth), dataOf(p), at);
    const follow = new ResizeObserver(() => u.setSize({ width: at.clientWidth, height: p.height ?? 150 }));
    follow.observe(at);
    return () => {
      follow.disconnect();
      u.destroy();
      made.current = null;
    };
  }, [shape]);
  useEffect(() => {
    const u = made.current;
    if (!u) return;
    u.setData(dataOf(p));
    u.over.onpointermove = () => {
      const k = u.cursor.idx;
      if (k == null || !tip.current) return;
      tip.current.textContent = `${moment((p.from + k * p.step) * 1000)} `
        + p.lines.map((l) => `${l.label} ${l.values[k] == null ? "–" : p.format(l.values[k] ?? 0)}`).join(" · ");
    };
    u.over.onpointerleave = () => { if (tip.current) tip.current.textContent = ""; };
  });
  return (
    <figure class="plot" role="img" aria-label={described(p)}>
      <figcaption><span>{p.title}{p.lines.length > 1 && p.lines.map((l) => <span key={l.label} class={`key ${l.color}`}> ━ {l.label}</span>)}</span><span class="tip" ref={tip} aria-hidden="true" /></figcaption>
      <div ref={box} />
    </figure>
  );
}

/** A line without axes, for tables: up to `most`, which the lines of a column share, over its own band of normal life. */
export function Spark({ values, name, most, band }: { values: (number | null)[]; name: string; most: number; band: [number, number] | null }) {
  const n = Math.max(2, values.length), y = (v: number) => 22 - Math.min(1, v / Math.max(most, 1e-9)) * 20;
  let path = "", before: number | null = null;
  values.forEach((v, k) => {
    if (v != null) path += `${before == null ? "M" : "L"}${(k / (n - 1) * 100).toFixed(1)} ${y(v).toFixed(1)}`;
    if (v != null && before == null) path += "h2"; // one that stands alone shows, too
    before = v;
  });
  return (
    <svg class="spark" viewBox="0 0 100 24" preserveAspectRatio="none" role="img" aria-label={name}>
      {band && <rect x="0" width="100" y={y(band[1])} height={Math.max(1, y(band[0]) - y(band[1]))} />}
      <path d={path} vector-effect="non-scaling-stroke" />
    </svg>
  );
}
