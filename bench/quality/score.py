#!/usr/bin/env python3
"""Scores incidents against the truth of simulated recordings. Rules and columns: README.md beside this file."""
import argparse
import concurrent.futures
import csv
import datetime
import json
import os
import statistics
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
EARLY_S = 5.0  # an incident may say that it started this much before the fault
# What an incident about such an event may call itself.
KINDS = {
    "errors": {"errors"},
    "dip": {"errors"},
    "outage": {"errors", "traffic"},
    "crash": {"errors", "saturation", "traffic"},
    "overload": {"errors", "saturation"},
    "timeout": {"errors", "latency"},
    "latency": {"latency"},
    "network": {"latency"},
    "drop": {"traffic"},
    "rollout": {"errors", "latency", "change"},
    "surge": {"traffic", "saturation", "change"},
    "failover": {"traffic", "change"},
}
LEVELS = ("service", "cluster", "region", "pod", "version", "route", "caller")
# Levels that follow from another one, so that naming them too is not a claim of its own.
IMPLIED = {"pod": {"service", "cluster", "region", "version"}, "cluster": {"region"}, "version": {"service"},
           "route": {"service"}, "caller": {"service"}}
COLUMNS = ("scenario", "seeds", "events", "found", "delay_median_s", "delay_max_s", "exact_1", "service_1", "service_3",
           "kind_ok", "incidents_per_event", "false", "stray", "expected", "expected_labelled", "expected_silent",
           "expected_paged")


def instant(text):
    """RFC 3339 with up to nanoseconds -> seconds since 1970."""
    if text is None:
        return None
    base, _, rest = text.partition(".")
    if rest:
        digits = rest.rstrip("Z").split("+")[0].split("-")[0]
        fraction = float("0." + digits) if digits else 0.0
    else:
        base, fraction = base.rstrip("Z").split("+")[0], 0.0
    when = datetime.datetime.strptime(base, "%Y-%m-%dT%H:%M:%S").replace(tzinfo=datetime.timezone.utc)
    return when.timestamp() + fraction


def read_incidents(lines):
    out = []
    for line in lines:
        if not line.strip():
            continue
        i = json.loads(line)
        out.append({
            "verdict": i.get("verdict"), "kind": i.get("kind"), "started": instant(i["started_at"]),
            "detected": instant(i["detected_at"]), "summary": i.get("summary", ""),
            "causes": [c.get("entity", {}) for c in i.get("root_causes", [])],
            "affected": i.get("affected", []),
        })
    return out


def route_key(route):
    """Method and braces are told differently by different sources: compare the path's shape."""
    path = route.split(" ", 1)[-1]
    return "/".join("{}" if p.startswith("{") or p.startswith(":") or p == "*" else p for p in path.split("/"))


def level_equal(level, a, b):
    return route_key(a) == route_key(b) if level == "route" else a == b


def target_levels(target):
    return {k: v for k, v in target.items() if k in LEVELS}


def exact(target, entity):
    """Every level of the target is named, and nothing narrower is claimed."""
    want = target_levels(target)
    if not want:
        return False
    if any(k not in entity or not level_equal(k, v, entity[k]) for k, v in want.items()):
        return False
    implied = set().union(*(IMPLIED.get(k, set()) for k in want))
    return all(k in want or k in implied for k in LEVELS if entity.get(k))


def same_service(target, entity):
    if "service" in target:
        return entity.get("service") == target["service"]
    if "region" in target:
        return entity.get("region", entity.get("region_of_cluster")) == target["region"]
    if "cluster" in target:
        return entity.get("cluster") == target["cluster"]
    return True


def touches(target, entity):
    """Weaker than same_service: the entity has a part in what the event is about."""
    if same_service(target, entity):
        return True
    if "service" not in target and target.get("region_of_cluster", "") == entity.get("region"):
        return True
    return "caller" in target and entity.get("service") == target["caller"]


def relates(event, incident):
    target = event["target"]
    return any(touches(target, e) for e in incident["causes"] + incident["affected"])


def overlaps(event, incident):
    return incident["started"] - EARLY_S <= event["end"] and incident["detected"] >= event["begin"]


def add_regions(truth, incidents):
    """Who names a cluster has said where it lies."""
    region = {c["name"]: c.get("region") for c in truth.get("clusters", [])}
    told = [e for i in incidents for e in i["causes"] + i["affected"]] + [e["target"] for e in truth["events"]]
    for entity in told:
        if entity.get("cluster") in region:
            entity["region_of_cluster"] = region[entity["cluster"]]


def with_times(truth):
    start = instant(truth["start"])
    return [dict(e, begin=start + e["at"], end=start + e["at"] + e["for"]) for e in truth["events"]]


