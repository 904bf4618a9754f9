// Any service, pod, route, edge or version: its signals against what is normal for it, and its siblings side by side.
import { useEffect, useState } from "preact/hooks";
import { get, seriesPath, type Entity, type Normal, type Points, type Series } from "./api";
import { graph, graphLoad } from "./live";
import { matches } from "./map_model";
import { SeriesPlot } from "./incident_seen";
import { Empty, Failed, HealthDot, Tile } from "./parts";
import { Spark } from "./plot";
import { exploreLink, mapLink, route } from "./route";
import { digits, idOf, millis, nameOf, percent, rate, span } from "./words";

type Plotted = Series & { points: Points };
/** What it is called, seconds of it, of a point of its plots, of a point of its siblings' small ones. */
const WINDOWS = [["5 min", 300, 1, 10], ["15 min", 900, 5, 30]] as const;
const SIBLINGS = [["pod", "Pods"], ["version", "Versions"], ["route", "Routes"], ["edge", "Callers"], ["cluster", "Clusters"]] as const;

const askSeries = (entity: Entity, window: number, step: number): Promise<{ series: Series[]; cut: boolean }> =>
  get(seriesPath(entity, { step: String(step), from: new Date(Date.now() - window * 1000).toISOString() }));

/** The one that speaks for the entity: told by servers before callers, the whole before a part. */
function speaker(all: Series[], e: Entity): Plotted | undefined {
  const parts = (s: Series) => Object.keys(s.entity).length - Object.keys(e).length;
  return all.filter((s): s is Plotted => !!s.points).sort((a, b) => parts(a) - parts(b) || (a.side < b.side ? 1 : -1))[0];
}

function Smallest({ n }: { n: Normal }) {
  const s = n.smallest;
  return (
    <dl class="tiles">
      <Tile title="Failures" value={s.error_ratio == null ? "none would show" : `from ${percent(Math.min(1, s.error_ratio))}`} />
      <Tile title="Slower" value={s.slower == null ? "none would show" : `from ${digits(s.slower, 3)} times`} />
      <Tile title="Fewer requests" value={s.fewer_requests == null ? "not even an outage would show" : `from ${percent(1 - s.fewer_requests)} less`} />
      <Tile title="More requests" value={s.more_requests == null ? "none would show" : `from ${digits(s.more_requests, 3)} times`} />
    </dl>
  );
}

function Whole({ s }: { s: Plotted }) {
  const now = s.requests_per_s ?? 0;
  return (
    <>
      <dl class="tiles">
        <Tile title="Requests" value={rate(now)} more={`usually ${rate(s.learned_requests_per_s ?? 0)}`} />
        <Tile title="Failing" value={percent(now ? (s.errors_per_s ?? 0) / now : 0)} more={`usually ${percent(s.learned_error_ratio ?? 0)}`} />
        <Tile title="Mean latency" value={millis(s.latency_mean_ms ?? 0)} more={`usually ${millis(s.learned_latency_mean_ms ?? 0)}`} />
        <Tile title="p99 learned" value={s.normal?.latency_p99_ms == null ? "–" : millis(s.normal.latency_p99_ms)} />
        <Tile title="Known for" value={span(s.age_s ?? 0)} more={`told by ${s.side === "client" ? "callers" : "servers"}`} />
      </dl>
      <div class="plots">{(["requests", "errors", "latency"] as const).map((w) => <SeriesPlot key={w} s={s} what={w} />)}</div>
      {s.normal && <section><h2>The smallest change that would show within a minute</h2><Smallest n={s.normal} /></section>}
    </>
  );
}

const same = (a: Entity, b: Entity): boolean => JSON.stringify(Object.entries(a).sort()) === JSON.stringify(Object.entries(b).sort());

