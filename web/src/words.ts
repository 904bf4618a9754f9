// Names, numbers and times as people read them.
import type { Entity, Finding, Incident } from "./api";

export const digits = (v: number, n: number): string => v.toLocaleString("en", { maximumSignificantDigits: n });
export const whole = (v: number): string => v.toLocaleString("en", { maximumFractionDigits: 0 });
export const percent = (share: number): string => `${digits(100 * share, share > 0 && share < 0.01 ? 2 : 3)} %`;

export function millis(ms: number): string {
  return ms >= 999.5 ? `${digits(ms / 1000, 3)} s` : ms >= 0.9995 || ms === 0 ? `${digits(ms, 3)} ms`
    : `${digits(ms * 1000, 3)} µs`;
}

export function rate(perS: number): string {
  return `${perS >= 100 ? whole(perS) : digits(perS, 2)} / s`;
}

/** A number that somebody sampled, in its unit. */
export function sampled(v: number, unit: string): string {
  if (unit === "bytes") return bytes(v);
  if (unit === "bytes/s") return `${bytes(v)} / s`;
  if (unit === "s") return millis(1000 * v);
  if (unit === "share") return percent(v);
  return `${digits(v, 3)}${unit === "1/s" ? " / s" : unit ? ` ${unit}` : ""}`;
}

export function bytes(n: number): string {
  return n >= 2 ** 30 ? `${digits(n / 2 ** 30, 3)} GiB` : n >= 2 ** 20 ? `${whole(n / 2 ** 20)} MiB` : `${whole(n / 1024)} KiB`;
}

export function span(s: number): string {
  if (s < 90) return `${Math.max(0, Math.round(s))} s`;
  if (s < 5400) return `${Math.round(s / 60)} min`;
  return s < 172800 ? `${digits(s / 3600, 2)} h` : `${Math.round(s / 86400)} days`;
}

export const seconds = (from: string, to: string | number): number =>
  ((typeof to === "number" ? to : Date.parse(to)) - Date.parse(from)) / 1000;

export const moment = (t: string | number): string =>
  new Date(t).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });

export function clock(t: string): string {
  const at = new Date(t), today = new Date().toDateString() === at.toDateString();
  return today ? moment(t) : `${at.toLocaleDateString([], { month: "short", day: "numeric" })} ${moment(t)}`;
}

/** What a person calls it, the most specific name first. */
export function nameOf(e: Entity): string {
  const who = e.caller ? `${e.caller} → ${e.service ?? "?"}` : e.service ?? "";
  const main = e.pod ? `pod ${e.pod}` : e.route ? `${who} ${e.route}` : e.version ? `${who} version ${e.version}` : who;
  const where = [e.cluster && `in ${e.cluster}`, !e.cluster && e.region && `in ${e.region}`].filter(Boolean);
  return [main || (e.kind === "mesh" ? "the whole mesh" : ""), ...where].filter(Boolean).join(" ") || e.kind;
}

export const idOf = (e: Entity): string => e.namespace ? `${e.namespace}/${e.service ?? ""}` : e.service ?? "";
export const callerOf = (e: Entity): string =>
  e.caller_namespace ? `${e.caller_namespace}/${e.caller ?? ""}` : e.caller ?? "";
export const signalText = (s: string): string => s.replaceAll("_", " ");

interface Place { text: string; what: string }
const PLACES: Record<string, Place> = {
  client_proxy: { text: "the caller's proxy", what: "filters, waiting for a connection, connecting" },
  retries: { text: "earlier tries", what: "tries before the last one, and the pauses between them" },
  upload: { text: "sending the request", what: "the caller sends its request's body" },
  network: { text: "the network", what: "the way between the two proxies, there and back" },
  server_proxy: { text: "the callee's proxy", what: "filters, waiting for a connection to the application" },
  application: { text: "the application", what: "the callee itself, with all that it calls" },
  download: { text: "the answer's download", what: "the answer's body on its way to the caller's proxy" },
  beyond: { text: "what lies beyond the caller's proxy", what: "network, callee's proxy and application, not told apart: the callee's proxy does not report" },
};
export const placeOf = (place: string): Place => PLACES[place] ?? { text: signalText(place), what: "" };

const SUPER = "⁰¹²³⁴⁵⁶⁷⁸⁹";
/** So many times likelier than in normal life, from its natural logarithm. */
export function oddsText(log: number): string {
  const tens = Math.floor(log / Math.LN10);
  if (tens < 4) return `${whole(Math.exp(log))} to 1`;
  return `10${[...String(tens)].map((d) => SUPER[Number(d)]).join("")} to 1`;
}

const UNITS: Record<string, (v: number) => string> = {
  share: percent, s: (v) => millis(v * 1000), "1/s": rate, bytes: (v) => `${digits(v, 3)} bytes`,
  requests: (v) => digits(v, 3),
};
export const measure = (unit: string, v: number): string => (UNITS[unit] ?? String)(v);

export function effectOf(f: Finding): string {
  if (f.signal === "requests_erratic") return "in bunches";
  if (f.unit === "share") {
    const points = 100 * (f.observed - f.baseline);
    return `${points < 0 ? "" : "+"}${digits(points, 2)} points`;
  }
  if (!f.baseline) return "–";
  return f.effect < 1 ? `${digits(100 * (1 - f.effect), 2)} % less` : `${digits(f.effect, f.effect < 2 ? 3 : 2)} times`;
}

export const badgeOf = (i: Incident): string => i.verdict === "expected" ? "expected" : i.severity;

export function culpritOf(i: Incident): string {
  const cause = i.root_causes[0];
  return cause ? nameOf(cause.entity) : "no culprit named";
}

export const failedText = (i: Incident): string => {
  const { requests, failed, slow } = i.impact;
  const parts = [failed ? `${whole(failed)} failed` : "", slow ? `${whole(slow)} slow` : ""].filter(Boolean);
  return parts.length ? `${parts.join(", ")} of ${whole(requests)} requests` : `${whole(requests)} requests`;
};

/** The share of requests that failed or were slow. */
export const hurtShare = (i: Incident): string => {
  const { requests, failed, slow } = i.impact;
  return requests ? `${percent(Math.min(1, Math.round(1000 * (failed + slow) / requests) / 1000))} of them, since it began` : "";
};
