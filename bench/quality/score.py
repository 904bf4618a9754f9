#!/usr/bin/env python3
"""Scores incidents against the truth of simulated recordings. Rules and columns: README.md beside this file."""
import argparse
import concurrent.futures
import csv
import datetime
import json
import os
import re
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
    "erratic": {"traffic"},
    "hang": {"traffic", "latency", "errors", "saturation"},
    "bytes": {"traffic", "security", "change"},
    "ramp": {"errors"},
    "drift": {"latency"},
    "storm": {"errors", "saturation", "latency"},
    "retrymask": {"errors", "saturation"},
    "queue": {"saturation", "latency", "errors"},
}
TELEMETRY_KINDS = {"loss", "cut", "restart", "gap"}  # what befalls the reports, not the traffic
NO_ONSET = {"ramp", "drift"}  # they begin with nothing: when one has begun is a matter of taste
FINDING = "telemetry degraded"
SHARE_NEAR = 0.05
LONG_S = 600.0  # an event of that length must not be over in its incident before it is over
BINS = 10
LEVELS = ("service", "cluster", "region", "pod", "version", "route", "caller")
# Levels that follow from another one, so that naming them too is not a claim of its own.
IMPLIED = {"pod": {"service", "cluster", "region", "version"}, "cluster": {"region"}, "version": {"service"},
           "route": {"service"}, "caller": {"service"}}
COLUMNS = ("scenario", "seeds", "events", "found", "delay_median_s", "delay_max_s", "exact_1", "service_1", "service_3",
           "kind_ok", "incidents_per_event", "false", "stray", "expected", "expected_labelled", "expected_silent",
           "expected_paged", "onset_error_median_s", "recurring")
BIN_COLUMNS = ("bin", "incidents", "confidence", "true_share")


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


def is_telemetry(i):
    return i.get("verdict") == "expected" and i.get("summary", "").lower().startswith(FINDING)


def read_incident(i):
    return {
        "verdict": i.get("verdict"), "kind": i.get("kind"), "started": instant(i["started_at"]),
        "detected": instant(i["detected_at"]), "ended": instant(i.get("ended_at")), "summary": i.get("summary", ""),
        "causes": [c.get("entity", {}) for c in i.get("root_causes", [])],
        "evidence": [c.get("evidence", "") for c in i.get("root_causes", [])],
        "affected": i.get("affected", []), "confidence": i.get("confidence"),
        "telemetry": str(i.get("telemetry", "")), "is_telemetry": is_telemetry(i),
        "recurrences": [(instant(r["started_at"]), instant(r.get("ended_at"))) for r in i.get("recurrences", [])],
    }


def read_incidents(lines):
    return [read_incident(json.loads(line)) for line in lines if line.strip()]


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


def aims(event):
    """What an incident can name: the target, or where nobody reports of it the services nearest to it."""
    return [{"service": s} for s in event["boundary"]] if "boundary" in event else [event["target"]]


def relates(event, incident):
    return any(touches(aim, e) for aim in aims(event) for e in incident["causes"] + incident["affected"])


def overlaps(event, incident):
    return incident["started"] - EARLY_S <= event["end"] and incident["detected"] >= event["begin"]


def recurrence_in(event, incident):
    """The start of the first recurrence that meets the event, or None."""
    for started, ended in incident["recurrences"]:
        if started - EARLY_S <= event["end"] and (ended is None or max(started, ended) >= event["begin"]):
            return started
    return None


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
        if any(match(aim, entity) for aim in aims(event)):
            return n
    return None


def assign(events, incidents):
    """Each unhealthy incident goes to at most one event: of those it overlaps and relates to, the one that began
    nearest to its start; unhealthy events before healthy ones. Its recurrences may serve further events."""
    for e in events:
        e["incidents"], e["again"] = [], []
    false, stray = [], []
    for i in incidents:
        if i["verdict"] != "unhealthy":
            continue
        i["event"] = None
        near = [e for e in events if overlaps(e, i)]
        own = [e for e in near if e["unhealthy"] and relates(e, i)]
        again = [e for e in events if e["unhealthy"] and relates(e, i) and recurrence_in(e, i) is not None]
        if own:
            i["event"] = min(own, key=lambda e: abs(e["begin"] - i["started"]))
            i["event"]["incidents"].append(i)
        for e in again:
            if e is not i["event"]:
                e["again"].append(i)
        if not own and again:
            i["event"] = again[0]
        elif not own:
            (stray if any(e["unhealthy"] for e in near) else false).append(i)
    return false, stray


