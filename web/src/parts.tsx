// Small pieces that several views share.
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import type { Change, Entity, Health, Incident } from "./api";
import { now } from "./live";
import { exploreLink, incidentLink } from "./route";
import { badgeOf, clock, culpritOf, failedText, nameOf, seconds, span } from "./words";

export function Badge({ incident: i }: { incident: Incident }) {
  const b = badgeOf(i);
  return <span class={`badge ${b}`}>{b}{i.acked ? " ✓" : ""}{i.muted ? " · muted" : ""}</span>;
}

const SIGN: Record<Health, string> = { ok: "●", alarming: "▲", learning: "◌", unknown: "○" };
export function HealthDot({ health }: { health: Health }) {
  return <span class={`dot ${health}`} title={health}><span aria-hidden="true">{SIGN[health]}</span>
    <span class="hidden">{health}</span></span>;
}

export function EntityLink({ entity }: { entity: Entity }) {
  return <a href={exploreLink(entity)}>{nameOf(entity)}</a>;
}

export function IncidentRow({ incident: i }: { incident: Incident }) {
  return (
    <a class={`incident ${i.ended_at ? "over" : badgeOf(i)}`} href={incidentLink(i.id)}>
      <span class="head"><Badge incident={i} /><strong>{culpritOf(i)}</strong><span class="age">
        {i.ended_at ? `lasted ${span(seconds(i.started_at, i.ended_at))}` : `for ${span(seconds(i.started_at, now.value))}`}
      </span></span>
      <span class="sentence">{i.summary}</span>
      <span class="foot">{failedText(i)} · since {clock(i.started_at)}{i.ended_at ? ` until ${clock(i.ended_at)}` : ""}
        {(i.occurrences ?? 1) > 1 ? ` · came back ${(i.occurrences ?? 1) - 1} times` : ""}</span>
    </a>
  );
}

export function ChangeRow({ change: c }: { change: Change }) {
  return <li><time dateTime={c.at}>{clock(c.at)}</time> <span class="tag">{c.kind}</span> {c.summary}
    <span class="soft"> {nameOf(c.entity)}, says {c.source}</span></li>;
}

export function Empty({ title, children }: { title: string; children?: ComponentChildren }) {
  return <div class="empty"><strong>{title}</strong>{children}</div>;
}

export function Failed({ text, again }: { text: string; again?: () => void }) {
  return <div class="empty failed" role="alert"><strong>{text}</strong>
    {again && <button type="button" onClick={again}>Try again</button>}</div>;
}

export function Tile({ title, value, more, kind }: {
  title: string; value: ComponentChildren; more?: ComponentChildren; kind?: string;
}) {
  return <div class={`tile ${kind ?? ""}`}><dt>{title}</dt><dd>{value}{more != null && <small>{more}</small>}</dd></div>;
}

export function Copy({ text, label }: { text: string; label: string }) {
  const [done, set] = useState("");
  const copy = async () => {
    const ok = await navigator.clipboard.writeText(text).then(() => true, () => false);
    set(ok ? "copied" : "not allowed here");
    setTimeout(() => set(""), 1500);
  };
  return <button type="button" class="small noprint" onClick={() => void copy()} aria-label={`${label}: ${text.slice(0, 80)}`}>
    <span aria-live="polite">{done || label}</span></button>;
}
