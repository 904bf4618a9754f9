// One incident: what, who, since when, how sure; and what to do about it. Printed, it is the beginning of a postmortem.
import { useEffect, useState } from "preact/hooks";
import {
  get, post, Refused, type Entity, type Finding, type Graph, type Incident, type Normal, type Points, type Series,
} from "./api";
import { graph, graphLoad, heardAt, incidents, now } from "./live";
import { MapDraw } from "./map_draw";
import { around, collapse, type Drawn } from "./map_model";
import { Badge, Copy, EntityLink, Failed, Tile } from "./parts";
import { Plot, type Mark } from "./plot";
import { exploreLink, mapLink, route } from "./route";
import { callerOf, clock, effectOf, failedText, idOf, measure, millis, moment, nameOf, percent, seconds, signalText, span,
  whole } from "./words";

const OPERATOR = "foreshock-operator";
const operator = (): string => {
  try {
    return localStorage.getItem(OPERATOR) ?? "";
  } catch {
    return "";
  }
};

const ACTIONS = [
  { verb: "ack", text: "Acknowledge", what: "somebody takes care", done: "acknowledged" },
  { verb: "mute", text: "Mute", what: "it pages nobody any more", done: "muted" },
  { verb: "expect", text: "Mark as expected", what: "it is meant: its level is learned as normal", done: "marked as expected" },
] as const;

function Actions({ i }: { i: Incident }) {
  const [said, say] = useState(""), [who, setWho] = useState(operator()), [sure, setSure] = useState("");
  const isDone: Record<string, boolean> = { ack: i.acked, mute: i.muted === true, expect: i.verdict === "expected" };
  const act = async (a: (typeof ACTIONS)[number]) => {
    if (a.verb === "expect" && sure !== a.verb) {
      setSure(a.verb);
      return;
    }
    setSure("");
    say(`${a.text}…`);
    await post(`/api/v1/incidents/${i.id}/${a.verb}`, who ? { who } : {}).then(() => say(`${a.done}, from the next tick on`),
      (e: Error) => say(e instanceof Refused && e.status === 403 ? "Your token may read, not act." : `Not done: ${e.message}`));
  };
  if (i.ended_at) return null;
  return (
    <form class="actions noprint" aria-label="what to do" onSubmit={(e) => e.preventDefault()}>
      {ACTIONS.map((a) => <button key={a.verb} type="button" class={a.verb === "ack" && !i.acked ? "main" : ""} title={a.what}
        disabled={isDone[a.verb] ?? false} onClick={() => void act(a)}>
        {isDone[a.verb] ? `✓ ${a.done}` : sure === a.verb ? "Sure? It becomes the new normal" : a.text}</button>)}
      <label>as <input aria-label="your name" size={12} maxLength={128} placeholder="your name" value={who} autocomplete="name" onInput={(e) => {
        setWho(e.currentTarget.value);
        try {
          localStorage.setItem(OPERATOR, e.currentTarget.value);
        } catch { /* asked again */ }
      }} /></label>
      <span role="status" class="soft">{said}</span>
    </form>
  );
}

function Share({ i }: { i: Incident }) {
  const json = () => {
    const a = document.createElement("a");
    a.href = URL.createObjectURL(new Blob([JSON.stringify(i, null, 1)], { type: "application/json" }));
    a.download = `foreshock-${i.id}.json`;
    a.click();
    setTimeout(() => URL.revokeObjectURL(a.href), 10000);
  };
  return (
    <div class="share noprint">
      <Copy text={location.href} label="Copy link" />
      <button type="button" class="small" onClick={json}>Export JSON</button>
      <button type="button" class="small" onClick={() => print()}>Print as postmortem</button>
    </div>
  );
}

function Causes({ i }: { i: Incident }) {
  if (!i.root_causes.length) return <p>No culprit could be named.</p>;
  return (
    <ol class="causes">{i.root_causes.map((c) => <li key={nameOf(c.entity) + c.signal}>
      <span class="score"><meter min={0} max={1} value={c.score} aria-label="score" />{percent(c.score)}</span>
      <EntityLink entity={c.entity} /> <span class="tag">{signalText(c.signal)}</span>
      <div class="soft">{c.evidence}</div></li>)}</ol>
  );
}

/** Culprit and affected services, and the calls between them. */
function chainOf(i: Incident, g: Graph): Drawn {
  const all = [...i.root_causes.slice(0, 3).map((c) => c.entity), ...i.affected];
  const ids = new Set(all.flatMap((e) => [idOf(e), callerOf(e)]).filter(Boolean));
  if (ids.size < 2 && ids.size > 0) around(g.edges, [...ids][0] ?? "", 1).forEach((id) => ids.add(id));
  return collapse(g, "none", new Set(), ids,
    { culprits: new Set(all.slice(0, 1).map(idOf)), affected: new Set(i.affected.map(idOf)) });
}