def fault_name(event):
    """The kind, and for failures which: they are as different as their codes and flags."""
    if event["kind"] not in ("errors", "dip", "outage"):
        return event["kind"]
    return "%s %s" % (event["kind"], event.get("flag") or "%g" % event.get("code", 500))


def event_kinds(event):
    kinds = KINDS.get(event["kind"])
    code = event.get("code")
    if kinds and event["kind"] == "errors":
        kinds = kinds | ({"security"} if code in (401, 403) else {"saturation"} if code == 429 else set())
    return kinds


def event_score(event):
    found = sorted(event["incidents"], key=lambda i: i["detected"])
    again = sorted(event["again"], key=lambda i: i["started"])
    out = {"id": event["id"], "kind": event["kind"], "fault": fault_name(event), "found": bool(found or again),
           "incidents": len(found), "recurring": bool(again) and not found}
    if not out["found"]:
        return out
    first = (found or again)[0]
    kinds = event_kinds(event)
    started = first["started"] if found else recurrence_in(event, first)
    if found:
        out["delay"] = first["detected"] - event["begin"]
    if event["kind"] not in NO_ONSET:
        out["onset_error"] = abs(started - event["begin"])
    if found and event["for"] >= LONG_S:
        out["held"] = any(i["ended"] is None or i["ended"] >= event["end"] - 60 for i in found)
    out["exact"] = rank(event, first, exact)
    out["service"] = rank(event, first, same_service)
    out["kind_ok"] = kinds is None or first["kind"] in kinds
    out["has_target"] = bool(target_levels(event["target"]))
    return out


def told_share(finding):
    """The first percentage that a finding names, as a share."""
    for text in (finding["telemetry"], finding["summary"]):
        m = re.search(r"(\d+(?:\.\d+)?)\s*%", text)
        if m:
            return float(m.group(1)) / 100
    return None


def true_share(event, finding):
    """What was really lost of what the proxies that the finding is about had to say."""
    who = next(iter(finding["causes"] + finding["affected"]), {})
    levels = [k for k in ("service", "cluster", "pod") if who.get(k)]
    mine = [p for p in event.get("proxies", []) if all(p[k] == who[k] for k in levels)]
    messages = sum(p["messages"] for p in mine)
    return sum(p["lost"] for p in mine) / messages if messages else None


def telemetry_score(event, incidents):
    """The first finding that telemetry is degraded, during the event."""
    near = sorted((i for i in incidents if i["is_telemetry"] and overlaps(event, i)), key=lambda i: i["detected"])
    if not near:
        return {}
    told, true = told_share(near[0]), true_share(event, near[0])
    out = {"delay": near[0]["detected"] - event["begin"], "told": told, "true": true,
           "who_ok": rank(event, near[0], exact) == 1 or not target_levels(event["target"])}
    if event["kind"] == "loss":
        out["share_ok"] = told is not None and true is not None and abs(told - true) <= SHARE_NEAR
    return out


def expected_score(event, incidents):
    near = [i for i in incidents if overlaps(event, i)]
    out = {"id": event["id"], "kind": event["kind"]}
    telemetry = event["kind"] in TELEMETRY_KINDS
    if telemetry:
        out.update(telemetry_score(event, incidents))
    label = any(i["verdict"] == "expected" and i["is_telemetry"] == telemetry for i in near)
    out["was"] = "labelled" if label else "silent"
    if any(i["verdict"] == "unhealthy" and i in event["false"] for i in near):
        out["was"] = "paged"
    return out


def judged(incidents):
    """(confidence, was it so) of each unhealthy incident: a true one whose first root cause is the exact entity. Where
    the truth has no entity, a true one."""
    out = []
    for i in incidents:
        if i["verdict"] != "unhealthy" or i["confidence"] is None:
            continue
        e = i["event"]
        out.append((i["confidence"], e is not None and (rank(e, i, exact) == 1 or not target_levels(e["target"]))))
    return out