/** One row an entity: the serving side's word where both speak. */
function rowsOf(all: Series[]): Plotted[] {
  const rows: Plotted[] = [];
  for (const s of all) {
    if (!s.points) continue;
    const k = rows.findIndex((r) => same(r.entity, s.entity));
    if (k < 0) rows.push(s as Plotted);
    else if (s.side === "server") rows[k] = s as Plotted;
  }
  return rows.sort((a, b) => Number(b.health === "alarming") - Number(a.health === "alarming") || (b.requests_per_s ?? 0) - (a.requests_per_s ?? 0));
}

const shareOf = (p: Points): (number | null)[] => p.requests_per_s.map((r, k) => r ? (p.errors_per_s[k] ?? 0) / r : null);

interface Column { values: (s: Plotted) => (number | null)[]; band: (n: Normal) => [number, number]; what: string }
const COLUMNS: Column[] = [
  { what: "requests", values: (s) => s.points.requests_per_s, band: (n) => n.requests_per_s },
  { what: "failures", values: (s) => shareOf(s.points), band: (n) => n.error_ratio },
  { what: "latency", values: (s) => s.points.latency_mean_ms, band: (n) => n.latency_mean_ms }];

/** The top of a column, the same for all of its rows, so that they can be compared by eye. */
function topOf(rows: Plotted[], c: Column): number {
  const all = rows.flatMap((s) => [...c.values(s).filter((v) => v != null), s.normal ? c.band(s.normal)[1] : 0]);
  return Math.max(c.what === "failures" ? 0.02 : 0, ...all);
}

function Siblings({ title, rows, cut, at }: { title: string; rows: Plotted[]; cut: boolean; at: Entity }) {
  if (!rows.length) return null;
  const tops = COLUMNS.map((c) => topOf(rows, c));
  const line = (s: Plotted, k: number) => {
    const c = COLUMNS[k];
    return c && <td><Spark values={c.values(s)} name={`${c.what} of ${nameOf(s.entity)}`} most={tops[k] ?? 0} band={s.normal && c.band(s.normal)} /></td>;
  };
  return (
    <section><h2>{title} <small>{rows.length}{cut ? " or more" : ""}</small></h2><div class="scroll" tabIndex={0} role="group" aria-label={title}><table>
      <thead><tr><th scope="col">Name</th><th scope="col" colSpan={2}>Requests</th><th scope="col" colSpan={2}>Failing</th>
        <th scope="col" colSpan={2}>Mean latency</th></tr></thead>
      <tbody>{rows.map((s) => {
        const r = s.requests_per_s ?? 0;
        return (
          <tr key={nameOf(s.entity) + s.level} class={same(s.entity, at) ? "here" : ""}><th scope="row"><HealthDot health={s.health ?? "unknown"} /> <a href={exploreLink(s.entity)}>{nameOf(s.entity)}</a></th>
            <td>{rate(r)}</td>{line(s, 0)}<td>{percent(r ? (s.errors_per_s ?? 0) / r : 0)}</td>{line(s, 1)}<td>{millis(s.latency_mean_ms ?? 0)}</td>{line(s, 2)}</tr>);
      })}</tbody></table></div></section>
  );
}

interface Got { own: Plotted | undefined; siblings: Record<string, { rows: Plotted[]; cut: boolean }> }

/** Siblings are the parts of the service; of an edge, the edges into the same service. */
async function load(e: Entity, window: number, step: number, coarse: number): Promise<Got> {
  const service: Entity = { kind: "service", ...(e.namespace ? { namespace: e.namespace } : {}), ...(e.service ? { service: e.service } : {}) };
  const kinds = e.service ? SIBLINGS : [];
  const [own, ...rest] = await Promise.all([askSeries(e, window, step),
    ...kinds.map(([kind]) => askSeries(kind === "cluster" ? service : { ...service, kind }, window, coarse))]);
  const siblings: Got["siblings"] = {};
  kinds.forEach(([kind], k) => {
    const got = rest[k], rows = rowsOf(got?.series ?? []);
    siblings[kind] = { cut: got?.cut ?? false, rows: rows.filter((r) => kind === "cluster" ? r.level === "service_cluster" :
      kind === "edge" ? r.level === "edge" : kind === "route" ? r.level === "route" : true) };
  });
  return { own: speaker(own.series, e), siblings };
}