def rank(event, incident, match):
    for n, entity in enumerate(incident["causes"], 1):
        if match(event["target"], entity):
            return n
    return None


def assign(events, incidents):
    """Each unhealthy incident goes to at most one event: of those it overlaps and relates to, the one that began
    nearest to its start; unhealthy events before healthy ones."""
    for e in events:
        e["incidents"] = []
    false, stray = [], []
    for i in incidents:
        if i["verdict"] != "unhealthy":
            continue
        near = [e for e in events if overlaps(e, i)]
        own = [e for e in near if e["unhealthy"] and relates(e, i)]
        if own:
            min(own, key=lambda e: abs(e["begin"] - i["started"]))["incidents"].append(i)
        elif any(e["unhealthy"] for e in near):
            stray.append(i)
        else:
            false.append(i)
    return false, stray


def event_score(event):
    found = sorted(event["incidents"], key=lambda i: i["detected"])
    out = {"id": event["id"], "kind": event["kind"], "found": bool(found), "incidents": len(found)}
    if found:
        first = found[0]
        out["delay"] = first["detected"] - event["begin"]
        out["exact"] = rank(event, first, exact)
        out["service"] = rank(event, first, same_service)
        out["kind_ok"] = first["kind"] in KINDS.get(event["kind"], {first["kind"]})
        out["has_target"] = bool(target_levels(event["target"]))
    return out


def expected_score(event, incidents):
    near = [i for i in incidents if overlaps(event, i)]
    if any(i["verdict"] == "unhealthy" and i in event["false"] for i in near):
        return "paged"
    return "labelled" if any(i["verdict"] == "expected" for i in near) else "silent"


def score(truth, incidents):
    """One recording -> a dict of what happened, event by event."""
    add_regions(truth, incidents)
    events = with_times(truth)
    false, stray = assign(events, incidents)
    for e in events:
        e["false"] = false
    return {
        "events": [event_score(e) for e in events if e["unhealthy"]],
        "expected": [{"id": e["id"], "kind": e["kind"], "was": expected_score(e, incidents)}
                     for e in events if not e["unhealthy"]],
        "false": false,
        "stray": stray,
    }


def share(values):
    values = list(values)
    return "" if not values else "%.3f" % (sum(values) / len(values))


def row(name, scores):
    """Scores of one scenario's seeds -> a line of results.csv. Shares are of all unhealthy events, found or not."""
    events = [e for s in scores for e in s["events"]]
    found = [e for e in events if e["found"]]
    named = [e for e in events if not e["found"] or e["has_target"]]
    expected = [e["was"] for s in scores for e in s["expected"]]
    delays = [e["delay"] for e in found]
    out = {
        "scenario": name, "seeds": len(scores), "events": len(events), "found": len(found),
        "delay_median_s": "%.2f" % statistics.median(delays) if delays else "",
        "delay_max_s": "%.2f" % max(delays) if delays else "",
        "exact_1": share(e.get("exact") == 1 for e in named),
        "service_1": share(e.get("service") == 1 for e in named),
        "service_3": share((e.get("service") or 99) <= 3 for e in named),
        "kind_ok": share(e.get("kind_ok", False) for e in events),
        "incidents_per_event": "%.2f" % (sum(e["incidents"] for e in found) / len(found)) if found else "",
        "false": sum(len(s["false"]) for s in scores), "stray": sum(len(s["stray"]) for s in scores),
        "expected": len(expected),
    }
    for was in ("labelled", "silent", "paged"):
        out["expected_" + was] = expected.count(was)
    return out


def table(rows, out=sys.stdout):
    text = [[str(r[c]) for c in COLUMNS] for r in rows]
    head = [c.replace("_", " ") for c in COLUMNS]
    width = [max(len(line[i]) for line in text + [head]) for i in range(len(COLUMNS))]
    for line in [head] + text:
        print("  ".join(c.ljust(w) if i == 0 else c.rjust(w) for i, (c, w) in enumerate(zip(line, width))), file=out)


def explain(name, result, out=sys.stdout):
    """Event by event, for a person who looks for the reason."""
    for e in result["events"]:
        if e["found"]:
            print("%s %s %s: found after %.2f s, culprit exact %s, service %s, kind %s, %d incident(s)" % (
                name, e["id"], e["kind"], e["delay"], e["exact"], e["service"], "right" if e["kind_ok"] else "wrong",
                e["incidents"]), file=out)
        else:
            print("%s %s %s: missed" % (name, e["id"], e["kind"]), file=out)
    for e in result["expected"]:
        print("%s %s %s (expected): %s" % (name, e["id"], e["kind"], e["was"]), file=out)
    for word in ("false", "stray"):
        for i in result[word]:
            print("%s %s incident at %s: %s: %s" % (name, word, datetime.datetime.fromtimestamp(
                i["started"], datetime.timezone.utc).strftime("%H:%M:%S"), i["kind"], i["summary"]), file=out)


