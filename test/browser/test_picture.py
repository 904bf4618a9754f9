"""An incident of a mesh that is known for long, on the page: after twenty minutes of normal life, which a daemon finds
in its journal, the store behind the cart begins to fail. The README's picture is this one, made smaller.

    test_picture.py BINARY MESHSIM PAST_MAKE OUT_DIR

docs/img/page.png is OUT_DIR/readme.png in 64 colours: pngquant --output docs/img/page.png 64 OUT_DIR/readme.png
"""
import os
import re
import subprocess
import sys
import tempfile
import threading
import time

from browser_need import HERE, Browser, Replay, not_missing
from e2e_daemon import Daemon, Tap

PAST_S, MADE_S = 1200, 6  # of shop_past.txt; and what it takes to make it and to start
SHOWN_S = 22  # after the incident opened
CULPRIT = "cartstore"


def past_make(maker, meshsim, data):
    """A data directory that heard the shop for PAST_S until now; how many ticks it has."""
    scenario = os.path.join(HERE, "shop_past.txt")
    begin_ns = time.time_ns() - (PAST_S + MADE_S) * 10**9
    with subprocess.Popen([meshsim, "--scenario", scenario, "--seed", "1001", "--out", "-"],
                          stdout=subprocess.PIPE) as sim:
        done = subprocess.run([maker, data, str(begin_ns)], stdin=sim.stdout, capture_output=True, text=True,
                              check=True)
    return int(done.stdout.split()[0])


def incident_of(daemon, service):
    """The id of the open incident whose first cause it is."""
    return next((i["id"] for i in daemon.incidents().values() if i["state"] == "open" and i["root_causes"]
                 and i["root_causes"][0]["entity"].get("service") == service), "")


def look(tap, browser, daemon, incident):
    page = browser.page(f"{daemon.url}/#/incidents/{incident}")
    page.set_viewport_size({"width": 1180, "height": 1400})
    page.locator(".map.fixed .node").first.wait_for()
    plot = page.locator(".wideplot").first.bounding_box()
    page.set_viewport_size({"width": 1180, "height": round(plot["y"] + plot["height"]) + 12})
    page.wait_for_timeout(500)
    browser.picture(page, "readme", whole=False)
    said = page.locator("main").inner_text()
    tap.ok("the sentence names the cause, and whom it reaches",
           re.search(rf"^{CULPRIT} fails: .* reaches .*\bfrontend\b", said, re.MULTILINE), said)
    normal = re.search(r"([\d.]+) % is normal \((\d+) requests over (\d+) min\)", said)
    tap.ok("what is normal is what was for twenty minutes", normal and float(normal.group(1)) < 1
           and int(normal.group(2)) > 10000 and 19 <= int(normal.group(3)) <= 25, normal or said)
    names = page.locator(".map.fixed .node").all_text_contents()
    tap.ok("the way to users is drawn, from the gateway to the cause", all(
        any(part in name for name in names) for part in ("istio", "frontend", "cart", CULPRIT)), names)
    page.context.close()


def run(tap, binary, meshsim, maker, out):
    with tempfile.TemporaryDirectory() as data:
        feed, over = Replay(None, meshsim, os.path.join(HERE, "shop_picture.txt")), threading.Event()
        ticks = past_make(maker, meshsim, data)
        with Daemon(binary, "--data", data) as daemon:
            tap.ok("it knows its past", f"{ticks} ticks applied" in daemon.said(), daemon.said())
            feed.target = daemon.grpc
            thread = threading.Thread(target=feed.go, args=(10**6, over.is_set), daemon=True)
            thread.start()
            incident = daemon.wait(lambda: incident_of(daemon, CULPRIT), 120)
            tap.ok("the fault is found", bool(incident), daemon.incidents())
            if incident:
                time.sleep(SHOWN_S)
                browser = Browser(out)
                look(tap, browser, daemon, incident)
                browser.close()
                tap.equal("the page told no error", browser.errors, [])
            over.set()
            thread.join()
            feed.end()


def main():
    tap = Tap()
    if not_missing(tap):
        run(tap, *(os.path.abspath(word) for word in sys.argv[1:4]), sys.argv[4])
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
