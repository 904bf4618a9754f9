// The overview: how the mesh is, in a line; what is open; the pulse; what changed; how well all this is known.
import { useEffect } from "preact/hooks";
import { changes, graph, graphLoad, incidents, link, loaded, newest, openOnes, pulse, SILENT_S, status, summary } from "./live";
import { ChangeRow, Empty, IncidentRow, Tile } from "./parts";
import { Plot } from "./plot";
import { bytes, millis, nameOf, percent, rate, span, whole } from "./words";

const LEARNED_S = 600; // the rate's baseline is that of ten minutes

interface Word { kind: "good" | "warning" | "bad" | "quiet"; text: string; more: string }

/** The mesh in one line. The worst comes first. */
function word(): Word {
  const open = openOnes.value.filter((i) => i.verdict === "unhealthy"), s = summary.value, n = graph.value?.nodes.length;
  const loud = open.filter((i) => !i.muted), gaps = status.value?.telemetry.proxies_n ?? 0;
  if (link.value === "stale" || link.value === "lost")
    return { kind: "warning", text: "Not known now", more: "the daemon is not heard; below is what it said last" };
  if (status.value?.restoring) return { kind: "warning", text: "It has just started", more: "what came after its last checkpoint is being applied" };
  if (s && !s.tick) return { kind: "quiet", text: "No traffic has been heard yet", more: "what is normal is learned by itself, from the first second on" };
  if (loud.some((i) => i.severity === "critical"))
    return { kind: "bad", text: `${loud.length === 1 ? "An incident is" : `${loud.length} incidents are`} open`, more: "" };
  if (loud.length)
    return { kind: "warning", text: `${loud.length === 1 ? "An incident is" : `${loud.length} incidents are`} open`, more: "" };
  const told = n ? `${n} services are watched` : "";
  if (s && s.lag_s > SILENT_S) return { kind: "warning", text: "The mesh is not heard", more: `for ${span(s.lag_s)}` };
  if (open.length) return { kind: "quiet", text: "All that is wrong is muted", more: told };
  if (gaps) return { kind: "warning", text: "Nothing is wrong as far as is heard", more: `${gaps} proxies lose reports` };
  return { kind: "good", text: "The mesh is well", more: told };
}

function Headline() {
  const w = word(), ages = graph.value?.nodes.map((x) => x.age_s ?? 0) ?? [];
  const young = ages.filter((a) => a < LEARNED_S).length;
  return (
    <section class={`headline ${w.kind}`} aria-label="health of the mesh">
      <h1 aria-live="polite">{w.text}</h1>
      <p>{w.more}{young > 0 && <span> {w.more && "· "}<span class="learning">{young === ages.length ? "still learning" :
        `${young} of ${ages.length} services are still learned`}</span>: small changes show after ten minutes</span>}</p>
    </section>
  );
}

function Pulse() {
  const p = pulse.value.slice(-300), last = p.at(-1), from = last ? Date.parse(p[0]?.at ?? "") / 1000 : 0;
  if (!last) return <Empty title="No pulse yet">The first second of traffic begins it.</Empty>;
  const requests = p.map((x) => x.requests), errors = p.map((x) => x.errors);
  return (
    <div class="pulse">
      <Plot title={`Requests: ${rate(last.requests)}`} from={from} step={1} format={(v) => whole(v)} height={110}
        lines={[{ label: "requests / s", values: requests, color: "accent" }]} />
      <Plot title={`Errors: ${rate(last.errors)}${last.requests ? `, ${percent(last.errors / last.requests)}` : ""}`}
        from={from} step={1} format={(v) => v < 10 && v % 1 ? v.toFixed(1) : whole(v)} height={110} least={1}
        lines={[{ label: "errors / s", values: errors, color: "bad" }]} />
      <Plot title={`Latency: p99 ${last.latency_p99_ms == null ? "–" : millis(last.latency_p99_ms)}`} from={from} step={1}
        format={millis} height={110} least={1} lines={[
          { label: "p99", values: p.map((x) => x.latency_p99_ms), color: "warn" },
          { label: "mean", values: p.map((x) => x.latency_mean_ms), color: "good" }]} />
    </div>
  );
}

