"""Writes the reference pages in docs/ from the tables in the source, which are their only origin.

    gen_docs.py            writes docs/reference-*.md
    gen_docs.py --check    prints TAP: each page is as it would be written now
"""
import os
import re
import sys

from tap import Tap

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
NOTE = "<!-- Written by ./dev docs from {source}. Change it there. -->\n\n"


# ---- reading C tables ----

def source_read(path):
    with open(os.path.join(ROOT, path), encoding="utf-8") as file:
        return file.read()


def parameter_replace(body, name, value):
    """The macro's body with a parameter replaced, but not in literals."""
    return re.sub(rf'"(?:\\.|[^"\\])*"|\b{name}\b', lambda m: value if m.group(0) == name else m.group(0), body)


def table_text(text, macro, values=()):
    """The body of `#define MACRO(X) ...` with its continued lines joined, and with the rows of the tables that it
    calls: OTHER_TABLE(X, VALUE...)."""
    found = re.search(rf"^#define {macro}\(X([^)]*)\)((?:[^\n]*\\\n)*[^\n]*)", text, re.MULTILINE)
    if not found:
        raise ValueError(f"no table {macro}")
    body = found.group(2).replace("\\\n", " ")
    for name, value in zip(re.findall(r"\w+", found.group(1)), values, strict=True):
        body = parameter_replace(body, name, value)
    body = re.sub(r"\s*##\s*", "", body)
    while m := re.search(r"\b(\w+_TABLE)(\()X,", body):
        arguments, end = arguments_split(body, m.start(2))
        body = body[:m.start()] + table_text(text, m.group(1), arguments[1:]) + body[end:]
    return body


def arguments_split(text, at):
    """The arguments of the call whose '(' is at text[at], and the place behind its ')'."""
    arguments, depth, start = [], 0, at + 1
    token = re.compile(r'"(?:\\.|[^"\\])*"|\'(?:\\.|[^\'\\])\'|[(),]')
    for m in token.finditer(text, at):
        if m.group(0) == "(":
            depth += 1
        elif m.group(0) == ")":
            depth -= 1
            if depth == 0:
                arguments.append(text[start:m.start()].strip())
                return arguments, m.end()
        elif m.group(0) == "," and depth == 1:
            arguments.append(text[start:m.start()].strip())
            start = m.end()
    raise ValueError(f"a call without end: {text[at:at + 60]}")


def literal_value(argument):
    """The text of (adjacent) C literals; anything else as it stands."""
    pieces = re.findall(r'"((?:\\.|[^"\\])*)"|\'((?:\\.|[^\'\\]))\'', argument)
    if not pieces:
        return argument
    return re.sub(r"\\(.)", r"\1", "".join(a or b for a, b in pieces))


def table_rows(path, macro):
    """Rows of an X-macro table, each a list of texts."""
    text, rows, at = table_text(source_read(path), macro), [], 0
    for m in re.finditer(r"\bX\(", text):
        if m.start() >= at:
            arguments, at = arguments_split(text, m.end() - 1)
            rows.append([literal_value(a) for a in arguments])
    return rows


def table_macros(path, prefix):
    """[(name, text)] of the plain text macros with that prefix."""
    return [(name, text) for name, text in
            re.findall(rf'^#define ({prefix}\w+) "([^"]*)"$', source_read(path), re.MULTILINE)]


def limits_read():
    """[(group, name, value, meaning)] of base_limits.h, in its order. A comment on a line of its own opens a group;
    a limit's own comment stands behind it."""
    group, limits = "", []
    token = re.compile(r"^/\* (.*?) \*/$|^#define (LIMIT_\w+)[ \t]+([^\n]+?)[ \t]*(?:/\*([^*]*)\*/)?$",
                       re.MULTILINE | re.DOTALL)
    for m in token.finditer(source_read("src/base/base_limits.h")):
        heading, name, value, meaning = m.groups()
        if heading:
            group = re.sub(r"\s*\n \* ?", " ", heading)
        else:
            limits.append((group, name, value, " ".join((meaning or "").split())))
    return limits


# ---- numbers ----

def number(text):
    """The value of a C integer expression of literals, shifts, products and other limits."""
    for _, name, value, _ in limits_read():
        text = re.sub(rf"\b{name}\b", f"({value})", text)
    plain = re.sub(r"\b(\d+)(?:u|l|ul|ull|ll)\b", r"\1", text, flags=re.IGNORECASE)
    if not re.fullmatch(r"[\d\s()<*+-]+", plain):
        raise ValueError(f"no plain number: {text}")
    return eval(plain, {"__builtins__": {}})  # only digits and operators are left


