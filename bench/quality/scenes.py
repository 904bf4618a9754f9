#!/usr/bin/env python3
"""Is each change judged rightly, two troubles kept apart, a chain followed, and nothing guessed that nobody could see?
Runs the scene_, pair_, chain_ and outside_ scenarios. Rules and columns: README.md beside this file."""
import argparse
import datetime
import os
import statistics
import sys

import score

FAMILIES = ("scene_", "pair_", "chain_", "outside_")
ABSTAINS = "insufficient evidence"
# A handful of requests is lost and nothing else changes: to say nothing is as right as to say that it is expected.
SILENCE_IS_RIGHT = {"scene_drain_scalein"}
COLUMNS = ("scene", "runs", "events", "label_right", "silent", "paged", "found", "delay_median_s", "exact_1",
           "service_1", "service_3", "incidents_per_fault", "one_story", "kept_apart", "abstained", "boundary_right",
           "false", "stray")


def abstains(incident):
    return any(ABSTAINS in text.lower() for text in [incident["summary"]] + incident["evidence"])


def first_of(found):
    return min(found, key=lambda i: i["detected"])


def names_first(event, incident):
    return score.rank(event, incident, score.same_service) == 1


def judge_fault(event, fault):
    """An unhealthy event: found, by what, and whom it names."""
    out = {"unhealthy": True, "found": bool(event["incidents"] or event["again"]), "right": False, "note": "missed",
           "incidents": len(event["incidents"]), "delay": fault.get("delay"), "unseen": "boundary" in event,
           "exact": fault.get("exact"), "service": fault.get("service"), "abstained": False, "boundary": False}
    if not out["found"]:
        return out
    first = first_of(event["incidents"] or event["again"])
    out["right"], out["note"] = True, told(first)
    if out["unseen"]:
        out["abstained"] = abstains(first)
        out["boundary"] = out["abstained"] or len(event["boundary"]) == 1 and names_first(event, first)
    return out


def judge_change(name, event, incidents):
    """A healthy event: labelled by an expected incident that has to do with it, silent, or paged."""
    near = [i for i in incidents if score.overlaps(event, i)]
    pages = [i for i in near if i["verdict"] == "unhealthy"]
    labels = [i for i in near if i["verdict"] == "expected" and not i["is_telemetry"] and score.relates(event, i)]
    silent = not pages and not labels
    out = {"unhealthy": False, "silent": silent, "paged": len(pages)}
    out["right"] = not pages and (bool(labels) or name in SILENCE_IS_RIGHT)
    out["note"] = "; ".join(told(i) for i in pages or labels) or "nothing was said"
    return out


def apart(events):
    """Each of the faults has an incident of its own that names its service first; None where there are not two."""
    faults = [e for e in events if e["unhealthy"]]
    if len(faults) < 2:
        return None
    return all(any(names_first(e, i) for i in e["incidents"]) for e in faults)


def one_story(events, strays):
    """One fault, and one incident about it, that names its service (or what is right where nobody reports of it)
    first; None where there is not one fault."""
    faults = [e for e in events if e["unhealthy"]]
    if len(faults) != 1:
        return None
    one = faults[0]
    return one["incidents"] == 1 and not strays and (one["boundary"] if one["unseen"] else one["service"] == 1)


def entity_text(entity):
    return " ".join("%s=%s" % (k, entity[k]) for k in score.LEVELS if entity.get(k)) or "the mesh"


def told(incident):
    at = datetime.datetime.fromtimestamp(incident["detected"], datetime.timezone.utc).strftime("%H:%M:%S")
    causes = " > ".join(entity_text(e) for e in incident["causes"][:3]) or "no cause"
    return "%s %s %s: %s [%s]" % (at, incident["verdict"], incident["kind"], incident["summary"], causes)


def judge(name, truth, incidents):
    """One recording -> its events' judgements."""
    score.add_regions(truth, incidents)
    events = score.with_times(truth)
    false, stray = score.assign(events, incidents)
    out = []
    for e in events:
        one = judge_fault(e, score.event_score(e)) if e["unhealthy"] else judge_change(name, e, incidents)
        out.append(dict(one, id=e["id"], kind=e["kind"], target=entity_text(e["target"])))
    return {"events": out, "apart": apart(events), "one_story": one_story(out, stray),
            "false": [told(i) for i in false], "stray": [told(i) for i in stray]}


