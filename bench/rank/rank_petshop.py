"""PetShop (Hardt et al., CLeaR 2024): rows of five minutes, a service's requests, latency and availability."""
import os
from rank_data import labels_read, table_join, table_read, topology_read

STEP_S = 300
ENTRY = "PetSite"  # what users see: every alert of the set is on it
QUANTILES = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99}
ONSET_ROW = 2  # the first row after the alert, by the protocol of the authors


def value(table, name, row):
    column = table.column.get(name)
    return column[row] if column else None


def amounts(table, service, latency=None):
    """Requests of each row and their failures, or with a statistic of the latency the seconds that they took."""
    out = []
    for row in range(len(table.times)):
        n = value(table, f"{service}/requests/Sum", row) or 0.0
        if latency:
            each = value(table, f"{service}/latency/{latency}", row)
        else:
            percent = value(table, f"{service}/availability/Average", row)
            each = None if percent is None else 1.0 - percent / 100.0
        out.append((n, n * each) if n > 0.0 and each is not None else (0.0, 0.0))
    return out


def below(edges, top):
    """The services that a request to `top` may reach."""
    seen, todo = {top}, [top]
    while todo:
        at = todo.pop()
        for caller, callee in edges:
            if caller == at and callee not in seen:
                seen.add(callee)
                todo.append(callee)
    return seen


def shares_of(edges, table):
    """Part of a callee's requests that comes from each caller: nothing counts it, so by the callers' own requests."""
    def total(service):
        return sum(x or 0.0 for x in table.column.get(f"{service}/requests/Sum", []))
    out = []
    for caller, callee in edges:
        everyone = sum(total(other) for other, to in edges if to == callee)
        out.append(total(caller) / everyone if everyone > 0.0 else 1.0)
    return out


def begins(issue, normal, victim, latency):
    """The alert comes late: the window begins where the victim's excess does, if there is a calm row before that."""
    usual = sorted(a / n for n, a in amounts(normal, victim, latency) if n)
    high = usual[int(0.99 * (len(usual) - 1))]
    hot = [n > 0 and a / n > high for n, a in amounts(issue, victim, latency)]
    row = ONSET_ROW
    while row > 0 and hot[row - 1]:
        row -= 1
    return row if row > 0 else ONSET_ROW


class Case:
    """One issue with its normal file, and what may be asked of it."""

    def __init__(self, root, label):
        folder = os.path.join(root, "petshop")
        self.name, self.fault = label["case"], label["fault_type"]
        self.truth = label["root_cause_service"].replace(" ", "_")
        self.victim = label["alert"]["service"]
        latency = label["alert"]["metric"] == "latency"
        self.statistic = label["alert"]["statistic"] if latency else None
        self.normal = table_read(os.path.join(folder, label["normal_file"]))
        self.issue = table_read(os.path.join(folder, label["files"][0]))
        self.edges = topology_read(os.path.join(folder, label["topology_file"]))

    def text(self, row=None, latency="given"):
        """As bench_rank reads it. row: of the issue file, where the trouble begins."""
        latency = self.statistic if latency == "given" else latency
        if row is None:
            row = begins(self.issue, self.normal, self.victim, latency)
        rows = (len(self.normal.times), row, len(self.issue.times) - row)
        return text_of(self.victim, self.edges, table_join(self.normal, self.issue), rows, latency)


def cases_read(root):
    """The cases that have a normal file."""
    return [Case(root, label) for label in labels_read(root, "petshop") if label["normal_file"]]


def text_of(top, edges, table, rows, latency):
    reached = below(edges, top)
    edges = [edge for edge in edges if edge[0] in reached]
    services = sorted(reached)
    lines = [f"rows {rows[0]} {rows[1]} {rows[2]}", "family " + ("latency" if latency else "errors")]
    lines += [f"node {name.replace(' ', '_')}" for name in services]
    lines.append(f"victim {services.index(top)}")
    lines += [f"edge {services.index(a)} {services.index(b)}" for a, b in edges]
    lines += [f"share {i} {s:.6f}" for i, s in enumerate(shares_of(edges, table))]
    for i, name in enumerate(services):
        pairs = " ".join(f"{n:.0f} {a:.6g}" for n, a in amounts(table, name, latency))
        lines.append(f"server {i} 0 {pairs}")
    return "\n".join(lines) + "\n"


def watch_text(edges, table, top):
    """As bench_watch reads it: failures and latencies of every service that a request may reach."""
    lines = []
    for service in sorted(below(edges, top)):
        name, pairs = service.replace(" ", "_"), amounts(table, service)
        if not any(n for n, _ in pairs):
            continue
        lines.append(f"ratio {name} " + " ".join(f"{n:.0f} {e:.0f}" for n, e in pairs))
        columns = [table.column.get(f"{service}/latency/{q}") for q in QUANTILES]
        if not all(columns):
            continue
        cells = (" ".join("-" if c[i] is None else f"{c[i]:.6g}" for c in columns) for i in range(len(pairs)))
        ranks = " ".join(str(rank) for rank in QUANTILES.values())
        lines.append(f"latency {name} {len(QUANTILES)} {ranks} " +
                     " ".join(f"{pairs[i][0]:.0f} {text}" for i, text in enumerate(cells)))
    return "\n".join(lines) + "\n"


def normals_read(root):
    """The normal file of each scenario that has one, with its call graph."""
    out = {}
    for label in labels_read(root, "petshop"):
        name = label["normal_file"]
        if name:
            folder = os.path.join(root, "petshop")
            edges = topology_read(os.path.join(folder, label["topology_file"]))
            out[name.split("-")[1].split(".")[0]] = (edges, table_read(os.path.join(folder, name)))
    return out
