#!/usr/bin/env python3
"""Is what Foreshock received what the sidecars wrote? Compares foreshock_entries_total with the sum of Envoy's own
access_logs.grpc_access_log.logs_written, once the load has stopped. Exit status 0: equal and nothing dropped.

  check_counts.py build/demo/mesh.json        the addresses of a running demo (demo.py --keep writes them)
"""
import dataclasses
import json
import sys
import time

from mesh_ask import http_get


@dataclasses.dataclass
class Counts:
    written: int = 0   # by the sidecars
    dropped: int = 0
    streams: int = 0   # opened by them
    entries: int = 0   # received by Foreshock
    messages: int = 0

    @property
    def exact(self):
        return self.written > 0 and self.entries == self.written and self.dropped == 0 and self.messages > 0

    def __str__(self):
        return (f"the sidecars wrote {self.written:,} log entries and dropped {self.dropped:,}; "
                f"Foreshock received {self.entries:,} in {self.messages:,} messages on {self.streams:,} streams")


def counters_add_envoy(counts, admin):
    text = http_get(tuple(admin), "/stats")[1]
    names = {"access_logs.grpc_access_log.logs_written": "written",
             "access_logs.grpc_access_log.logs_dropped": "dropped",
             "cluster.foreshock.upstream_rq_total": "streams"}
    for line in text.splitlines():
        name, _, value = line.partition(": ")
        if name in names:
            setattr(counts, names[name], getattr(counts, names[name]) + int(value))


def counters_add_foreshock(counts, api):
    for line in http_get(tuple(api), "/metrics")[1].splitlines():
        name, _, value = line.partition(" ")
        if name == "foreshock_entries_total":
            counts.entries = int(float(value))
        elif name == "foreshock_messages_total":
            counts.messages = int(float(value))


def counts_read(admins, api, retired=Counts()):
    counts = dataclasses.replace(retired)
    for admin in admins:
        counters_add_envoy(counts, admin)
    counters_add_foreshock(counts, api)
    return counts


def counts_settle(admins, api, retired=Counts(), seconds=5.0):
    """Reads until the two agree, at most for some seconds: the last entries are still on their way. retired: what was
    written by sidecars that have ended."""
    end = time.monotonic() + seconds
    counts = counts_read(admins, api, retired)
    while not counts.exact and time.monotonic() < end:
        time.sleep(0.2)
        counts = counts_read(admins, api, retired)
    return counts


def main():
    if len(sys.argv) != 2 or sys.argv[1].startswith("-"):
        print(__doc__.strip())
        return 0 if sys.argv[1:] == ["--help"] else 2
    with open(sys.argv[1], encoding="utf-8") as f:
        mesh = json.load(f)
    counts = counts_settle(mesh["admins"], mesh["api"])
    print(("equal: " if counts.exact else "NOT equal: ") + str(counts))
    return 0 if counts.exact else 1


if __name__ == "__main__":
    sys.exit(main())
