// What the page knows, kept fresh by the event stream. The stream is read with fetch, not EventSource, which can send no
// token. A connection that says nothing for STALE_MS is as good as lost: a summary comes every second.
import { computed, signal } from "@preact/signals";
import {
  denied, get, open, seriesPath, token, type Change, type Graph, type Incident, type Pulse, type Series, type Status,
  type Summary,
} from "./api";
import { callerOf, idOf } from "./words";

export type Link = "connecting" | "live" | "stale" | "lost";
const STALE_MS = 4000, RETRY_MS = [500, 1000, 2000, 4000, 8000], STATUS_MS = 5000, PULSE_MAX = 600;

/** Telemetry that far behind the clock is as good as none. */
export const SILENT_S = 30;
export const link = signal<Link>("connecting");
export const heardAt = signal(0);
export const now = signal(Date.now());
export const summary = signal<Summary | null>(null);
export const pulse = signal<Pulse[]>([]);
export const incidents = signal<ReadonlyMap<string, Incident>>(new Map());
export const changes = signal<Change[]>([]);
export const status = signal<Status | null>(null);
export const graph = signal<Graph | null>(null);
export const loaded = signal(false);

export const newest = computed(() => [...incidents.value.values()].filter((i) => !i.merged_into)
  .sort((a, b) => Number(!!a.ended_at) - Number(!!b.ended_at) || (a.started_at < b.started_at ? 1 : -1)));
export const openOnes = computed(() => newest.value.filter((i) => !i.ended_at));

/** Services that open incidents name as culprits, and those that they reach. */
export const marked = computed(() => {
  const bad = openOnes.value.filter((i) => i.verdict === "unhealthy");
  const culprits = new Set(bad.flatMap((i) => i.root_causes.slice(0, 1).map((c) => idOf(c.entity))).filter(Boolean));
  const affected = new Set(bad.flatMap((i) => i.affected.flatMap((e) => [idOf(e), callerOf(e)])).filter(Boolean));
  return { culprits, affected };
});

function incidentPut(i: Incident): void {
  const known = incidents.value.get(i.id);
  if (known && known.rev > i.rev) return;
  const all = new Map(incidents.value);
  if (i.merged_into) all.delete(i.id);
  else all.set(i.id, i);
  incidents.value = all;
}

function pulsePut(p: Pulse): void {
  const last = pulse.value.at(-1);
  if (last && last.at >= p.at) return;
  pulse.value = [...pulse.value, p].slice(-PULSE_MAX);
}

function eventTake(name: string, data: string): void {
  if (name === "incident") incidentPut(JSON.parse(data) as Incident);
  if (name === "change") changes.value = [JSON.parse(data) as Change, ...changes.value].slice(0, 256);
  if (name !== "summary") return;
  summary.value = JSON.parse(data) as Summary;
  if (summary.value.pulse) pulsePut(summary.value.pulse);
}

/** The mesh's last minutes, so that the pulse does not begin empty. */
async function pulseLoad(): Promise<void> {
  const from = new Date(Date.now() - PULSE_MAX * 1000).toISOString();
  const got = await get<{ series: Series[] }>(seriesPath({ kind: "mesh" }, { step: "1", from }));
  const p = got.series.find((s) => s.side === "server")?.points;
  if (!p) return;
  const start = Date.parse(p.from), before: Pulse[] = [];
  p.requests_per_s.forEach((requests, k) => {
    if (requests == null) return;
    before.push({
      at: new Date(start + k * 1000).toISOString().replace("Z", "000000Z"), requests, errors: p.errors_per_s[k] ?? 0,
      latency_mean_ms: p.latency_mean_ms[k] ?? null, latency_p99_ms: p.latency_p99_ms[k] ?? null,
    });
  });
  pulse.value = before.slice(-PULSE_MAX);
}

async function load(): Promise<void> {
  const [list, what] = await Promise.all([
    get<{ incidents: Incident[] }>("/api/v1/incidents?limit=256"), get<{ changes: Change[] }>("/api/v1/changes"),
    statusLoad(), pulseLoad(),
  ]);
  incidents.value = new Map(list.incidents.map((i) => [i.id, i]));
  changes.value = what.changes;
  loaded.value = true;
}

export async function statusLoad(): Promise<void> {
  status.value = await get<Status>("/api/v1/status");
}

export async function graphLoad(): Promise<void> {
  graph.value = await get<Graph>("/api/v1/graph");
}

async function read(body: ReadableStream<Uint8Array>): Promise<void> {
  const text = body.pipeThrough(new TextDecoderStream() as ReadableWritablePair<string, Uint8Array>).getReader();
  let rest = "", name = "", data = "";
  for (;;) {
    const { value, done } = await text.read();
    if (done) return;
    heardAt.value = Date.now();
    link.value = "live";
    const lines = (rest + value).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) {
      if (line.startsWith("event: ")) name = line.slice(7);
      else if (line.startsWith("data: ")) data = line.slice(6);
      else if (line === "" && name) {
        eventTake(name, data);
        name = "";
      }
    }
  }
}

let attempt: AbortController | null = null;

async function connectOnce(): Promise<void> {
  attempt = new AbortController();
  const answer = await open("/api/v1/stream", attempt.signal);
  heardAt.value = Date.now();
  void load().catch(() => undefined);
  if (answer.body) await read(answer.body);
}

export async function connect(): Promise<never> {
  for (let failed = 0; ;) {
    const began = Date.now();
    if (!denied.value) {
      await connectOnce().catch(() => undefined);
      link.value = "lost";
      failed = Date.now() - began > 10000 ? 0 : failed + 1;
    }
    await new Promise((done) => setTimeout(done, RETRY_MS[Math.min(failed, RETRY_MS.length) - 1] ?? RETRY_MS[0]));
  }
}

/** A silent connection is given up, which begins a new one. */
function watch(): void {
  now.value = Date.now();
  if (link.value === "live" && now.value - heardAt.value > STALE_MS) link.value = "stale";
  if (link.value === "stale" && now.value - heardAt.value > 3 * STALE_MS) attempt?.abort();
}

export function start(): void {
  void connect();
  setInterval(watch, 1000);
  setInterval(() => link.value === "live" && void statusLoad().catch(() => undefined), STATUS_MS);
  token.subscribe(() => attempt?.abort());
}
