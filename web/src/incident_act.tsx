// What can be done about an incident, each a record of who did it; and how it is handed on.
import { useState } from "preact/hooks";
import { post, Refused, type Incident } from "./api";
import { Copy } from "./parts";
import { pictureOf, save } from "./picture";
import { incidentLink, postmortemLink } from "./route";

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

export function Actions({ i }: { i: Incident }) {
  const [said, say] = useState(""), [who, setWho] = useState(operator()), [sure, setSure] = useState("");
  const isDone: Record<string, boolean> = { ack: i.acked, mute: i.muted === true, expect: i.verdict === "expected" };
  const act = async (a: (typeof ACTIONS)[number]) => {
    if (a.verb === "expect" && sure !== a.verb) {
      setSure(a.verb);
      return;
    }
    setSure("");
    say(`${a.text}…`);
    await post(`/api/v1/incidents/${i.id}/${a.verb}`, who ? { who } : {}).then(() => say(a.done),
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

function jsonSave(i: Incident): void {
  save(new Blob([JSON.stringify(i, null, 1)], { type: "application/json" }), `foreshock-${i.id}.json`);
}

/** What a postmortem page can be taken away as. */
export function TakeAway({ id }: { id: string }) {
  const [said, say] = useState("");
  const take = async () => {
    const view = document.querySelector("main");
    say("Drawing…");
    if (view) await pictureOf(view).then((png) => { save(png, `foreshock-${id}.png`); say(""); },
      () => say("This browser does not let a page draw itself; print it instead."));
  };
  return (
    <span class="noprint"><span role="status" class="soft">{said}</span>
      <button type="button" class="small" onClick={() => void take()}>Save as PNG</button>
      <button type="button" class="small" onClick={() => print()}>Print</button>
      <a class="button small" href={incidentLink(id)}>Back</a></span>
  );
}

/** The link is the one that alerts carry. */
export function Share({ i }: { i: Incident }) {
  return (
    <div class="share noprint">
      <Copy text={location.href.split("#")[0] + incidentLink(i.id)} label="Copy link" />
      <button type="button" class="small" onClick={() => jsonSave(i)}>Export JSON</button>
      <a class="button small" href={postmortemLink(i.id)}>Postmortem page</a>
    </div>
  );
}
