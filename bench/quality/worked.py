#!/usr/bin/env python3
"""Writes docs/incidents.md: one incident of each kind, from a simulated recording, as `foreshock explain` tells it."""
import argparse
import json
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))

# title, scenario, seed, what really happened, words in the incident's summary
WORKED = (
    ("Errors of one pod", "errors_pod", 1, "One pod of several answers 500 to a part of its requests.", "pod"),
    ("Slow, through services that report nothing", "chain_latency", 1,
     "The last of six services in a row is slow; two on the way have no proxy.", "vault"),
    ("A short dip", "mesh_b", 1, "For a second and a half one cluster's part of a service cannot be reached.",
     "cannot be reached"),
    ("A slow network", "time_network", 1, "80 ms more on the way between two proxies.", "network"),
    ("Retries that hide failures", "retries_mask", 1, "Tries fail, and are tried again until they succeed.", "retried"),
    ("A queue that overflows", "saturation", 1, "A service loses three quarters of its capacity.", "slow"),
    ("A page that nobody asks for any more", "drop_sizes", 1, "All users of one route stay away.", "route home"),
    ("A bad version", "scene_rollout_bad", 1, "A new version comes with a fault.", "version"),
    ("A good version", "scene_rollout_clean", 1, "A new version replaces the old one and is well.", "has taken over"),
    ("A failover", "scene_failover", 1, "The users of one cluster go to another.", "moved"),
    ("A surge", "scene_surge", 1, "More users come.", "more requests"),
    ("Reports are lost", "telemetry_loss", 1, "A part of the proxies' messages is lost; the traffic is fine.",
     "telemetry degraded"),
    ("A cause that nobody sees", "outside_shared", 1,
     "A data base that three services share is slow; nobody reports of it.", "insufficient evidence"),
)

HEAD = """\
# Incidents, worked

One of each kind, from a simulated mesh whose truth is known, as `foreshock explain` tells it.
`python3 bench/quality/worked.py` makes this page anew. Each can be had by hand:

    meshsim --scenario bench/quality/scenarios/errors_pod.txt --seed 1 --out a.als --truth a.json
    foreshock replay --incidents a.jsonl a.als
    foreshock explain --file a.jsonl
"""


def told(args, directory, scenario, seed, words):
    """What `explain` says of the first incident whose summary has these words, and how it was made."""
    als, incidents = os.path.join(directory, "a.als"), os.path.join(directory, "a.jsonl")
    sim = [args.meshsim, "--scenario", os.path.join(HERE, "scenarios", scenario + ".txt"), "--seed", str(seed), "--out",
           als, "--truth", os.path.join(directory, "a.json")]
    subprocess.run(sim, check=True, stderr=subprocess.DEVNULL)
    subprocess.run([args.foreshock, "replay", "--incidents", incidents, als], check=True, stderr=subprocess.DEVNULL)
    with open(incidents, encoding="utf-8") as f:
        fits = [i for i in map(json.loads, f) if words in i["summary"]]
    if not fits:
        raise SystemExit(f"worked: {scenario}, seed {seed}: no incident says '{words}'")
    explain = [args.foreshock, "explain", "--ascii", "--file", incidents, fits[0]["id"]]
    return subprocess.run(explain, check=True, capture_output=True, text=True, env={"COLUMNS": "100"}).stdout


def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--meshsim", default=os.path.join(ROOT, "build", "release", "bench", "sim", "meshsim"))
    p.add_argument("--foreshock", default=os.path.join(ROOT, "build", "foreshock"))
    p.add_argument("--out", default=os.path.join(ROOT, "docs", "incidents.md"))
    args = p.parse_args()
    parts = [HEAD]
    with tempfile.TemporaryDirectory() as directory:
        for title, scenario, seed, truth, words in WORKED:
            said = told(args, directory, scenario, seed, words)
            parts.append(f"## {title}\n\n{truth} (`{scenario}.txt`, seed {seed})\n\n```\n{said.strip()}\n```\n")
    with open(args.out, "w", encoding="utf-8") as f:
        f.write("\n".join(parts))
    return 0


if __name__ == "__main__":
    sys.exit(main())
