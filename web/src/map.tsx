// The map: services and who calls whom. A large mesh begins as closed groups; searching and focusing open what matters.
import { useEffect, useMemo, useState } from "preact/hooks";
import type { Graph, Node } from "./api";
import { marked, graph, graphLoad, openOnes } from "./live";
import { MapDraw } from "./map_draw";
import { around, collapse, groupOf, matches, type Grouping, type Shown } from "./map_model";
import { Empty, Failed, HealthDot, IncidentRow } from "./parts";
import { exploreLink, mapLink, route } from "./route";
import { idOf, callerOf, millis, percent, rate, whole } from "./words";

const CLOSED_FROM = 60, FAST_NODES = 300;

function Search({ g, chosen }: { g: Graph; chosen: string | null }) {
  const [text, set] = useState(""), found = matches(g.nodes, text, 12);
  const go = (n: Node) => {
    set("");
    location.hash = mapLink(n.id);
  };
  return (
    <form class="search" role="search" onSubmit={(e) => { e.preventDefault(); if (found[0]) go(found[0]); }}>
      <label><span class="hidden">Find a service</span>
        <input id="find" type="search" placeholder="Find a service ( / )" value={text} autocomplete="off"
          onInput={(e) => set(e.currentTarget.value)} aria-controls={text ? "found" : undefined} /></label>
      {text && <ul id="found">{found.map((n) => <li key={n.id}><button type="button" onClick={() => go(n)}>
        <HealthDot health={n.health} /> {n.id}</button></li>)}{!found.length && <li class="soft">no service like that</li>}</ul>}
      {chosen && <a class="button" href="#/map">Whole mesh</a>}
    </form>
  );
}

function Neighbours({ title, ids }: { title: string; ids: { id: string; rate: number }[] }) {
  if (!ids.length) return null;
  const sorted = ids.sort((a, b) => b.rate - a.rate);
  return <><h3>{title}</h3><ul class="near">{sorted.slice(0, 12).map((x) =>
    <li key={x.id}><a href={mapLink(x.id)}>{x.id}</a> <span class="soft">{rate(x.rate)}</span></li>)}
  {sorted.length > 12 && <li class="soft">and {sorted.length - 12} more</li>}</ul></>;
}

function Panel({ g, n }: { g: Graph; n: Node }) {
  const flow = (e: { requests_per_s?: number }) => e.requests_per_s ?? 0;
  const about = openOnes.value.filter((i) => [...i.root_causes.map((c) => c.entity), ...i.affected]
    .some((e) => idOf(e) === n.id || callerOf(e) === n.id));
  return (
    <aside class="panel" aria-label={n.id}>
      <h2><HealthDot health={n.health} /> {n.entity.service ?? n.id}</h2>
      <p class="soft">{n.entity.namespace}{n.clusters.length ? ` · ${n.clusters.map((c) => c.cluster).join(", ")}` : ""}</p>
      {n.requests_per_s === undefined ? <p class="soft">Known by name only: it reports nothing itself.</p> : <dl class="facts">
        <dt>Requests</dt><dd>{rate(n.requests_per_s)} <small>usually {rate(n.learned_requests_per_s ?? 0)}</small></dd>
        <dt>Failing</dt><dd>{percent(n.requests_per_s ? (n.errors_per_s ?? 0) / n.requests_per_s : 0)}
          <small> usually {percent(n.learned_error_ratio ?? 0)}</small></dd>
        <dt>Mean latency</dt><dd>{millis(n.latency_mean_ms ?? 0)} <small>usually {millis(n.learned_latency_mean_ms ?? 0)}</small></dd>
      </dl>}
      <p><a class="button" href={exploreLink(n.entity)}>Explore</a></p>
      {about.map((i) => <IncidentRow key={i.id} incident={i} />)}
      <Neighbours title="Called by" ids={g.edges.filter((e) => e.target === n.id).map((e) => ({ id: e.source, rate: flow(e) }))} />
      <Neighbours title="Calls" ids={g.edges.filter((e) => e.source === n.id).map((e) => ({ id: e.target, rate: flow(e) }))} />
    </aside>
  );
}

