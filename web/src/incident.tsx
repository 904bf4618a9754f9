// One incident: what, who, since when, how sure; and what to do about it. As a postmortem page it is laid out for paper.
import { useEffect, useState } from "preact/hooks";
import { get, Refused, type Entity, type Incident } from "./api";
import { Actions, Share, TakeAway } from "./incident_act";
import { Numbers, Plots } from "./incident_seen";
import { Causes, Chain, Gauges, Hops, Time } from "./incident_why";
import { graphLoad, heardAt, incidents, now } from "./live";
import { Badge, Copy, EntityLink, Failed, Tile } from "./parts";
import { incidentLink, paper, route } from "./route";
import { clock, failedText, hurtShare, moment, nameOf, percent, seconds, span, whole } from "./words";

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
      {paper.value && <p class="onpaper"><strong>Postmortem of an incident</strong> <span class="soft">as known at {clock(new Date(now.value).toISOString())}</span>
        <TakeAway id={i.id} /></p>}
      <header class={`story ${i.ended_at ? "over" : i.verdict === "expected" ? "expected" : i.severity}`}>
        <p class="soft"><Badge incident={i} /> <span class="tag">{i.kind}</span> {i.ended_at ? `was open for ${span(seconds(i.started_at, i.ended_at))}`
          : `open for ${span(seconds(i.started_at, now.value))}`} · since {clock(i.started_at)}</p>
        <h1>{i.summary}</h1>
        <Actions i={i} /><Share i={i} />
      </header>
      {i.merged_into && <p class="note">It turned out to be a part of <a href={incidentLink(i.merged_into)}>another incident</a>.</p>}
      {i.telemetry !== "complete" && <p class="note">Telemetry was {i.telemetry}. Traffic that is missing there is not taken for a fault.</p>}
      <dl class="tiles">
        <Tile title="Impact" value={failedText(i)} more={hurtShare(i)} />
        <Tile title="Confidence" value={percent(Math.round(100 * i.confidence) / 100)} more="that the cause named first is right" />
        <Tile title="Found after" value={span(seconds(i.started_at, i.detected_at))} more={`at ${clock(i.detected_at)}`} />
        {(i.occurrences ?? 1) > 1 && <Tile title="Occurrences" value={whole(i.occurrences ?? 1)} />}
      </dl>
      <div class="columns">
        <section><h2>Most likely cause</h2><Causes i={i} /></section>
        <div><Entities title="Affected" all={i.affected} /><Entities title="Not affected" all={i.not_affected} /></div>
      </div>
      <section><h2>How it reaches users</h2><Chain i={i} /><Hops hops={i.chain ?? []} /></section>
      {i.time?.stages.length ? <section><h2>Where the time went <small>{nameOf(i.time.edge)}</small></h2><Time t={i.time} /></section> : null}
      {i.gauges?.length ? <section><h2>What else was not as usual <small>evidence, pages nobody by itself</small></h2><Gauges all={i.gauges} /></section> : null}
      <section><h2>Seen against normal life</h2><Plots i={i} /></section>
      {i.finding && <section><h2>In numbers <small>{nameOf(i.finding.entity)}</small></h2><Numbers f={i.finding} /></section>}
      <div class="columns">
        <section><h2>What happened when</h2><ol class="timeline">{timelineOf(i).map((r) => <li key={r.at + r.text} class={r.kind}>
          <time dateTime={r.at}>{clock(r.at)}</time> {r.text}</li>)}</ol></section>
        <Exemplars i={i} />
      </div>
      {paper.value && <section><h2>What is done so that it does not come back</h2><ol class="blanks">{[1, 2, 3].map((k) => <li key={k} />)}</ol></section>}
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

