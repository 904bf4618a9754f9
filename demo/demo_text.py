"""What a person sees: headings, a progress line on a terminal, incidents, the closing table."""
import datetime
import os
import shutil
import sys
import textwrap
import time

WIDTH = 20  # of a label


class Screen:
    """Plain in a pipe; on a terminal with a line that shows how far a wait has come."""

    def __init__(self, out=sys.stdout):
        self.out = out
        self.live = out.isatty() and os.environ.get("TERM") != "dumb"
        self.colour = self.live and "NO_COLOR" not in os.environ

    def paint(self, text, code):
        return f"\033[{code}m{text}\033[0m" if self.colour else text

    def bold(self, text):
        return self.paint(text, 1)

    def line(self, text=""):
        self.erase()
        print(text, file=self.out, flush=True)

    def heading(self, text):
        self.line()
        self.line(self.bold(text))

    def field(self, label, text):
        """A label and its text; wrapped on a terminal, one line in a pipe."""
        columns = max(40, shutil.get_terminal_size().columns - WIDTH - 3) if self.live else 1 << 20
        for i, piece in enumerate(textwrap.wrap(str(text), columns, break_on_hyphens=False) or [""]):
            self.line(f"  {'' if i else label:<{WIDTH}}{piece}")

    def erase(self):
        if self.live:
            self.out.write("\r\033[K")
            self.out.flush()

    def progress(self, label, done_p, text):
        if not self.live:
            return
        full = int(24 * min(1.0, max(0.0, done_p)))
        self.out.write(f"\r\033[K  {label:<{WIDTH}}{'█' * full}{'░' * (24 - full)}  {text}")
        self.out.flush()

    def wait(self, label, seconds, step=lambda: False):
        """Waits, with the progress line; step() is called 10 times a second and ends the wait by True."""
        start = time.monotonic()
        while (passed := time.monotonic() - start) < seconds:
            if step():
                break
            self.progress(label, passed / seconds, f"{seconds - passed:.0f} s")
            time.sleep(min(0.1, seconds))
        self.erase()


def clock_text(at):
    return datetime.datetime.fromtimestamp(at).strftime("%H:%M:%S.%f")[:-3]


def rfc3339(at):
    return datetime.datetime.fromtimestamp(at, datetime.timezone.utc).isoformat().replace("+00:00", "Z")


def entity_text(entity):
    """An entity in words: 'route GET /a of cart in west', 'pod cart-west-1 (west)'."""
    if not entity:
        return "nothing"
    kind, service = entity.get("kind"), entity.get("service", "?")
    where = f" in {entity['cluster']}" if entity.get("cluster") else ""
    if kind == "pod":
        return f"pod {entity.get('pod')}" + where
    if kind == "route":
        return f"route {entity.get('route')} of {service}" + where
    if kind == "edge":
        return f"calls from {entity.get('caller')} to {service}" + where
    if kind == "version":
        return f"version {entity.get('version')} of {service}" + where
    if kind in ("cluster", "region"):
        return f"{kind} {entity.get(kind)}"
    return f"service {service}" + where


def entities_text(entities, most=6):
    names = list(dict.fromkeys(entity_text(e) for e in entities or []))
    more = f", and {len(names) - most} more" if len(names) > most else ""
    return (", ".join(names[:most]) + more) or "none"


def exemplar_text(exemplar):
    trace = f", trace {exemplar['trace_id']}" if exemplar.get("trace_id") else ""
    return f"{exemplar.get('request_id')}{trace}, at {exemplar.get('at')}"


def incident_show(screen, incident):
    """An incident as somebody on call would want to read it."""
    screen.line("  " + screen.bold(f"{incident.get('severity', '?').upper()}  {incident.get('summary', '')}"))
    for i, cause in enumerate((incident.get("root_causes") or [])[:3]):
        label = "culprit" if i == 0 else "or else"
        screen.field(label, f"{entity_text(cause.get('entity'))}  (score {cause.get('score', 0):.2f})")
        if cause.get("evidence"):
            screen.field("", cause["evidence"])
    screen.field("affected", entities_text(incident.get("affected")))
    screen.field("not affected", entities_text(incident.get("not_affected")))
    impact = incident.get("impact") or {}
    screen.field("impact", "{:,} requests, {:,} failed, {:,} slow".format(
        *(impact.get(k, 0) for k in ("requests", "failed", "slow"))))
    for i, exemplar in enumerate((incident.get("exemplars") or [])[:2]):
        screen.field("for example" if i == 0 else "", exemplar_text(exemplar))
    screen.field("began, opened, over", " · ".join(str(incident.get(k) or "not yet") for k in
                                                   ("started_at", "detected_at", "ended_at")))


def table_show(screen, heads, rows):
    widths = [max(len(str(cell)) for cell in column) for column in zip(heads, *rows)]
    for i, row in enumerate([heads] + rows):
        text = "  " + "  ".join(f"{str(cell):<{w}}" for cell, w in zip(row, widths)).rstrip()
        screen.line(screen.bold(text) if i == 0 else text)