function entityOf(q: URLSearchParams): Entity | null {
  const e = Object.fromEntries(q) as Entity;
  return e.kind ? e : null;
}

function Picker() {
  const [text, set] = useState(""), g = graph.value;
  if (!g) return <p class="soft">Loading…</p>;
  const found = text ? matches(g.nodes, text, 60) : [...g.nodes].sort((a, b) =>
    Number(b.health === "alarming") - Number(a.health === "alarming") || (b.requests_per_s ?? 0) - (a.requests_per_s ?? 0)).slice(0, 60);
  return (
    <>
      <p class="finder"><label>Which service? <input id="find" type="search" value={text} placeholder="Find a service ( / )" autocomplete="off" onInput={(e) => set(e.currentTarget.value)} /></label>
        {" "}<a class="button" href={exploreLink({ kind: "mesh" })}>The whole mesh</a></p>
      {found.length ? <ul class="picks">{found.map((n) => <li key={n.id}><a href={exploreLink(n.entity)}><HealthDot health={n.health} />
        <strong>{n.id}</strong> <span class="soft">{n.requests_per_s === undefined ? "reports nothing itself" : rate(n.requests_per_s)}</span></a></li>)}</ul> :
        <Empty title={text ? "No service like that" : "No service is known yet"} />}
    </>
  );
}

function Explored({ e }: { e: Entity }) {
  const [got, set] = useState<Got | null>(null), [wrong, fail] = useState(""), [w, setW] = useState(0);
  const [, window, step, coarse] = WINDOWS[w] ?? WINDOWS[0];
  const ask = () => void load(e, window, step, coarse).then((g) => { set(g); fail(""); }, (x: Error) => fail(x.message));
  useEffect(() => {
    ask();
    const timer = setInterval(ask, 3000);
    return () => clearInterval(timer);
  }, [JSON.stringify(e), w]);
  const service = idOf(e);
  return (
    <>
      <p class="crumbs"><a href="#/explore">All services</a>{e.kind !== "service" && e.service && <> › <a href={exploreLink({ kind: "service",
        ...(e.namespace ? { namespace: e.namespace } : {}), service: e.service })}>{service}</a></>} › {e.kind}</p>
      <div class="headrow"><h1>{got?.own?.health && <HealthDot health={got.own.health} />} {nameOf(e)}</h1>
        <span class="switch" role="group" aria-label="time">{WINDOWS.map(([text], k) =>
          <button key={text} type="button" aria-pressed={k === w} onClick={() => setW(k)}>{text}</button>)}</span>
        {e.service && <a class="button" href={mapLink(service)}>On the map</a>}</div>
      {wrong && <Failed text={`This cannot be had: ${wrong}`} again={ask} />}
      {!got ? !wrong && <p class="soft">Loading…</p> : got.own ? <Whole s={got.own} /> :
        <Empty title="Nothing is kept of it"><p>It had no request in the last minutes, or more important series took its room.</p></Empty>}
      {got && e.service && <p class="soft">Below: its parts side by side, each column on one scale; shaded: what is normal for each.</p>}
      {got && SIBLINGS.map(([kind, title]) => <Siblings key={kind} title={title} rows={got.siblings[kind]?.rows ?? []}
        cut={got.siblings[kind]?.cut ?? false} at={e} />)}
    </>
  );
}

export function ExploreView() {
  const e = entityOf(route.value.query);
  useEffect(() => { void graphLoad().catch(() => undefined); }, []);
  return <main id="main" class="wide">{e ? <Explored key={JSON.stringify(e)} e={e} /> : <><h1>Explore</h1><Picker /></>}</main>;
}
