// Why: the causes, how the trouble reaches users, and where the time of a slow request goes.
import type { Gauge, Graph, Hop, Incident, Spent } from "./api";
import { graph } from "./live";
import { MapDraw } from "./map_draw";
import { around, collapse, type Drawn } from "./map_model";
import { EntityLink } from "./parts";
import { exploreLink, mapLink } from "./route";
import { callerOf, clock, idOf, millis, nameOf, placeOf, sampled, signalText } from "./words";

export function Causes({ i }: { i: Incident }) {
  if (!i.root_causes.length) return <p>No culprit could be named.</p>;
  return (
    <>
      <ol class="causes">{i.root_causes.map((c) => <li key={nameOf(c.entity) + c.signal}>
        <span class="score"><meter min={0} max={1} value={c.score} aria-hidden="true" />score {c.score.toFixed(2)}</span>
        <EntityLink entity={c.entity} /> <span class="tag">{signalText(c.signal)}</span>
        <ul class="evidence">{c.evidence.split("; ").map((e) => <li key={e}>{e}</li>)}</ul></li>)}</ol>
      {i.refuted_by && <p class="refute"><strong>What would speak against it:</strong> {i.refuted_by}.</p>}
    </>
  );
}

/** Culprit and affected services, and the calls between them. */
function chainOf(i: Incident, g: Graph): Drawn {
  const all = [...i.root_causes.slice(0, 3).map((c) => c.entity), ...i.affected, ...(i.chain ?? []).flatMap((h) => [h.from, h.to])];
  const ids = new Set(all.flatMap((e) => [idOf(e), callerOf(e)]).filter(Boolean));
  if (ids.size < 2 && ids.size > 0) around(g.edges, [...ids][0] ?? "", 1).forEach((id) => ids.add(id));
  return collapse(g, "none", new Set(), ids,
    { culprits: new Set(all.slice(0, 1).map(idOf)), affected: new Set(i.affected.map(idOf)) });
}

export function Chain({ i }: { i: Incident }) {
  const g = graph.value, cause = i.root_causes[0];
  const culprit = cause ? idOf(cause.entity) : null;
  if (!g) return null;
  const drawn = chainOf(i, g);
  if (!drawn.nodes.length) return <p class="soft">These services are not on the map any more.</p>;
  return <MapDraw drawn={drawn} chosen={null} fixed name="culprit and affected services"
    pick={(n) => { location.hash = n.id === culprit ? mapLink(n.id) : n.node ? exploreLink(n.node.entity) : "#/map"; }} />;
}

/** From users down to the cause, a call a row, by the word of who calls. */
export function Hops({ hops }: { hops: Hop[] }) {
  if (!hops.length) return null;
  return (
    <ol class="hops">{hops.map((h) => <li key={nameOf(h.from) + nameOf(h.to)}>
      <span><EntityLink entity={h.from} /> <span aria-label="calls">→</span> <EntityLink entity={h.to} /></span>
      <span class="soft">{h.evidence}{h.quiet && <> · {nameOf(h.to)} itself raised no alarm</>}</span></li>)}</ol>
  );
}

const most = (t: Spent) => t.stages.map((s) => s.now_ms - s.normal_ms).reduce((a, b) => a + Math.max(0, b), 0);

function said(t: Spent): string {
  const from = t.edge.caller ?? "who calls", to = t.edge.service ?? "it", all = most(t);
  const place = t.stages.find((s) => s.place === t.place);
  if (!place) return `No single place holds most of what requests from ${from} to ${to} take longer.`;
  return `Requests from ${from} to ${to} take ${millis(all)} longer than normal, `
    + `${millis(Math.max(0, place.now_ms - place.normal_ms))} of it in ${placeOf(t.place).text}: ${placeOf(t.place).what}.`;
}

/** One request, its places one after another from left to right; what is more than normal stands out. */
export function Time({ t }: { t: Spent }) {
  const whole = Math.max(1e-6, t.stages.reduce((sum, s) => sum + Math.max(s.now_ms, s.normal_ms), 0));
  let at = 0;
  return (
    <>
      <p>{said(t)}</p>
      <div class="scroll" tabIndex={0} role="group" aria-label="places of the time"><table class="spent">
        <thead><tr><th scope="col">Place</th><th scope="col">Normal</th><th scope="col">Now</th><th scope="col">One request, from left to right</th></tr></thead>
        <tbody>{t.stages.map((s) => {
          const from = 100 * at / whole, usual = 100 * Math.min(s.now_ms, s.normal_ms) / whole, more = 100 * Math.max(0, s.now_ms - s.normal_ms) / whole;
          at += Math.max(s.now_ms, s.normal_ms);
          return (
            <tr key={s.place} class={s.place === t.place ? "named" : ""}><th scope="row">{placeOf(s.place).text}</th>
              <td>{millis(Math.max(0, s.normal_ms))}</td><td>{millis(Math.max(0, s.now_ms))}</td>
              <td aria-hidden="true"><span class="lane">{usual > 0 && <i style={{ left: `${from}%`, width: `${usual}%` }} />}
                {more > 0 && <b style={{ left: `${from + usual}%`, width: `${more}%` }} />}</span></td></tr>);
        })}</tbody></table></div>
    </>
  );
}

/** Witnesses: what the culprit's services had too much or too little of, and what they never logged before. */
export function Gauges({ all }: { all: Gauge[] }) {
  return (
    <div class="scroll" tabIndex={0} role="group" aria-label="numbers and lines that were not as usual"><table class="gauges"><thead><tr><th>Of</th><th>What</th><th>At its furthest</th><th>Usually</th><th>Since</th></tr></thead>
      <tbody>{all.map((g) => <tr key={JSON.stringify(g.entity) + g.metric + g.part + g.line}>
        <td><EntityLink entity={g.entity} /></td>
        {g.new ? <td colSpan={3}>logs what it never did before: <code>{g.line}</code></td> : <>
          <td><code>{g.metric}</code>{g.part && <span class="soft"> {g.part}</span>}{g.line && <><br /><code>{g.line}</code></>}</td>
          <td>{sampled(g.value, g.unit)}</td>
          <td class="soft">{g.usual[0] === g.usual[1] ? sampled(g.usual[0], g.unit)
            : `${sampled(g.usual[0], g.unit)} to ${sampled(g.usual[1], g.unit)}`}</td></>}
        <td><time dateTime={g.since}>{clock(g.since)}</time></td>
      </tr>)}</tbody></table></div>
  );
}