def score(truth, incidents):
    """One recording -> a dict of what happened, event by event."""
    add_regions(truth, incidents)
    events = with_times(truth)
    false, stray = assign(events, incidents)
    for e in events:
        e["false"] = false
    return {
        "events": [event_score(e) for e in events if e["unhealthy"]],
        "expected": [expected_score(e, incidents) for e in events if not e["unhealthy"]],
        "false": false,
        "stray": stray,
        "judged": judged(incidents),
        "hours": truth.get("duration_s", 0) / 3600 if truth.get("scenario", "").startswith("quiet_") else 0,
    }


def reliability(pairs, bins=BINS):
    """Expected calibration error over equal-count bins of (confidence, was it so), and the bins."""
    pairs = sorted(pairs)
    n, rows, error = len(pairs), [], 0.0
    for b in range(bins):
        mine = pairs[b * n // bins:(b + 1) * n // bins]
        if not mine:
            continue
        told = sum(p[0] for p in mine) / len(mine)
        true = sum(p[1] for p in mine) / len(mine)
        error += abs(told - true) * len(mine) / n
        rows.append({"bin": len(rows) + 1, "incidents": len(mine), "confidence": "%.3f" % told,
                     "true_share": "%.3f" % true})
    return error, rows


def share(values):
    values = list(values)
    return "" if not values else "%.3f" % (sum(values) / len(values))


def row(name, scores):
    """Scores of one scenario's seeds -> a line of results.csv. Shares are of all unhealthy events, found or not."""
    events = [e for s in scores for e in s["events"]]
    found = [e for e in events if e["found"]]
    named = [e for e in events if not e["found"] or e["has_target"]]
    expected = [e["was"] for s in scores for e in s["expected"]]
    delays = [e["delay"] for e in found if "delay" in e]
    onsets = [e["onset_error"] for e in found if "onset_error" in e]
    own = [e for e in found if not e["recurring"]]
    out = {
        "scenario": name, "seeds": len(scores), "events": len(events), "found": len(found),
        "delay_median_s": "%.2f" % statistics.median(delays) if delays else "",
        "delay_max_s": "%.2f" % max(delays) if delays else "",
        "exact_1": share(e.get("exact") == 1 for e in named),
        "service_1": share(e.get("service") == 1 for e in named),
        "service_3": share((e.get("service") or 99) <= 3 for e in named),
        "kind_ok": share(e.get("kind_ok", False) for e in events),
        "incidents_per_event": "%.2f" % (sum(e["incidents"] for e in own) / len(own)) if own else "",
        "false": sum(len(s["false"]) for s in scores), "stray": sum(len(s["stray"]) for s in scores),
        "expected": len(expected),
        "onset_error_median_s": "%.2f" % statistics.median(onsets) if onsets else "",
        "recurring": sum(e["recurring"] for e in events),
    }
    for was in ("labelled", "silent", "paged"):
        out["expected_" + was] = expected.count(was)
    return out


def table(rows, columns=COLUMNS, out=sys.stdout):
    text = [[str(r.get(c, "")) for c in columns] for r in rows]
    head = [c.replace("_", " ") for c in columns]
    width = [max(len(line[i]) for line in text + [head]) for i in range(len(columns))]
    for line in [head] + text:
        print("  ".join(c.ljust(w) if i == 0 else c.rjust(w) for i, (c, w) in enumerate(zip(line, width))), file=out)


def grouped(items, key):
    out = {}
    for item in items:
        out.setdefault(item[key], []).append(item)
    return sorted(out.items())


def median_text(values):
    values = list(values)
    return "%.2f" % statistics.median(values) if values else ""


def fault_rows(scores):
    """A line a kind of fault."""
    out = []
    for fault, events in grouped((e for s in scores for e in s["events"]), "fault"):
        named = [e for e in events if not e["found"] or e["has_target"]]
        out.append({"fault": fault, "events": len(events), "found": sum(e["found"] for e in events),
                    "delay_median_s": median_text(e["delay"] for e in events if "delay" in e),
                    "exact_1": share(e.get("exact") == 1 for e in named),
                    "onset_error_median_s": median_text(e["onset_error"] for e in events if "onset_error" in e),
                    "held": share(e["held"] for e in events if "held" in e)})
    return out


def change_rows(scores):
    """A line a kind of healthy event; delay, share and who are those of telemetry findings."""
    out = []
    for kind, events in grouped((e for s in scores for e in s["expected"]), "kind"):
        was = [e["was"] for e in events]
        out.append({"healthy": kind, "events": len(events), "labelled": was.count("labelled"),
                    "silent": was.count("silent"), "paged": was.count("paged"),
                    "delay_median_s": median_text(e["delay"] for e in events if "delay" in e),
                    "share_ok": share(e.get("share_ok", False) for e in events) if kind == "loss" else "",
                    "who_ok": share(e["who_ok"] for e in events if "who_ok" in e)})
    return out


def summary(scores, out=sys.stdout):
    """By kinds; what the confidences were worth; the quiet hours. Returns the bins of the reliability."""
    for rows in (fault_rows(scores), change_rows(scores)):
        if rows:
            print(file=out)
            table(rows, tuple(rows[0]), out)
    error, bins = reliability([p for s in scores for p in s["judged"]])
    if bins:
        print("\nconfidence against what was so: expected calibration error %.3f over %d incidents" % (
            error, sum(b["incidents"] for b in bins)), file=out)
        table(bins, BIN_COLUMNS, out)
    hours = sum(s["hours"] for s in scores)
    if hours:
        print("\nquiet: %.1f mesh-hours in which nothing was wrong, %d false incidents in them" % (
            hours, sum(len(s["false"]) for s in scores if s["hours"])), file=out)
    return bins


def percent(value):
    return "?" if value is None else "%.0f %%" % (100 * value)


def finding_text(e):
    if "told" not in e:
        return ""
    return ", telemetry finding after %.2f s, lost %s, said %s" % (e["delay"], percent(e["true"]), percent(e["told"]))


def explain(name, result, out=sys.stdout):
    """Event by event, for a person who looks for the reason."""
    for e in result["events"]:
        if e["recurring"]:
            print("%s %s %s: found, as a recurrence of an earlier incident, culprit exact %s" % (
                name, e["id"], e["fault"], e["exact"]), file=out)
        elif e["found"]:
            print("%s %s %s: found after %.2f s, culprit exact %s, service %s, kind %s, %d incident(s)" % (
                name, e["id"], e["fault"], e["delay"], e["exact"], e["service"], "right" if e["kind_ok"] else "wrong",
                e["incidents"]), file=out)
            if not e.get("held", True):
                print("%s %s %s: its incident had ended before it did" % (name, e["id"], e["fault"]), file=out)
        else:
            print("%s %s %s: missed" % (name, e["id"], e["fault"]), file=out)
    for e in result["expected"]:
        print("%s %s %s (expected): %s%s" % (name, e["id"], e["kind"], e["was"], finding_text(e)), file=out)
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


def setting(scenario, name):
    """A setting that the scenario's file itself makes (not what it includes); 0 where it makes none or is not there."""
    if not os.path.exists(scenario):
        return 0.0
    with open(scenario) as f:
        words = [line.split() for line in f]
    values = [w[2] for w in words if len(w) > 2 and w[:2] == ["set", name]]
    return float(values[-1]) if values else 0.0


def replay_one(args, scenario, seed):
    """Makes the recording and replays it: the scenario's name, the truth, the incidents."""
    name = os.path.splitext(os.path.basename(scenario))[0]
    stem = os.path.join(args.work, "%s.%d" % (name, seed))
    als, truth, found = stem + ".als", stem + ".truth.json", stem + ".incidents.jsonl"
    sim = [args.meshsim, "--scenario", scenario, "--seed", str(seed), "--truth", truth]
    long_s = setting(scenario, "slow_duration_s")
    if args.slow and long_s:
        sim += ["--duration", "%g" % long_s]
    sim.append("--out")
    replay = [args.foreshock, "replay", "--format", "als", "--incidents", "-"]
    with open(found, "wb") as f:
        if args.keep:
            subprocess.run(sim + [als], check=True)
            subprocess.run(replay + [als], check=True, stdout=f, stderr=subprocess.PIPE)
        else:
            piped(sim + ["-"], replay + ["-"], f)
    with open(truth) as t, open(found) as f:
        return name, json.load(t), read_incidents(f)


def run_one(args, scenario, seed):
    name, truth, incidents = replay_one(args, scenario, seed)
    return name, seed, score(truth, incidents)


def first_existing(*paths):
    return next((p for p in paths if os.path.exists(p)), paths[0])


def add_programs(p):
    p.add_argument("--meshsim", default=first_existing(os.path.join(ROOT, "build", "bench", "sim", "meshsim"),
                                                       os.path.join(ROOT, "build", "meson", "bench", "sim", "meshsim")))
    p.add_argument("--foreshock", default=os.path.join(ROOT, "build", "foreshock"))
    p.add_argument("--jobs", type=int, default=2)
    p.add_argument("--work", default=os.path.join(ROOT, "build", "quality"))
    p.add_argument("--keep", action="store_true", help="keep the recordings")


def arguments():
    p = argparse.ArgumentParser(description=__doc__)
    add_programs(p)
    p.add_argument("--truth", help="score one replay: its truth")
    p.add_argument("--incidents", help="score one replay: its incidents, a line each")
    p.add_argument("--seeds", default="1001:3", help="FIRST:COUNT (1..99 are for tuning, the table starts at 1001)")
    p.add_argument("--csv", help="write the rows here (results.csv is kept in git)")
    p.add_argument("--slow", action="store_true", help="the long scenarios too, and the quiet ones at full length")
    p.add_argument("--reliability", help="write the bins of the confidences here (reliability.csv beside --csv if not)")
    p.add_argument("--explain", action="store_true", help="tell each event and each false incident")
    p.add_argument("scenario", nargs="*", help="files; all in scenarios/ if none")
    return p.parse_args()


def score_one(args):
    with open(args.truth) as t, (sys.stdin if args.incidents == "-" else open(args.incidents)) as f:
        truth = json.load(t)
        result = score(truth, read_incidents(f))
    explain(truth.get("scenario", "recording"), result)
    table([row(truth.get("scenario", "recording"), [result])])
    summary([result])


def seeds_of(args):
    """FIRST:COUNT, or one."""
    first, _, count = args.seeds.partition(":")
    return range(int(first), int(first) + int(count or 1))


def run_each(args, work, jobs):
    """work(args, *job) for each job, args.jobs at a time. Yields (job, what it gave) in their order; of one whose
    program breaks, its last words go to stderr, and it gave None."""
    with concurrent.futures.ThreadPoolExecutor(max_workers=args.jobs) as pool:
        for job, running in [(job, pool.submit(work, args, *job)) for job in jobs]:
            try:
                yield job, running.result()
            except subprocess.CalledProcessError as e:
                said = (e.stderr or b"").decode()[-2000:]
                print("%s: %s: exit %d: %s" % (" ".join(map(str, job)), " ".join(e.cmd), e.returncode, said),
                      file=sys.stderr)
                yield job, None


def run_all(args):
    folder = os.path.join(HERE, "scenarios")
    scenarios = args.scenario or sorted(os.path.join(folder, f) for f in os.listdir(folder) if f.endswith(".txt"))
    if not (args.scenario or args.slow):
        scenarios = [s for s in scenarios if not setting(s, "slow")]
    os.makedirs(args.work, exist_ok=True)
    results, broken = {}, 0
    for _, done in run_each(args, run_one, [(s, seed) for s in scenarios for seed in seeds_of(args)]):
        if done is None:
            broken += 1
            continue
        name, seed, result = done
        results.setdefault(name, []).append(result)
        if args.explain:
            explain("%s/%d" % (name, seed), result)
    return finish(args, results, broken)


def write_csv(path, columns, rows):
    with open(path, "w", newline="") as f:
        writer = csv.DictWriter(f, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def finish(args, results, broken):
    everything = [s for scores in results.values() for s in scores]
    rows = [row(name, scores) for name, scores in results.items()] + [row("all", everything)]
    table(rows)
    bins = summary(everything)
    if not broken:
        if args.csv:
            write_csv(args.csv, COLUMNS, rows)
        path = args.reliability or (args.csv and os.path.join(os.path.dirname(args.csv), "reliability.csv"))
        if path:
            write_csv(path, BIN_COLUMNS, bins)
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
