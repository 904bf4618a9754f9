"""The commands: statuses, messages, help, and that a replay's answer depends on its input alone.

    test_commands.py BINARY ROOT
"""
import json
import os
import sys
import tempfile

from e2e_daemon import Tap, run
from e2e_openapi import openapi_read, schema_errors

try:
    import e2e_mesh
except ImportError as missing:
    e2e_mesh, MISSING = None, str(missing)

COMMANDS = ("run", "replay", "stats", "record", "incidents", "explain", "calibration", "check", "version", "help")


def test_help(tap, binary, root):
    overview = run(binary, "help")
    tap.ok("help lists every command", overview.returncode == 0 and all(f"  {c} " in overview.stdout for c in COMMANDS))
    for command in COMMANDS:
        out = run(binary, command, "--help")
        tap.ok(f"{command} --help", out.returncode == 0 and f"Usage: foreshock {command}" in out.stdout, out.stderr)
    with open(os.path.join(root, "docs", "reference-cli.md"), encoding="utf-8") as file:
        tap.ok("docs/reference-cli.md is what help --reference says",
               file.read() == run(binary, "help", "--reference").stdout, "write it anew")


def test_usage(tap, binary):
    for words in ([], ["nonsense"], ["replay"], ["replay", "a", "b"], ["replay", "--format", "x", "a"], ["stats"],
                  ["stats", "--format", "recording", "a"], ["record"], ["check"], ["explain"], ["run", "--nope"],
                  ["run", "--data"], ["help", "nonsense"]):
        out = run(binary, *words)
        tap.ok(f"usage: {' '.join(words) or 'nothing'}", out.returncode == 2 and out.stderr and not out.stdout, out)
    out = run(binary, "version")
    tap.ok("version", out.returncode == 0 and out.stdout.startswith("foreshock 0.") and "yyjson" in out.stdout, out)


def test_check(tap, binary, folder):
    path = os.path.join(folder, "c.yaml")

    def check(text):
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return run(binary, "check", "--config", path)

    out = check("api_port: 0\nalerts_per_week: 2\n")
    tap.equal("a good config is 0 and silent", (out.returncode, out.stdout, out.stderr), (0, "", ""))
    out = check("api_port: 0\nalerts: 2\n")
    tap.equal("a bad one is 1 with file, line, column and reason", (out.returncode, out.stderr),
              (1, f"{path}:2:1: unknown key 'alerts'\n"))
    out = run(binary, "run", "--config", path)
    tap.ok("run refuses it, too", out.returncode == 1 and f"{path}:2:1: unknown key" in out.stderr, out)
    out = run(binary, "run", "--set", "api_port=x")
    tap.ok("and a bad --set", out.returncode == 1 and "api_port" in out.stderr, out)
    out = run(binary, "check", "--config", path + ".none")
    tap.ok("a missing file is 1", out.returncode == 1 and "No such file" in out.stderr, out)


def test_unreachable(tap, binary):
    out = run(binary, "incidents", "--url", "http://127.0.0.1:1")
    tap.ok("no daemon is 1 and says so", out.returncode == 1 and "is `foreshock run` running" in out.stderr, out)
    out = run(binary, "explain", "nonsense")
    tap.ok("an id that is none is 1", out.returncode == 1 and "16 hex digits" in out.stderr, out)


def test_explain_file(tap, binary, folder):
    path = os.path.join(folder, "incidents.jsonl")
    whole = {"verdict": "unhealthy", "kind": "errors", "severity": "critical", "started_at": "2026-03-02T09:00:00Z",
             "detected_at": "2026-03-02T09:00:02Z", "ended_at": None, "root_causes": [], "affected": [],
             "not_affected": [], "impact": {"requests": 9, "failed": 4, "slow": 0}, "confidence": 0.5}
    with open(path, "w", encoding="utf-8") as file:
        for id_, summary in (("0000000000000001", "cart fails"), ("0000000000000002", "ad fails")):
            file.write(json.dumps({"id": id_, "summary": summary, **whole}) + "\n")
    out = run(binary, "explain", "--file", path)
    tap.ok("explain tells all incidents of a file", "cart fails" in out.stdout and "ad fails" in out.stdout, out)
    out = run(binary, "explain", "--file", path, "0000000000000002")
    tap.ok("or the one that is asked for", "cart fails" not in out.stdout and "ad fails" in out.stdout, out)
    out = run(binary, "explain", "--file", path, "0000000000000003")
    tap.ok("one that is not there is 1", out.returncode == 1 and "no incident 0000000000000003" in out.stderr, out)
    with open(path, "a", encoding="utf-8") as file:
        file.write("[]\n")
    out = run(binary, "explain", "--file", path)
    tap.ok("a line that is none is 1, with its number", out.returncode == 1 and "incidents.jsonl:3:" in out.stderr, out)