function Chain({ i }: { i: Incident }) {
  const g = graph.value, cause = i.root_causes[0];
  const culprit = cause ? idOf(cause.entity) : null;
  if (!g) return null;
  const drawn = chainOf(i, g);
  if (!drawn.nodes.length) return <p class="soft">These services are not on the map any more.</p>;
  return <MapDraw drawn={drawn} chosen={null} fixed name="culprit and affected services"
    pick={(n) => { location.hash = n.id === culprit ? mapLink(n.id) : n.node ? exploreLink(n.node.entity) : "#/map"; }} />;
}

function Numbers({ f }: { f: Finding }) {
  const per = (v: number) => measure(f.unit, v);
  return (
    <dl class="tiles">
      <Tile title={`Since ${moment(f.onset)}`} value={per(f.observed)} more={signalText(f.signal)} />
      <Tile title="Normal" value={per(f.baseline)} more={f.baseline_sd ? `± ${per(f.baseline_sd)}` : ""} />
      <Tile title="Difference" value={effectOf(f)} />
      <Tile title="Learned from" value={`${whole(f.baseline_requests)} requests`} more={`in ${span(f.baseline_age_s)}`} />
      <Tile title="Evidence" value={`e^${f.log_e.toFixed(1)}`} more={`asked for: e^${f.threshold.toFixed(1)}`} />
    </dl>
  );
}

interface Times { marks: Mark[]; ill: [number, number] }
function timesOf(i: Incident): Times {
  const at = (t: string) => Date.parse(t) / 1000, onset = at(i.finding?.onset ?? i.started_at);
  const marks = [{ at: onset, text: `onset ${moment(i.finding?.onset ?? i.started_at)}` }];
  if (i.ended_at) marks.push({ at: at(i.ended_at), text: `over ${moment(i.ended_at)}` });
  return { marks, ill: [onset, i.ended_at ? at(i.ended_at) : Number.MAX_SAFE_INTEGER] };
}

const KINDS: Record<string, "requests" | "errors" | "latency"> = {
  latency: "latency", traffic: "requests", errors: "errors", saturation: "errors", security: "requests", change: "requests" };