def limit_value(name, value):
    """A limit as a person reads it; the unit is in its name."""
    n = number(value)
    if name.endswith(("_NS", "_NS_MIN", "_NS_MAX")):
        return f"{n // 10**6} ms" if n < 10**9 else f"{n / 10**9:g} s"
    if name.endswith("_BYTES") and n >= 1 << 16:
        return f"{n >> 20} MiB" if n % (1 << 20) == 0 else f"{n >> 10} KiB"
    return f"{n:,}"


def plain_number(text):
    return str(number(text)) if "LIMIT_" in text else text


TYPES = {"U64": "integer", "NAMES": "names", "DOUBLE": "number", "DURATION": "duration", "STRING": "text",
         "ADDRESS": "address", "SCOPES": "scopes", "URL": "URL", "NAME": "name", "BOOL": "true, false",
         "ACTTYPE": "type", "LIST": "list", "LABELS": "map", "SEVERITY": "severity", "PAIRS": "pairs",
         "LOGFORM": "text, json"}


# ---- pages ----

def cell(text):
    return text.replace("|", "\\|").replace("<", "&lt;")


def markdown_table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    lines += ["| " + " | ".join(cell(c) for c in row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def page_counters():
    source = "src/rec/rec_counter.h"
    rows = table_rows(source, "REC_COUNTER_TABLE")
    events = [(f"`foreshock_{text}_total`", doc) for name, text, doc in rows if not name.startswith("REJECT_")]
    rejects = [(f"`{text}`", doc) for name, text, doc in rows if name.startswith("REJECT_")]
    return (NOTE.format(source=source) + "# Counters\n\nServed at `/metrics`, and each counts from the start of the "
            "process.\n\n" + markdown_table(["metric", "counts"], events) +
            "\n## Reject reasons\n\nWhat could not be used, by reason: the keys of `rejected` in `foreshock stats`, "
            "and `foreshock_<reason>_total` at `/metrics`.\n\n" + markdown_table(["reason", "counts"], rejects))


CLASS_GROUPS = {"o": "fine", "e": "failure", "c": "client's doing", "x": "apart"}
SHARES = ["services and above", "routes and edges", "pods and versions"]


def page_vocabulary():
    source = "src/rec/rec_name.h"
    levels = [(f"`{text}`", kind, SHARES[int(share)], doc)
              for _, text, kind, share, doc in table_rows(source, "REC_LEVEL_TABLE")]
    classes = [(f"`{text}`", CLASS_GROUPS[group], doc) for _, text, group, doc in table_rows(source, "REC_CLASS_TABLE")]
    signals = [(f"`{text}`", kind, doc) for _, text, kind, doc in table_rows(source, "REC_SIGNAL_TABLE")]
    dims = ", ".join(f"`{key}`" for _, key in table_rows(source, "REC_DIM_TABLE"))
    stages = [(f"`{text}_sum_ns`", doc) for _, text, doc in table_rows(source, "REC_STAGE_TABLE")]
    roles = [(f"`{text}`", "yes" if ranks == "1" else "no", doc)
             for _, text, ranks, doc in table_rows(source, "REC_ROLE_TABLE")]
    units = ", ".join(f"`{text}`" for _, text in table_rows(source, "REC_UNIT_TABLE") if text)
    places = [(f"`{text}`", doc) for _, text, _, doc in table_rows(source, "REC_PLACE_TABLE")]
    return (NOTE.format(source=source) + "# Vocabulary\n\nThe closed lists of words in Foreshock's output.\n"
            "\n## Levels\n\nWhat a series is about; the kind is that of the entity in an incident, the share says "
            "whose part of the false-alarm budget it draws on.\n\n" +
            markdown_table(["level", "kind", "share", "holds"], levels) +
            f"\n## Names of an entity\n\n{dims}\n" +
            "\n## Outcome classes\n\nEvery finished request is of exactly one. Only failures count as errors; requests "
            "that are classed apart are in no rate, no error rate and no latency.\n\n" +
            markdown_table(["class", "group", "which"], classes) +
            "\n## Signals\n\nWhat is watched of every series.\n\n" +
            markdown_table(["signal", "incident kind", "raised by"], signals) +
            "\n## Gauges\n\nWhat a sampled number tells about ([gauge](detectors/gauge.md)), and whether one that is "
            "unusual makes its service a likelier cause or is only shown.\n\n" +
            markdown_table(["role", "ranks", "is"], roles) + f"\nUnits: {units}; a plain number has none.\n" +
            "\n## Places\n\nWhere a slow request's time can have gone ([time](detectors/time.md)); `several` where "
            "no one of them has most of it.\n\n" + markdown_table(["place", "is"], places) +
            "\n## Stages\n\nHow one proxy's report divides its requests' time, in observations of edges.\n\n" +
            markdown_table(["sum", "of"], stages))


def page_limits():
    page = (NOTE.format(source="src/base/base_limits.h") + "# Limits\n\nEvery bound of the program, and what happens "
            "there. In brackets: the [counter](reference-counters.md) that says how often it did.\n")
    rows, group_now = [], None
    for group, name, value, meaning in limits_read() + [(None, "", "", "")]:
        if group != group_now and rows:
            title, _, about = group_now.partition(". ")
            page += f"\n## {title.rstrip('.')}\n\n" + (f"{about}\n\n" if about else "")
            page += markdown_table(["limit", "value", "at the limit"], rows)
            rows = []
        group_now = group
        if name:
            rows.append((f"`{name}`", limit_value(name, value), meaning))
    return page


def receiver_types(letters):
    texts = [text for _, text, _ in table_rows("src/act/act_conf.h", "ACT_TYPE_TABLE")]
    every = dict(table_macros("src/act/act_conf.h", "ACT_FOR_"))
    letters = every.get(letters, letters)
    if letters in (every["ACT_FOR_ALL"], every["ACT_FOR_HTTP"]):
        return "all" if letters == every["ACT_FOR_ALL"] else "all but stdout"
    return ", ".join(text for letter, text in zip(every["ACT_FOR_ALL"], texts) if letter in letters)


def page_receivers():
    source = "src/act/act_conf.h"
    types = [(f"`{text}`", doc) for _, text, doc in table_rows(source, "ACT_TYPE_TABLE")]
    rows = [(f"`{name}`", TYPES[kind], f"`{default}`" if default else "none", receiver_types(types_of), text)
            for kind, name, default, _, _, _, types_of, text in table_rows(source, "ACT_RECEIVER_TABLE")]
    return ("\n## Receivers of alerts\n\nThe list `receivers`, in the file only; [alerts](alerts.md) tells how to use "
            "it. A receiver is a map of these keys:\n\n" +
            markdown_table(["key", "type", "default", "for", "meaning"], rows) + "\nIts `type` is one of:\n\n" +
            markdown_table(["type", "speaks"], types))


def page_scrape():
    table = table_rows("src/daemon/daemon_conf_scrape.h", "CONF_SCRAPE_TABLE")
    rows = [(f"`{name}`", TYPES[kind], f"`{default}`" if default else "none", text)
            for kind, name, default, _, _, _, text in table]
    return ("\n## Scraping\n\nThe list `scrape`, in the file only; [scraping](scrape.md) tells how to use it. A job is "
            "a map of these keys:\n\n" + markdown_table(["key", "type", "default", "meaning"], rows))


def page_config():
    source = "src/daemon/daemon_conf.h"
    rows = [(f"`{name}`", TYPES[kind], f"`{default}`" if default else "empty",
             "" if kind == "LOGFORM" else f"{plain_number(low)} to {plain_number(high)}", unit, text)
            for kind, name, default, low, high, unit, text in table_rows(source, "CONF_TABLE")]
    return (NOTE.format(source=source) + "# Configuration\n\nA YAML file with these keys at the top level, given by "
            "`--config`; `--set KEY=VALUE` wins over it. Nothing has to be set. `foreshock check --config FILE` says "
            "what is wrong in one. The range of a text is its length, that of a duration is in seconds.\n\n" +
            markdown_table(["key", "type", "default", "range", "unit", "meaning"], rows) + page_receivers() +
            page_scrape())


def page_metrics():
    """Families by profile, labels by what they say, sources by rank."""
    path = "src/wire/wire_profile.h"
    text = ("# Metrics: which families count, and what their labels say\n\n" + NOTE.format(source=path) +
            "What a family's samples become is told in [identity](reference-identity.md#metrics), when it is given out "
            "in\n[pace](detectors/pace.md). Families that are not here are passed over (`samples_other`).\n\n")
    role = {name: doc for name, _, doc in table_rows(path, "WIRE_ROLE_TABLE")}
    text += "## Sources, best first\n\n" + markdown_table(
        ["source", "meaning"],
        [[f"`{t}`", doc] for _, t, doc in table_rows("src/wire/wire_request.h", "WIRE_SOURCE_TABLE")])
    for name, title, source, doc in table_rows(path, "WIRE_PROFILE_TABLE"):
        rows = []
        for profile, family, dotted, kind, unit, rank in table_rows(path, "WIRE_FAMILY_TABLE"):
            if profile == name:
                names = f"`{family}`" + (f", `{dotted}`" if dotted else "")
                per = {"1": "", "1000000": "ms", "1000000000": "s"}[unit]
                rows.append([names, role[kind], per, rank])
        text += f"\n## {title}\n\n{doc}. Source: {source.lower()}s.\n\n" + markdown_table(
            ["family", "counts", "unit", "rank"], rows)
    fields = {}
    for field, label in table_rows(path, "WIRE_FIELD_TABLE"):
        fields.setdefault(field, []).append(f"`{label}`")
    text += ("\n## Labels\n\nA dot in a label is an underscore. Of several labels that say one thing the one further "
             "to the left counts;\n`unknown`, `-` and empty ones say nothing.\n\n")
    return text + markdown_table(["what", "labels"], [[f.lower(), ", ".join(l)] for f, l in fields.items()])


GAUGE_HOW = {"VALUE": "as it is", "RATE": "growth a second", "GROWTH": "growth since the sample before"}


def page_gauges():
    source = "src/wire/wire_gauge_table.h"
    word = {name: text for macro in ("REC_UNIT_TABLE", "REC_ROLE_TABLE", "REC_BAD_TABLE")
            for name, text, *_ in table_rows("src/rec/rec_name.h", macro)}
    rows = [(f"`{name}`", GAUGE_HOW[how], word[unit], word[role], word[bad], part.replace(",", ", "), what)
            for name, how, unit, role, bad, part, what in table_rows(source, "WIRE_GAUGE_TABLE")]
    who = [(name.lower(), ", ".join(f"`{label}`" for label in labels.split(",")))
           for name, labels in table_rows(source, "WIRE_GAUGE_WHO_TABLE")]
    return (NOTE.format(source=source) + "# Gauges\n\nWhich metrics are watched as [gauges](detectors/gauge.md). A "
            "name stands for its form with dots, and for that with `_total`, too. `envoy_cluster_X` is also "
            "`cluster.<name>.X` of Envoy's metrics service, `envoy_http_X` is `http.<prefix>.X`, `envoy_listener_X` "
            "`listener.<address>.X`, `envoy_server_X` `server.X`, `envoy_overload_X` `overload.<name>.X`. Of OTLP any "
            "other gauge of an application that names itself is watched, too, as `other`; of a proxy only "
            "these.\n\n" +
            markdown_table(["metric", "watched", "unit", "role", "bad", "part", "is"], rows) +
            "\n`part`: the labels that tell several of one entity apart; of Envoy's clusters it is the cluster.\n" +
            "\n## Whose it is\n\nBy labels, of several the first in a row. A pod that requests were seen of keeps the "
            "names that its requests gave it ([identity](reference-identity.md)); of `kube_…` and `container_…` the "
            "labels of the agent that tells are not asked. A sample of a proxy's cluster is of the calls to the "
            "service that the cluster names, if the proxy calls it; one that names nobody is not taken "
            "(`gauge_nobody`). `place` says nothing.\n\n" + markdown_table(["who", "labels"], who))


PAGES = {"docs/reference-counters.md": page_counters, "docs/reference-vocabulary.md": page_vocabulary,
         "docs/reference-limits.md": page_limits, "docs/reference-config.md": page_config,
         "docs/reference-gauges.md": page_gauges,
         "docs/reference-metrics.md": page_metrics}


def pages_write():
    for path, page in PAGES.items():
        with open(os.path.join(ROOT, path), "w", encoding="utf-8") as file:
            file.write(page())


def pages_check():
    tap = Tap()
    for path, page in PAGES.items():
        found = source_read(path) if os.path.exists(os.path.join(ROOT, path)) else ""
        tap.ok(f"{path} is as the source says", found == page(), "run ./dev docs")
    counters = {text for _, text, _ in table_rows("src/rec/rec_counter.h", "REC_COUNTER_TABLE")}
    named = {name for group, _, _, about in limits_read() for name in re.findall(r"\[(\w+)\]", group + about)}
    tap.equal("counters that base_limits.h names and rec_counter.h lacks", sorted(named - counters), [])
    return tap.done()


if __name__ == "__main__":
    if sys.argv[1:] == ["--check"]:
        sys.exit(pages_check())
    pages_write()