/** By namespace where there are some, else by cluster; small meshes are shown as they are. */
function groupingOf(g: Graph): Grouping {
  if (g.nodes.length < CLOSED_FROM) return "none";
  return new Set(g.nodes.map((n) => groupOf(n, "namespace"))).size > 2 ? "namespace" : "cluster";
}

function Tools({ by, set, steps, setSteps, focus, openAll, g }: {
  by: Grouping; set: (g: Grouping) => void; steps: number; setSteps: (n: number) => void; focus: string; openAll: () => void;
  g: Graph;
}) {
  return (
    <div class="tools">
      <Search g={g} chosen={focus || null} />
      {focus ? <label>Calls away <select value={steps} onChange={(e) => setSteps(Number(e.currentTarget.value))}>
        {[1, 2, 3, 4].map((k) => <option key={k} value={k}>{k}</option>)}</select></label> :
        <label>Group by <select id="group" value={by} onChange={(e) => set(e.currentTarget.value as Grouping)}>
          {["none", "namespace", "cluster", "region"].map((k) => <option key={k} value={k}>{k}</option>)}</select></label>}
      {!focus && by !== "none" && <button type="button" onClick={openAll}>Open all</button>}
      <span class="soft">{whole(g.nodes.length)} services, {whole(g.edges.length)} edges{g.cut ? ", more are not shown" : ""}</span>
    </div>
  );
}

function Whole({ g }: { g: Graph }) {
  const focus = route.value.query.get("focus") ?? "", [chosenBy, setBy] = useState<Grouping | null>(null);
  const by = chosenBy ?? groupingOf(g), [open, setOpen] = useState<ReadonlySet<string>>(new Set()), [steps, setSteps] = useState(1);
  const center = g.nodes.find((n) => n.id === focus);
  const drawn = useMemo(() => collapse(g, by, open, center ? around(g.edges, center.id, steps) : null,
    marked.value), [g, by, open, focus, steps, marked.value]);
  const pick = (n: Shown) => {
    if (n.group) setOpen(new Set([...open, n.label]));
    else location.hash = mapLink(n.id);
  };
  return (
    <>
      <Tools by={by} set={(b) => { setBy(b); setOpen(new Set()); }} steps={steps} setSteps={setSteps} focus={focus} g={g}
        openAll={() => setOpen(new Set(g.nodes.map((n) => groupOf(n, by))))} />
      <div class={`mapbox ${center ? "with" : ""}`}>
        <MapDraw drawn={drawn} chosen={center ? center.id : null} pick={pick} name="map of the mesh; arrow keys move it, + and - zoom" />
        {center ? <Panel g={g} n={center} /> : null}
      </div>
      {focus && !center && <Failed text={`No service ${focus} is known (any more).`} />}
      <p class="legend soft"><HealthDot health="ok" /> ok <HealthDot health="alarming" /> alarming <span class="dot affected" aria-hidden="true">△</span> affected
        <HealthDot health="learning" /> learning <HealthDot health="unknown" /> reports nothing itself · width of a line: requests a second</p>
    </>
  );
}

export function MapView() {
  const [wrong, set] = useState(""), slow = (graph.value?.nodes.length ?? 0) > FAST_NODES;
  const ask = () => void graphLoad().then(() => set(""), (e: Error) => set(e.message));
  useEffect(() => {
    ask();
    const timer = setInterval(ask, slow ? 10000 : 2000);
    return () => clearInterval(timer);
  }, [slow]);
  const g = graph.value;
  return (
    <main id="main" class="wide"><h1>Map</h1>
      {wrong && !g ? <Failed text={`The map cannot be had: ${wrong}`} again={ask} /> : !g ? <p class="soft">Loading…</p> :
        g.nodes.length ? <Whole g={g} /> : <Empty title="No service is known yet"><p>Traffic draws the map.</p></Empty>}
    </main>
  );
}