function SeriesPlot({ s, what, times }: { s: Series & { points: Points }; what: "requests" | "errors" | "latency"; times?: Times }) {
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

export { SeriesPlot };

function Plots({ i }: { i: Incident }) {
  const times = timesOf(i), what = KINDS[i.kind] ?? "errors", f = i.finding, frozen = i.plot;
  const live = (i.series ?? []).filter((s): s is Series & { points: Points } => !!s.points && s.points.requests_per_s.some((v) => v != null));
  return (
    <>
      {f && frozen && frozen.values.some((v) => v != null) && <div class="wideplot"><h3>{nameOf(f.entity)}: {signalText(f.signal)}</h3>
        <Plot title={`${signalText(f.signal)}, ${frozen.step_s} s a point, as kept with the incident`} step={frozen.step_s}
          {...(f.unit === "share" ? { top: 1 } : {})} from={Date.parse(frozen.from) / 1000} format={(v) => measure(f.unit, v)} band={frozen.band} marks={times.marks}
          ill={times.ill} lines={[{ label: "seen", values: frozen.values, color: "ink" }]} /></div>}
      <div class="plots">{live.map((s) => <div key={nameOf(s.entity) + s.level + s.side}><h3><EntityLink entity={s.entity} /></h3>
        <SeriesPlot s={s} what={what} times={times} /></div>)}</div>
      {!live.length && !frozen && <p class="soft">The seconds of this time are not kept any more.</p>}
      <p class="soft">Shaded: normal life, three standard deviations either way; tinted: the incident.</p>
    </>
  );
}

interface Row { at: string; text: string; kind: string }
function timelineOf(i: Incident): Row[] {
  const rows: Row[] = [
    ...i.changes.map((c) => ({ at: c.at, kind: "change", text: `${c.kind}: ${c.summary} (${nameOf(c.entity)}, says ${c.source})` })),
    { at: i.started_at, kind: "onset", text: "it began" },
    { at: i.detected_at, kind: "found", text: `found, ${span(seconds(i.started_at, i.detected_at))} after it began` },
    ...(i.decisions ?? []).map((d) => ({ at: d.at, kind: "decided", text: d.text })),
    ...(i.recurrences ?? []).flatMap((r) => [{ at: r.started_at, kind: "again", text: "it came back" },
      ...(r.ended_at ? [{ at: r.ended_at, kind: "over", text: "and ceased" }] : [])]),
    ...(i.ended_at ? [{ at: i.ended_at, kind: "over", text: "it is over" }] : []),
  ];
  return rows.sort((a, b) => a.at < b.at ? -1 : 1);
}

function Entities({ title, all }: { title: string; all: Entity[] }) {
  if (!all.length) return null;
  return <section><h2>{title}</h2><ul class="entities">{all.map((e) => <li key={JSON.stringify(e)}><EntityLink entity={e} /></li>)}</ul></section>;
}

function Exemplars({ i }: { i: Incident }) {
  if (!i.exemplars.length) return null;
  return (
    <section><h2>Requests to look at</h2><ul class="exemplars">{i.exemplars.map((x) => <li key={x.request_id + x.at}>
      <time dateTime={x.at}>{moment(x.at)}</time> <code>{x.request_id}</code> <Copy text={x.request_id} label="Copy" />
      {x.trace_id && <> <span class="soft">trace</span> <code>{x.trace_id}</code> <Copy text={x.trace_id} label="Copy trace" /></>}
    </li>)}</ul></section>
  );
}

function Story({ i }: { i: Incident }) {
  return (
    <>
      <header class={`story ${i.ended_at ? "over" : i.verdict === "expected" ? "expected" : i.severity}`}>
        <p><Badge incident={i} /> <span class="tag">{i.kind}</span> {i.ended_at ? `was open for ${span(seconds(i.started_at, i.ended_at))}`
          : `open for ${span(seconds(i.started_at, now.value))}`} · since {clock(i.started_at)}</p>
        <h1>{i.summary}</h1>
        <Actions i={i} /><Share i={i} />
      </header>
      {i.merged_into && <p class="note">It turned out to be a part of <a href={`#/incident/${i.merged_into}`}>another incident</a>.</p>}
      {i.telemetry !== "complete" && <p class="note">Telemetry was {i.telemetry}. Traffic that is missing there is not taken for a fault.</p>}
      <dl class="tiles">
        <Tile title="Impact" value={failedText(i)} />
        <Tile title="Confidence" value={percent(i.confidence)} />
        <Tile title="Found after" value={span(seconds(i.started_at, i.detected_at))} />
        {(i.occurrences ?? 1) > 1 && <Tile title="Occurrences" value={whole(i.occurrences ?? 1)} />}
      </dl>
      <div class="columns">
        <section><h2>Most likely cause</h2><Causes i={i} /></section>
        <section><h2>Where in the mesh</h2><Chain i={i} /></section>
      </div>
      <section><h2>Seen against normal life</h2><Plots i={i} /></section>
      {i.finding && <section><h2>In numbers <small>{nameOf(i.finding.entity)}</small></h2><Numbers f={i.finding} /></section>}
      <div class="columns">
        <section><h2>What happened when</h2><ol class="timeline">{timelineOf(i).map((r) => <li key={r.at + r.text} class={r.kind}>
          <time dateTime={r.at}>{clock(r.at)}</time> {r.text}</li>)}</ol></section>
        <Exemplars i={i} />
        <Entities title="Affected" all={i.affected} />
        <Entities title="Not affected" all={i.not_affected} />
      </div>
      <p class="soft">Incident <code>{i.id}</code>, state {i.rev}</p>
    </>
  );
}

export function IncidentView() {
  const id = route.value.id, known = incidents.value.get(id), [full, set] = useState<Incident | null>(null), [wrong, fail] = useState("");
  const ask = () => void get<Incident>(`/api/v1/incidents/${encodeURIComponent(id)}`).then((i) => { set(i); fail(""); },
    (e: Error) => fail(e instanceof Refused && e.status === 404 ? "No incident with this id is known." : e.message));
  useEffect(() => {
    set(null);
    ask();
    void graphLoad().catch(() => undefined);
    const timer = setInterval(() => { if (!incidents.value.get(id)?.ended_at && Date.now() - heardAt.value < 5000) ask(); }, 3000);
    return () => clearInterval(timer);
  }, [id]);
  const i = full && known && known.rev > full.rev ? { ...known, series: full.series ?? [] } : full ?? known;
  const muted = i && known ? { ...i, muted: i.muted === true || known.muted === true } : i;
  return <main id="main">{muted ? <Story i={muted} /> : wrong ? <Failed text={wrong} again={ask} /> : <p class="soft">Loading…</p>}
    {muted && wrong && <Failed text={`Its latest state cannot be had: ${wrong}`} again={ask} />}</main>;
}