def piped(first, second, out):
    """first | second > out, and both must end well: recordings at high rates are too large to keep by default."""
    with subprocess.Popen(first, stdout=subprocess.PIPE) as a:
        b = subprocess.run(second, stdin=a.stdout, stdout=out, stderr=subprocess.PIPE)
        a.stdout.close()
    for command, code in ((second, b.returncode), (first, a.returncode)):
        if code:
            raise subprocess.CalledProcessError(code, command, stderr=b.stderr)


def run_one(args, scenario, seed):
    name = os.path.splitext(os.path.basename(scenario))[0]
    stem = os.path.join(args.work, "%s.%d" % (name, seed))
    als, truth, found = stem + ".als", stem + ".truth.json", stem + ".incidents.jsonl"
    sim = [args.meshsim, "--scenario", scenario, "--seed", str(seed), "--truth", truth, "--out"]
    replay = [args.foreshock, "replay", "--format", "als", "--incidents", "-"]
    with open(found, "wb") as f:
        if args.keep:
            subprocess.run(sim + [als], check=True)
            subprocess.run(replay + [als], check=True, stdout=f, stderr=subprocess.PIPE)
        else:
            piped(sim + ["-"], replay + ["-"], f)
    with open(truth) as t, open(found) as f:
        return name, seed, score(json.load(t), read_incidents(f))


def first_existing(*paths):
    return next((p for p in paths if os.path.exists(p)), paths[0])


def arguments():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--truth", help="score one replay: its truth")
    p.add_argument("--incidents", help="score one replay: its incidents, a line each")
    p.add_argument("--meshsim", default=first_existing(os.path.join(ROOT, "build", "bench", "sim", "meshsim"),
                                                       os.path.join(ROOT, "build", "meson", "bench", "sim", "meshsim")))
    p.add_argument("--foreshock", default=os.path.join(ROOT, "build", "foreshock"))
    p.add_argument("--seeds", default="1001:3", help="FIRST:COUNT (1..99 are for tuning, the table starts at 1001)")
    p.add_argument("--jobs", type=int, default=2)
    p.add_argument("--work", default=os.path.join(ROOT, "build", "quality"))
    p.add_argument("--csv", help="write the rows here (results.csv is kept in git)")
    p.add_argument("--keep", action="store_true", help="keep the recordings")
    p.add_argument("--explain", action="store_true", help="tell each event and each false incident")
    p.add_argument("scenario", nargs="*", help="files; all in scenarios/ if none")
    return p.parse_args()


def score_one(args):
    with open(args.truth) as t, (sys.stdin if args.incidents == "-" else open(args.incidents)) as f:
        truth = json.load(t)
        result = score(truth, read_incidents(f))
    explain(truth.get("scenario", "recording"), result)
    table([row(truth.get("scenario", "recording"), [result])])


def run_all(args):
    folder = os.path.join(HERE, "scenarios")
    scenarios = args.scenario or sorted(os.path.join(folder, f) for f in os.listdir(folder) if f.endswith(".txt"))
    first, _, count = args.seeds.partition(":")
    seeds = range(int(first), int(first) + int(count or 1))
    os.makedirs(args.work, exist_ok=True)
    results, broken = {}, 0
    with concurrent.futures.ThreadPoolExecutor(max_workers=args.jobs) as pool:
        jobs = [(s, seed, pool.submit(run_one, args, s, seed)) for s in scenarios for seed in seeds]
        for scenario, seed, job in jobs:
            try:
                name, _, result = job.result()
            except subprocess.CalledProcessError as e:
                broken += 1
                print("%s, seed %d: %s: exit %d: %s" % (scenario, seed, " ".join(e.cmd), e.returncode,
                                                        (e.stderr or b"").decode()[-2000:]), file=sys.stderr)
                continue
            results.setdefault(name, []).append(result)
            if args.explain:
                explain("%s/%d" % (name, seed), result)
    rows = [row(name, scores) for name, scores in results.items()]
    rows.append(row("all", [s for scores in results.values() for s in scores]))
    if args.csv and not broken:
        with open(args.csv, "w", newline="") as f:
            writer = csv.DictWriter(f, COLUMNS, lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
    table(rows)
    return 1 if broken else 0


def main():
    args = arguments()
    if args.truth or args.incidents:
        if not (args.truth and args.incidents):
            sys.exit("score.py: --truth and --incidents go together")
        score_one(args)
        return 0
    return run_all(args)


if __name__ == "__main__":
    sys.exit(main())
