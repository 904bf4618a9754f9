"""RCAEval's sample (Pham et al., WWW 2025): a row a second of load, latency and CPU a service."""
import os
from rank_data import labels_read, table_cut, table_join, table_read, topology_read

BEFORE_S, AFTER_S = 600, 300


class Case:
    def __init__(self, root, label):
        folder = os.path.join(root, "rcaeval_sample")
        self.name, self.fault, self.truth = label["case"], label["fault_type"], label["root_cause_service"]
        table, start = table_read(os.path.join(folder, label["files"][0])), label["fault_start"]
        self.base = table_cut(table, lambda t: start - BEFORE_S <= t < start)
        self.window = table_cut(table, lambda t: start <= t < start + AFTER_S)
        self.edges = topology_read(os.path.join(folder, label["topology_file"]))

    def load(self, service):
        return sum(x or 0.0 for x in self.base.column.get(f"{service}/load", []))

    def share(self, caller, callee):
        everyone = sum(self.load(a) for a, b in self.edges if b == callee)
        return self.load(caller) / everyone if everyone > 0.0 else 1.0

    def text(self):
        """As bench_rank reads it."""
        table = table_join(self.base, self.window)
        services = sorted({end for edge in self.edges for end in edge})
        lines = [f"rows {len(self.base.times)} 0 {len(self.window.times)}", "family latency"]
        lines += [f"node {name}" for name in services]
        lines += [f"edge {services.index(a)} {services.index(b)}" for a, b in self.edges]
        lines += [f"share {i} {self.share(a, b):.6f}" for i, (a, b) in enumerate(self.edges)]
        for i, name in enumerate(services):
            load, latency = table.column.get(f"{name}/load"), table.column.get(f"{name}/latency")
            if load and latency:
                cells = [(n, t) if n and t is not None else (0.0, 0.0) for n, t in zip(load, latency)]
                lines.append(f"server {i} 0 " + " ".join(f"{n:.3f} {n * t:.6g}" for n, t in cells))
            cpu = [[max(0.0, v / 100.0) for v in part.column.get(f"{name}/cpu", []) if v is not None]
                   for part in (self.base, self.window)]
            if all(cpu):
                lines.append(f"gauge {i} {len(cpu[0])} {len(cpu[1])} " +
                             " ".join(f"{v:.5f}" for v in cpu[0] + cpu[1]))
        return "\n".join(lines) + "\n"


def cases_read(root):
    return [Case(root, label) for label in labels_read(root, "rcaeval_sample")]
