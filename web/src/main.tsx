// The frame: where one is, whether what one sees is fresh, and the keys.
import { render } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { denied, token, tokenSet } from "./api";
import { ExploreView } from "./explore";
import { IncidentView } from "./incident";
import { heardAt, link, now, openOnes, SILENT_S, start, status, summary } from "./live";
import { MapView } from "./map";
import { NowView } from "./now";
import { route } from "./route";
import { theme, themeToggle } from "./theme";
import { percent, span } from "./words";

const VIEWS = [["now", "Now", "#/"], ["map", "Map", "#/map"], ["explore", "Explore", "#/explore"]] as const;

function Fresh() {
  const old = heardAt.value ? span((now.value - heardAt.value) / 1000) : "";
  const text = { connecting: "connecting", live: "live", stale: `stale: nothing heard for ${old}`,
    lost: old ? `connection lost, last heard ${old} ago; trying again` : "no connection; trying again" }[link.value];
  if (denied.value) return <span class="link" role="status">a token is asked for</span>;
  return <span class={`link ${link.value}`} role="status"><span aria-hidden="true">●</span> {text}</span>;
}

function Banner() {
  const s = status.value, m = summary.value, all: string[] = [];
  if (link.value === "stale" || link.value === "lost") all.push("What you see is not fresh: the daemon is not heard.");
  if (s?.storage.problem) all.push(`The disk cannot be written: ${s.storage.problem}. Detection goes on in memory.`);
  if (s?.restoring) all.push("Started just now: what came after the last checkpoint is being applied. What is received comes behind it; until then no action is taken.");
  if (s && s.telemetry.state === "degraded") {
    const worst = s.telemetry.proxies.slice(0, 3).map((g) => `${g.node ?? "a proxy"}${g.service ? ` of ${g.service}` : ""} (`
      + `${g.reason.replaceAll("_", " ")}${g.lost_share == null ? "" : `, ${percent(g.lost_share)} missing`})`);
    all.push(`Telemetry is degraded: ${worst.join("; ")}${s.telemetry.proxies_n > worst.length ? ` and ${s.telemetry.proxies_n - worst.length} more` : ""}. `
      + "Traffic that is missing there is not taken for a fault.");
  }
  if (m?.tick && m.lag_s > SILENT_S) all.push(`No telemetry has come for ${span(m.lag_s)}.`);
  if (!all.length) return null;
  return <div class="banner" role="alert">{all.map((t) => <p key={t.slice(0, 24)}>{t}</p>)}</div>;
}

function Ask() {
  const [text, set] = useState("");
  return (
    <main id="main"><form class="ask" onSubmit={(e) => { e.preventDefault(); tokenSet(text.trim()); }}>
      <h1>Who are you?</h1><p>{token.value ? "This token is not known here." : "This daemon asks for a token."}</p>
      <label>Token <input type="password" autocomplete="current-password" value={text} onInput={(e) => set(e.currentTarget.value)} /></label>
      <button type="submit" class="main" disabled={text.trim().length === 0}>Enter</button>
      <p class="soft">It is kept until this tab closes.</p></form></main>
  );
}

/** What had the focus gets it back; while it is open, it has the only thing to press. */
function Keys({ close }: { close: () => void }) {
  const button = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    const before = document.activeElement as HTMLElement | null;
    button.current?.focus();
    return () => before?.focus();
  }, []);
  const rows = [["n", "now"], ["m", "map"], ["e", "explore"], ["/", "find a service"], ["j, k", "next, previous incident or link"],
    ["t", "dark or light"], ["?", "this"], ["+ − 0, arrows", "zoom and move the map that has the focus"]];
  return (
    <div class="keys" role="dialog" aria-label="keys" aria-modal="true"><h2>Keys</h2><dl>{rows.map(([key, what]) =>
      <><dt><kbd>{key}</kbd></dt><dd>{what}</dd></>)}</dl><button type="button" ref={button} onClick={close}
        onKeyDown={(e) => { if (e.key === "Tab") e.preventDefault(); }}>Close</button></div>
  );
}

/** The next or the previous incident in the list. */
function step(by: number): void {
  const rows = [...document.querySelectorAll<HTMLElement>("a.incident")], at = rows.indexOf(document.activeElement as HTMLElement);
  rows[at < 0 ? (by > 0 ? 0 : rows.length - 1) : Math.max(0, Math.min(rows.length - 1, at + by))]?.focus();
}

function find(): void {
  if (!document.getElementById("find")) location.hash = "#/map";
  requestAnimationFrame(() => setTimeout(() => document.getElementById("find")?.focus(), 50));
}

function App() {
  const [keys, setKeys] = useState(false), r = route.value, n = openOnes.value.filter((i) => i.verdict === "unhealthy" && !i.muted).length;
  useEffect(() => {
    const pressed = (e: KeyboardEvent) => {
      const in_ = (e.target as HTMLElement).matches?.("input, select, textarea");
      if (e.key === "Escape") setKeys(false);
      if (in_ || e.ctrlKey || e.metaKey || e.altKey) return;
      const does: Record<string, () => void> = { n: () => { location.hash = "#/"; }, m: () => { location.hash = "#/map"; },
        e: () => { location.hash = "#/explore"; }, "/": find, t: themeToggle, "?": () => setKeys(true), j: () => step(1), k: () => step(-1) };
      const act = does[e.key];
      if (!act) return;
      e.preventDefault();
      act();
    };
    addEventListener("keydown", pressed);
    return () => removeEventListener("keydown", pressed);
  }, []);
  useEffect(() => { document.title = `${n ? `(${n}) ` : ""}Foreshock${link.value === "live" ? "" : " · not fresh"}`; }, [n, link.value]);
  const old = !denied.value && (link.value === "stale" || link.value === "lost");
  return (
    <div class={old ? "old" : ""}>
      <a class="skip" href="#main" onClick={(e) => { e.preventDefault(); document.querySelector<HTMLElement>("main")?.focus(); }}>Skip to the content</a>
      <header class="top">
        <a class="brand" href="#/">Fore<span>shock</span></a>
        <nav aria-label="views">{VIEWS.map(([view, text, href]) => <a key={view} href={href} aria-current={r.view === view ? "page" : undefined}>
          {text}{view === "now" && n ? <span class="count" aria-label={`${n} open`}>{n}</span> : null}</a>)}</nav>
        <Fresh />
        <button type="button" class="icon" onClick={themeToggle} aria-label={theme.value === "dark" ? "light colours" : "dark colours"}>
          {theme.value === "dark" ? "☀" : "☾"}</button>
        <button type="button" class="icon keysbutton" onClick={() => setKeys(true)} aria-label="keys">?</button>
      </header>
      {denied.value ? <Ask /> : <><Banner />
        {r.view === "incident" ? <IncidentView key={r.id} /> : r.view === "map" ? <MapView /> : r.view === "explore" ? <ExploreView /> : <NowView />}</>}
      {keys && <Keys close={() => setKeys(false)} />}
    </div>
  );
}

const root = document.getElementById("app");
if (root) {
  root.replaceChildren();
  start();
  render(<App />, root);
}