def test_bad_inputs(tap, binary, folder):
    out = run(binary, "replay", os.path.join(folder, "none"))
    tap.ok("a missing input is 1", out.returncode == 1 and "No such file" in out.stderr, out)
    path = os.path.join(folder, "garbage")
    with open(path, "wb") as file:
        file.write(bytes(range(256)) * 64)
    for form in ("recording", "journal"):
        out = run(binary, "replay", "--format", form, path)
        tap.ok(f"garbage as a {form} is 1 with the file", out.returncode == 1 and path in out.stderr, out)
    out = run(binary, "replay", "--format", "als-grpc", path)
    tap.ok("garbage as als-grpc is 1 with the offset", out.returncode == 1 and "offset" in out.stderr, out)


def incidents_of(text):
    return [json.loads(line) for line in text.splitlines()]


def test_numbers(tap, root, incident):
    """The finding of a service that fails all of its requests from second 30 on, where none is normal."""
    api = openapi_read(os.path.join(root, "docs", "openapi.yaml"))
    schema = api["components"]["schemas"]["Incident"]
    added = ["muted", "finding", "plot", "time", "gauges", "occurrences", "recurrences", "decisions"]
    errors = schema_errors(api, schema | {"required": schema["required"] + added}, incident)
    tap.equal("it is as documented, with all that was added", errors, [])
    finding, plot = incident.get("finding") or {}, incident.get("plot") or {}
    tap.ok("its finding: all fail, next to none is normal",
           finding.get("signal") == "errors" and finding["observed"] > 0.9 and finding["baseline"] < 0.01 and
           finding["log_e"] > finding["threshold"], finding)
    tap.ok("the onset to a tick", finding.get("onset", "")[17:22] in ("29.75", "30.00", "30.25"), finding)
    tap.ok("and the plot shows both, with as many requests as values", plot and plot["values"][0] == 0 and
           plot["values"][-1] > 0.9 and len(plot["values"]) == len(plot["requests"]) <= 120, plot)


def test_replay(tap, binary, folder, root):
    path, out_path = os.path.join(folder, "mesh.als"), os.path.join(folder, "incidents")
    traffic = e2e_mesh.als_file(path, 45, failing_from=30)
    one = run(binary, "replay", "--threads", "1", "--digest", path)
    found = incidents_of(one.stdout)
    tap.ok("the failing service is found", one.returncode == 0 and found, one)
    tap.equal("and named", found[0]["root_causes"][0]["entity"].get("service") if found else None, "cart")
    test_numbers(tap, root, found[0] if found else {})
    tap.ok("every entry counts", f"{traffic.entries} entries" in one.stderr, one.stderr)
    tap.equal("in order of start and id", found, sorted(found, key=lambda i: (i["started_at"], i["id"])))
    digest = [line for line in one.stderr.splitlines() if line.startswith("digest ")]
    for threads in ("1", "2", "4"):
        out = run(binary, "replay", "--threads", threads, "--incidents", out_path, "--digest", path)
        with open(out_path, encoding="utf-8") as file:
            tap.equal(f"{threads} threads: the same bytes and digest", (file.read(), out.stdout.split("\n")[:-1]),
                      (one.stdout, digest))
    with open(path, "rb") as file:
        data = file.read()
    with open(path, "rb") as file:
        tap.equal("from standard input the same", run(binary, "replay", "-", stdin=file).stdout, one.stdout)
    strict = run(binary, "replay", "--set", "max_series=64", "--digest", path)
    tap.ok("--set reaches the engine", strict.returncode == 0 and digest[0] not in strict.stderr, strict)
    with open(path, "wb") as file:
        file.write(data[:-3])
    cut = run(binary, "replay", path)
    tap.ok("a cut file: 1, the offset, and what came before", cut.returncode == 1 and "offset" in cut.stderr and
           incidents_of(cut.stdout)[:1] and incidents_of(cut.stdout)[0]["id"] == found[0]["id"], cut)


def main():
    tap, binary, root = Tap(), os.path.abspath(sys.argv[1]), sys.argv[2]
    with tempfile.TemporaryDirectory() as folder:
        test_help(tap, binary, root)
        test_usage(tap, binary)
        test_check(tap, binary, folder)
        test_unreachable(tap, binary)
        test_bad_inputs(tap, binary, folder)
        test_explain_file(tap, binary, folder)
        if e2e_mesh:
            test_replay(tap, binary, folder, root)
        else:
            tap.skip("replay of a made-up mesh", MISSING)
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
