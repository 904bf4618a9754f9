// What was seen, second by second, against normal life; and the finding in numbers.
import type { Finding, Incident, Normal, Points, Series } from "./api";
import { EntityLink, Tile } from "./parts";
import { Plot, type Mark } from "./plot";
import { effectOf, measure, millis, moment, nameOf, oddsText, percent, signalText, span, whole } from "./words";

export function Numbers({ f }: { f: Finding }) {
  const per = (v: number) => measure(f.unit, v);
  return (
    <dl class="tiles">
      <Tile title={`Since ${moment(f.onset)}`} value={per(f.observed)} more={signalText(f.signal)} />
      <Tile title="Normal" value={per(f.baseline)} more={f.baseline_sd ? `± ${per(f.baseline_sd)}` : ""} />
      <Tile title="Difference" value={effectOf(f)} />
      <Tile title="Learned from" value={`${whole(f.baseline_requests)} requests`} more={`in ${span(f.baseline_age_s)}`} />
      {f.pace_s ? <Tile title="Seen" value={`every ${span(f.pace_s)}`} more="by scrapes: begins and ends are no finer" /> : null}
      <Tile title="Evidence against chance" value={oddsText(f.log_e)} more={`an alarm takes ${oddsText(f.threshold)}`} />
    </dl>
  );
}

interface Times { marks: Mark[]; ill: [number, number] }
export function timesOf(i: Incident): Times {
  const at = (t: string) => Date.parse(t) / 1000, onset = at(i.finding?.onset ?? i.started_at);
  const marks: Mark[] = i.changes.map((c) => ({ at: at(c.at), text: c.kind }));
  marks.push({ at: onset, text: `onset ${moment(i.finding?.onset ?? i.started_at)}` });
  if (i.ended_at) marks.push({ at: at(i.ended_at), text: `over ${moment(i.ended_at)}` });
  return { marks, ill: [onset, i.ended_at ? at(i.ended_at) : Number.MAX_SAFE_INTEGER] };
}

const KINDS: Record<string, "requests" | "errors" | "latency"> = {
  latency: "latency", traffic: "requests", errors: "errors", saturation: "errors", security: "requests", change: "requests" };

export function SeriesPlot({ s, what, times }: { s: Series & { points: Points }; what: "requests" | "errors" | "latency"; times?: Times }) {
  const p = s.points, from = Date.parse(p.from) / 1000, n: Normal | null = s.normal;
  const more = times ? { marks: times.marks, ill: times.ill } : {};
  if (what === "latency") {
    return <Plot title="Mean latency" from={from} step={p.step_s} format={millis} band={n?.latency_mean_ms ?? null} {...more}
      lines={[{ label: "mean", values: p.latency_mean_ms, color: "ink" }]} />;
  }
  if (what === "requests") {
    return <Plot title="Requests a second" from={from} step={p.step_s} format={(v) => v < 10 && v % 1 ? v.toFixed(1) : whole(v)}
      band={n?.requests_per_s ?? null} {...more} lines={[{ label: "requests", values: p.requests_per_s, color: "ink" }]} />;
  }
  const share = p.requests_per_s.map((r, k) => r == null ? null : r > 0 ? (p.errors_per_s[k] ?? 0) / r : null);
  return <Plot title="Share of requests that fail" from={from} step={p.step_s} format={percent} top={1}
    band={n?.error_ratio ?? null} {...more} lines={[{ label: "failing", values: share, color: "ink" }]} />;
}

export function Plots({ i }: { i: Incident }) {
  const times = timesOf(i), what = KINDS[i.kind] ?? "errors", f = i.finding, frozen = i.plot;
  const live = (i.series ?? []).filter((s): s is Series & { points: Points } => !!s.points && s.points.requests_per_s.some((v) => v != null));
  return (
    <>
      {f && frozen && frozen.values.some((v) => v != null) && <div class="wideplot"><h3>{nameOf(f.entity)}: {signalText(f.signal)}</h3>
        <Plot title={`${signalText(f.signal)}, ${frozen.step_s} s a point, as kept with the incident`} step={frozen.step_s}
          {...(f.unit === "share" ? { top: 1 } : {})} from={Date.parse(frozen.from) / 1000} format={(v) => measure(f.unit, v)} band={frozen.band} marks={times.marks}
          ill={times.ill} lines={[{ label: "seen", values: frozen.values, color: "ink" }]} /></div>}
      <div class="plots">{live.map((s) => <div key={nameOf(s.entity) + s.level + s.side}><h3><EntityLink entity={s.entity} /> <small>told by {s.side === "client" ? "who calls" : "its own proxies"}</small></h3>
        <SeriesPlot s={s} what={what} times={times} /></div>)}</div>
      {!live.length && !frozen && <p class="soft">The seconds of this time are not kept any more.</p>}
      <p class="soft">Shaded: normal life, three standard deviations either way; tinted: the incident.</p>
    </>
  );
}
