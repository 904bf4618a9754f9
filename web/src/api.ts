// The API's shapes (docs/openapi.yaml) and how it is asked. A token, where the daemon wants one, lives as long as the tab.
import { signal } from "@preact/signals";

export type Health = "ok" | "alarming" | "learning" | "unknown";
export type Dim = "namespace" | "service" | "cluster" | "region" | "zone" | "pod" | "route" | "version"
  | "caller_namespace" | "caller";
export type Entity = { kind: string } & { [D in Dim]?: string };
export interface Change { at: string; source: string; kind: string; entity: Entity; summary: string }
export interface Cause { score: number; entity: Entity; signal: string; evidence: string }
export interface Finding {
  entity: Entity; signal: string; unit: string; baseline: number; baseline_sd: number; baseline_age_s: number;
  baseline_requests: number; observed: number; effect: number; effect_interval: [number, number];
  smallest_effect: number | null; log_e: number; threshold: number; pace_s?: number; onset: string;
}
export interface Plot {
  from: string; step_s: number; values: (number | null)[]; requests: number[]; band: [number, number] | null;
}
/** A call on the way from users to the cause, told by who calls; quiet: who is called raised no alarm. */
export interface Hop { from: Entity; to: Entity; quiet: boolean; evidence: string }
export interface Spent { place: string; edge: Entity; stages: { place: string; normal_ms: number; now_ms: number }[] }
/** A sampled number of a likely cause's service that left its usual range; new: a log line that it never wrote before. */
export interface Gauge {
  entity: Entity; metric: string; part: string; role: string; unit: string; value: number; usual: [number, number];
  side: "above" | "below"; score: number; since: string; at: string; new: boolean; line: string;
}
export interface Incident {
  id: string; verdict: "unhealthy" | "expected"; kind: string; severity: "info" | "warning" | "critical";
  state: "open" | "closed"; acked: boolean; muted?: boolean; started_at: string; detected_at: string;
  ended_at: string | null; updated_at: string; summary: string; root_causes: Cause[]; affected: Entity[];
  not_affected: Entity[]; impact: { requests: number; failed: number; slow: number }; changes: Change[];
  exemplars: { request_id: string; trace_id: string; at: string }[]; confidence: number; telemetry: string;
  merged_into?: string; finding?: Finding | null; plot?: Plot | null; chain?: Hop[];
  refuted_by?: string | null; time?: Spent | null; gauges?: Gauge[]; occurrences?: number;
  recurrences?: { started_at: string; ended_at: string | null }[]; decisions?: { at: string; text: string }[];
  rev: number; series?: Series[];
}
export interface Rates {
  requests_per_s: number; errors_per_s: number; latency_mean_ms: number; learned_requests_per_s: number;
  learned_error_ratio: number; learned_latency_mean_ms: number; age_s: number; health: Health;
}
export interface Node extends Partial<Rates> {
  id: string; entity: Entity; side: string | null; health: Health; clusters: { cluster: string; region: string }[];
}
export interface Edge extends Partial<Rates> {
  source: string; target: string; entity: Entity; side: string | null; health: Health;
}
export interface Graph { nodes: Node[]; edges: Edge[]; cut: boolean }
export type Band = [number, number];
export interface Normal {
  step_s: number; requests_per_s: Band; error_ratio: Band; latency_mean_ms: Band; latency_p99_ms: number | null;
  smallest: {
    fewer_requests: number | null; more_requests: number | null; slower: number | null; error_ratio: number | null;
  };
}
type Column = (number | null)[];
export interface Points {
  from: string; step_s: number; requests_per_s: Column; errors_per_s: Column; latency_mean_ms: Column;
  latency_p99_ms: Column;
}
export interface Series extends Partial<Rates> {
  entity: Entity; level: string; side: string; normal: Normal | null; points?: Points | null;
}
export interface Pulse {
  at: string; requests: number; errors: number; latency_mean_ms: number | null; latency_p99_ms: number | null;
}
export interface Summary {
  at: string; entries: number; entries_new: number; series: number; incidents_open: number; tick: number;
  lag_s: number; pulse: Pulse | null;
}
export interface Gap {
  node: string | null; service: string | null; cluster: string | null; reason: string; lost_share: number | null;
}
export interface Status {
  version: string; commit: string; uptime_s: number; streams: number; rss_bytes: number; series: number;
  series_max: number; alerts_per_week: number; started_at: string;
  restoring: boolean; tick: { seq: number };
  storage: { data_dir: string | null; problem: string | null };
  telemetry: { state: "complete" | "degraded"; proxies_n: number; proxies: Gap[] };
  history: { seconds: number; series: number; series_max: number }; counters: Record<string, number>;
}

export class Refused extends Error {
  constructor(readonly status: number, text: string) {
    super(text);
  }
}

const KEPT = "foreshock-token";

function kept(): string {
  try {
    return sessionStorage.getItem(KEPT) ?? "";
  } catch {
    return ""; // a browser that keeps nothing asks again
  }
}

export const token = signal(kept());
/** The daemon wants a token, or another one. */
export const denied = signal(false);

export function tokenSet(text: string): void {
  token.value = text;
  denied.value = false;
  try {
    sessionStorage.setItem(KEPT, text);
  } catch { /* likewise */ }
}

function headers(): Record<string, string> {
  return token.value ? { Authorization: `Bearer ${token.value}` } : {};
}

async function refused(answer: Response): Promise<Refused> {
  if (answer.status === 401) denied.value = true;
  const said = await answer.json().then((j: { error?: string }) => j.error, () => undefined);
  return new Refused(answer.status, said ?? `status ${answer.status}`);
}

export async function open(path: string, stop: AbortSignal): Promise<Response> {
  const answer = await fetch(path, { headers: headers(), signal: stop, cache: "no-store" });
  if (!answer.ok) throw await refused(answer);
  return answer;
}

export async function get<T>(path: string, stop = AbortSignal.timeout(15000)): Promise<T> {
  return (await open(path, stop)).json() as Promise<T>;
}

export async function post(path: string, body: unknown): Promise<void> {
  const answer = await fetch(path, {
    method: "POST", headers: { ...headers(), "Content-Type": "application/json" }, body: JSON.stringify(body),
    signal: AbortSignal.timeout(15000),
  });
  if (!answer.ok) throw await refused(answer);
}

export function seriesPath(entity: Entity, more: Record<string, string> = {}): string {
  return "/api/v1/series?" + new URLSearchParams({ entity: JSON.stringify(entity), ...more }).toString();
}