def row(name, runs):
    events = [e for r in runs for e in r["events"]]
    faults = [e for e in events if e["unhealthy"]]
    seen = [e for e in faults if not e["unseen"]]
    unseen = [e for e in faults if e["unseen"]]
    changes = [e for e in events if not e["unhealthy"]]
    delays = [e["delay"] for e in faults if e["delay"] is not None]
    strays = sum(len(r["stray"]) for r in runs)
    found = sum(e["found"] for e in faults)
    return {
        "scene": name, "runs": len(runs), "events": len(events),
        "label_right": score.share(e["right"] for e in events),
        "silent": sum(e["silent"] for e in changes) if changes else "",
        "paged": sum(e["paged"] for e in changes) if changes else "",
        "found": found if faults else "",
        "delay_median_s": "%.2f" % statistics.median(delays) if delays else "",
        "exact_1": score.share(e["exact"] == 1 for e in seen),
        "service_1": score.share(e["service"] == 1 for e in seen),
        "service_3": score.share((e["service"] or 99) <= 3 for e in seen),
        "incidents_per_fault": "%.2f" % ((sum(e["incidents"] for e in faults) + strays) / found) if found else "",
        "one_story": score.share(r["one_story"] for r in runs if r["one_story"] is not None),
        "kept_apart": score.share(r["apart"] for r in runs if r["apart"] is not None),
        "abstained": score.share(e["abstained"] for e in unseen),
        "boundary_right": score.share(e["boundary"] for e in unseen),
        "false": sum(len(r["false"]) for r in runs), "stray": strays,
    }


def wrong(event):
    if not event["right"]:
        return True
    if not event["unhealthy"]:
        return False
    return not event["boundary"] if event["unseen"] else event["exact"] != 1 or event["incidents"] > 1


def explain(name, seed, result, out):
    """What went wrong, for a person who looks for the reason."""
    for e in result["events"]:
        if wrong(e):
            print("%s/%d %s %s at %s: %s" % (name, seed, e["id"], e["kind"], e["target"], e["note"]), file=out)
    if result["apart"] is False:
        print("%s/%d: not kept apart" % (name, seed), file=out)
    for word in ("false", "stray"):
        for text in result[word]:
            print("%s/%d %s: %s" % (name, seed, word, text), file=out)
    out.flush()


def arguments():
    p = argparse.ArgumentParser(description=__doc__)
    score.add_programs(p)
    p.add_argument("--seeds", default="2001:50", help="FIRST:COUNT (1..99 are for tuning, the table starts at 2001)")
    p.add_argument("--csv", help="write the table here (scenes.csv is kept in git)")
    p.add_argument("--explain", help="write what went wrong here, a line each; - for standard output")
    p.add_argument("scenario", nargs="*", help="files; all of the four families if none")
    args = p.parse_args()
    args.slow = False
    return args


def run_one(args, scenario, seed):
    name, truth, incidents = score.replay_one(args, scenario, seed)
    return name, judge(name, truth, incidents)


def run_all(args, scenarios, seeds, out):
    """Results by scenario, and how many runs broke."""
    results, broken = {}, 0
    for (_, seed), done in score.run_each(args, run_one, [(s, seed) for s in scenarios for seed in seeds]):
        if done is None:
            broken += 1
            continue
        name, result = done
        results.setdefault(name, []).append(result)
        if out:
            explain(name, seed, result, out)
    return results, broken


def main():
    args = arguments()
    folder = os.path.join(score.HERE, "scenarios")
    names = sorted(f for f in os.listdir(folder) if f.endswith(".txt") and f.startswith(FAMILIES))
    scenarios = args.scenario or [os.path.join(folder, f) for f in names]
    os.makedirs(args.work, exist_ok=True)
    out = sys.stdout if args.explain == "-" else open(args.explain, "w") if args.explain else None
    results, broken = run_all(args, scenarios, score.seeds_of(args), out)
    rows = [row(name, runs) for name, runs in results.items()]
    for family in FAMILIES:
        runs = [r for name, of_name in results.items() if name.startswith(family) for r in of_name]
        rows += [row("all " + family.rstrip("_"), runs)] if runs else []
    score.table(rows, COLUMNS)
    if args.csv and not broken:
        score.write_csv(args.csv, COLUMNS, rows)
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