function Self() {
  const s = status.value, m = summary.value, ages = graph.value?.nodes.map((n) => n.age_s ?? 0) ?? [];
  if (!s) return null;
  const gaps = s.telemetry.proxies_n, oldest = Math.max(0, ...ages), learned = ages.filter((a) => a >= LEARNED_S).length;
  return (
    <dl class="tiles">
      <Tile title="Telemetry" value={gaps ? `${gaps} proxies lose reports` : s.tick.seq ? "complete" : "none yet"} kind={gaps ? "warning" : ""}
        more={gaps ? s.telemetry.proxies.slice(0, 3).map((g) => `${g.node ?? "a proxy"}: ${g.reason.replaceAll("_", " ")}`
          + (g.lost_share == null ? "" : `, ${percent(g.lost_share)} missing`)).join("; ") : `${s.streams} streams`} />
      <Tile title="Behind the clock" value={m?.tick ? span(m.lag_s) : "–"} kind={m?.tick && m.lag_s > 10 ? "warning" : ""}
        more="the newest tick" />
      <Tile title="Learned" value={ages.length ? `${learned} of ${ages.length} services` : "–"}
        more={ages.length ? `the oldest for ${span(oldest)}` : "nothing yet"} />
      <Tile title="Series" value={whole(s.series)} more={`of ${whole(s.series_max)} that fit`}
        kind={s.series > 0.9 * s.series_max ? "warning" : ""} />
      <Tile title="False alarms accepted" value={`${s.alerts_per_week} a week`} more="over all series together" />
      <Tile title="Storage" value={s.storage.problem ? "cannot be written" : s.storage.data_dir ? "on disk" : "memory only"}
        kind={s.storage.problem ? "warning" : ""} more={s.storage.problem ?? `${bytes(s.rss_bytes)} resident`} />
    </dl>
  );
}

function Connect() {
  return (
    <Empty title="How to connect a mesh">
      <p>Point the proxies' access log service at this daemon's gRPC port (4317 unless set otherwise): in Envoy
        an <code>envoy.access_loggers.http_grpc</code>, in Istio an extension provider <code>envoyHttpAls</code>. OTLP is taken there as well; traces, logs and metrics over HTTP at 4318.</p>
    </Empty>
  );
}

export function NowView() {
  useEffect(() => {
    const ask = () => void graphLoad().catch(() => undefined);
    ask();
    const timer = setInterval(ask, 10000);
    return () => clearInterval(timer);
  }, []);
  const open = openOnes.value, past = newest.value.filter((i) => i.ended_at).slice(0, 8);
  const nothing = summary.value?.tick === 0 && incidents.value.size === 0;
  return (
    <main id="main">
      <Headline />
      {nothing ? <Connect /> : null}
      <div class="columns">
        <div class="stack">
          <section aria-labelledby="h-open"><h2 id="h-open">Open incidents</h2>
            {!loaded.value ? <p class="soft">Loading…</p> : open.length ? open.map((i) => <IncidentRow key={i.id} incident={i} />) :
              <Empty title="Nothing is open">{nothing ? <p>There is nothing to watch yet.</p> : <p>Foreshock is watching.</p>}</Empty>}
          </section>
          <section aria-labelledby="h-past"><h2 id="h-past">Over lately</h2>
            {past.length ? past.map((i) => <IncidentRow key={i.id} incident={i} />) : <p class="soft">No incident has ended.</p>}
          </section>
        </div>
        <div class="stack">
          <section aria-labelledby="h-pulse"><h2 id="h-pulse">Pulse <small>of the mesh, each second</small></h2><Pulse /></section>
          <section aria-labelledby="h-changes"><h2 id="h-changes">Changed lately</h2>
            {changes.value.length ? <ul class="changes">{changes.value.slice(0, 8).map((c) =>
              <ChangeRow key={c.at + c.summary + nameOf(c.entity)} change={c} />)}</ul> :
              <p class="soft">No change was told (POST /api/v1/changes) or seen.</p>}
          </section>
        </div>
      </div>
      <section aria-labelledby="h-self"><h2 id="h-self">How well this is known</h2><Self /></section>
    </main>
  );
}
