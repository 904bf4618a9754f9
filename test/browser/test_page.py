"""The page in a real browser: every view with live data in light, dark and on a phone, each action, what is shown when
the daemon is not heard, tokens, and a map of 2,000 services.

    test_page.py BINARY MESHSIM OUT_DIR
"""
import json
import os
import re
import signal
import sys
import tempfile
import threading
import time

from browser_need import HERE, Big, Browser, Replay, not_missing
from e2e_daemon import LONG_S, Daemon, Tap, free_port, run as run_command

SERVICES = 2000
PAINT_MS = 1000  # asked for on a machine that does nothing else; a busy one may take PATIENCE times as long
PATIENCE = 4
SLOW = os.path.join(HERE, "..", "..", "bench", "quality", "scenarios", "time_network.txt")
SHIPPING = "#/explore?kind=service&namespace=shop&service=shipping"


def check(tap, browser, page, what):
    wrong = browser.wrong(page)
    tap.ok(f"{what}: contrast, names, width and WCAG AA", not wrong, "\n".join(wrong))


def text(page, selector):
    return page.locator(selector).first.inner_text()


def shipping(daemon):
    """The id of the incident whose culprit it is. On a busy machine the feed may stutter, which is told, too."""
    return next((i["id"] for i in daemon.incidents().values()
                 if i["root_causes"] and i["root_causes"][0]["entity"].get("service") == "shipping"), "")


# ---- before anything was heard ----

def test_empty(tap, browser, daemon):
    page = browser.page(daemon.url)
    page.get_by_text("Point the proxies").wait_for()
    tap.equal("empty: it says so", text(page, "h1"), "No traffic has been heard yet")
    paint = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
    print(f"# first paint after {paint:.0f} ms")
    tap.ok("empty: it is painted soon", paint <= PATIENCE * PAINT_MS, paint)
    browser.picture(page, "empty-light")
    check(tap, browser, page, "empty")
    page.goto(daemon.url + "/#/map")
    page.get_by_text("No service is known yet").wait_for()
    page.goto(daemon.url + "/#/incidents/00000000000000ab")
    page.get_by_text("No incident with this id is known.").wait_for()
    browser.picture(page, "unknown-light")
    page.context.close()


def test_tokens(tap, browser, binary):
    with tempfile.NamedTemporaryFile("w", suffix=".tokens") as file:
        file.write("wall read wall-0123456789abcdef\nanna act anna-0123456789abcdef\n")
        file.flush()
        with Daemon(binary, "--set", "api_tokens=" + file.name) as daemon:
            page = browser.page(daemon.url)
            page.get_by_label("Token").fill("wrong-0123456789abcdef")
            page.get_by_role("button", name="Enter").click()
            page.get_by_text("This token is not known here.").wait_for()
            browser.picture(page, "token-light")
            check(tap, browser, page, "token")
            page.get_by_label("Token").fill("wall-0123456789abcdef")
            page.get_by_role("button", name="Enter").click()
            page.locator(".link.live").wait_for()
            tap.ok("a token lets in, and the stream lives", True)
            page.context.close()


# ---- 2,000 services ----

def test_big(tap, browser, binary):
    with Daemon(binary) as daemon:
        big = Big(daemon.grpc, SERVICES)
        for _ in range(3):
            big.second()
            time.sleep(0.6)
        daemon.wait(lambda: len(daemon.get("/api/v1/graph")["nodes"]) == SERVICES, LONG_S)
        page = browser.page(daemon.url + "/#/map")
        page.locator(".node.group").first.wait_for()
        tap.equal("2,000 services begin as groups", page.locator(".node").count(), 25)
        browser.picture(page, "big-groups-light")
        check(tap, browser, page, "groups")
        for by, groups in (("cluster", ["east-1", "west-1"]), ("region", ["us-east", "us-west"]), ("namespace", None)):
            page.locator("#group").select_option(by)
            names = page.locator(".node.group").evaluate_all("all => all.map(n => n.dataset.id.slice(6)).sort()")
            tap.ok(f"grouped by {by}", names == groups if groups else len(names) == 25, names)
        began = time.monotonic()
        page.get_by_role("button", name="Open all").click()
        page.wait_for_function(f"() => document.querySelectorAll('.node').length === {SERVICES}")
        took = time.monotonic() - began
        print(f"# {SERVICES} services drawn in {took:.1f} s")
        tap.ok("all of them can be drawn", took < 15, took)
        browser.picture(page, "big-open-light")
        page.locator("#find").fill("svc-0013")
        page.keyboard.press("Enter")
        page.locator(".panel").wait_for()
        tap.equal("one is found, with its neighbours", sorted(page.locator(".node").evaluate_all(
            "all => all.map(n => n.dataset.id.slice(-4))")), ["0004", "0013", "0040", "0041", "0042"])
        browser.picture(page, "big-focus-light")
        page.locator("select").select_option("2")
        page.wait_for_function("() => document.querySelectorAll('.node').length === 17")
        tap.ok("and what is two calls away", True)
        big.end()
        page.context.close()


# ---- with an incident ----

def test_views(tap, browser, daemon, incident):
    pages = {"now": "#/", "incident": "#/incidents/" + incident, "map": "#/map", "focus": "#/map?focus=shop%2Fcheckout",
             "explore": "#/explore", "service": SHIPPING}
    ready = {"now": ".incident.critical, .incident.warning", "incident": ".map.fixed .node", "map": ".node.alarming",
             "focus": ".panel", "explore": ".picks li", "service": ".plots canvas"}
    for look in ("light", "dark", "phone", "wall"):
        page = browser.page(daemon.url, look)
        for name, where in pages.items():
            if look == "wall" and name not in ("now", "map"):
                continue
            page.goto(daemon.url + "/" + where)
            page.locator(ready[name]).first.wait_for()
            page.wait_for_timeout(300)
            browser.picture(page, f"{name}-{look}")
            check(tap, browser, page, f"{name}, {look}")
        page.context.close()


def test_now(tap, browser, daemon, incident):
    page = browser.page(daemon.url)
    row = page.locator("a.incident", has_text="shipping fails").first
    row.wait_for()
    tap.equal("now: the culprit is named", row.locator("strong").inner_text(), "shipping")
    tap.ok("now: the mesh in a line", "open" in text(page, ".headline h1"), text(page, ".headline h1"))
    before = page.locator(".pulse figure").first.get_attribute("aria-label")
    page.wait_for_function("was => document.querySelector('.pulse figure').getAttribute('aria-label') !== was",
                           arg=before)
    tap.ok("now: the pulse beats", True)
    page.keyboard.press("j")
    tap.ok("j goes to an incident", page.evaluate("document.activeElement.matches('a.incident')"))
    row.focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/#/incidents/" + incident)
    tap.ok("keys lead to the incident", "shipping fails" in text(page, ".story h1"))
    back = page.locator(".share button").first
    back.focus()
    page.keyboard.press("?")
    page.get_by_role("dialog").wait_for()
    check(tap, browser, page, "keys")
    page.keyboard.press("Tab")
    tap.ok("the keys' dialog keeps the focus", page.evaluate("!!document.activeElement.closest('[role=dialog]')"))
    page.keyboard.press("Escape")
    page.get_by_role("dialog").wait_for(state="detached")
    tap.ok("and gives it back", back.evaluate("e => e === document.activeElement"))
    page.keyboard.press("m")
    page.wait_for_url("**/#/map")
    page.keyboard.press("/")
    page.wait_for_function("() => document.activeElement.id === 'find'")
    page.keyboard.type("pay")
    page.keyboard.press("Enter")
    page.wait_for_url("**focus=shop%2Fpayment")
    tap.ok("and to the map of a service", True)
    for old in ("/#", "/#/incident/"):
        page.goto("about:blank")
        page.goto(daemon.url + old + incident)
        page.locator(".story").wait_for()
    tap.ok("the old forms of a link still lead there", True)
    page.context.close()


def test_actions(tap, browser, daemon, incident):
    page = browser.page(f"{daemon.url}/#/incidents/{incident}")
    page.get_by_label("your name").fill("anna")
    for button, done in (("Acknowledge", "acknowledged"), ("Mute", "muted")):
        page.get_by_role("button", name=button).click()
        page.get_by_role("button", name="✓ " + done).wait_for()
        tap.ok(f"{button.lower()}: done and shown", True)
    with page.expect_download() as got:
        page.get_by_role("button", name="Export JSON").click()
    with open(got.value.path(), encoding="utf-8") as file:
        exported = json.load(file)
    tap.ok("the export is the incident, with its seconds",
           exported["id"] == incident and exported["series"][0]["points"])
    page.get_by_role("button", name="Mark as expected").click()
    tap.ok("expect: asks before", daemon.incidents()[incident]["verdict"] == "unhealthy")
    page.get_by_role("button", name="Sure?").click()
    daemon.wait(lambda: daemon.incidents()[incident]["verdict"] == "expected", LONG_S)
    known = daemon.incidents()[incident]
    tap.equal("all three took effect", (known["acked"], known["muted"], known["verdict"]), (True, True, "expected"))
    said = [(a["action"], a["who"]) for a in daemon.get("/api/v1/audit")["actions"] if a["action"] != "change"]
    tap.equal("and are on record with the name given", said, [("expect", "anna"), ("mute", "anna"), ("ack", "anna")])
    page.locator(".story.expected").wait_for()
    browser.picture(page, "expected-light")
    page.emulate_media(media="print")
    browser.picture(page, "postmortem-print")
    tap.ok("print: no buttons", page.locator(".actions").count() == 0 or not page.locator(".actions").is_visible())
    page.context.close()


def test_alert_link(tap, browser, daemon, binary, incident):
    """The link of an alert, as a receiver gets it, for this incident."""
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        file.write(f"public_url: {daemon.url}/\nreceivers:\n- name: out\n  type: stdout\n")
        file.flush()
        told = json.loads(run_command(binary, "alert", "test", "--config", file.name).stdout.splitlines()[0])
    page = browser.page(told["link"].replace(told["incident"]["id"], incident))
    page.locator(".story h1").wait_for()
    tap.ok("an alert's link leads to its incident", "shipping fails" in text(page, ".story h1"), told["link"])
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy link").click()
    copied = page.wait_for_function("() => navigator.clipboard.readText()").json_value()
    tap.equal("and is the one that is copied", copied, told["link"].replace(told["incident"]["id"], incident))
    page.context.close()


def replayed(binary, meshsim, scenario):
    """The first incident of a simulated mesh whose time was divided, and its services as a graph."""
    with tempfile.TemporaryDirectory() as folder:
        als = os.path.join(folder, "mesh.als")
        run_command(meshsim, "--scenario", scenario, "--seed", "2001", "--out", als)
        said = run_command(binary, "replay", "--incidents", "-", als).stdout
    return next(i for i in map(json.loads, said.splitlines()) if i["time"] and i["chain"])


def test_png(tap, browser, page, look):
    """The postmortem page as a picture, held against the browser's own screenshot of it."""
    width = page.evaluate("Math.ceil(document.querySelector('main').getBoundingClientRect().width)")
    height = page.evaluate("Math.ceil(document.querySelector('main').getBoundingClientRect().height)")
    with page.expect_download() as got:
        page.get_by_role("button", name="Save as PNG").click()
    png = os.path.join(browser.folder, f"postmortem-{look}-saved.png")
    got.value.save_as(png)
    tap.ok(f"png, {look}: named after its incident", re.fullmatch(r"foreshock-[0-9a-f]{16}\.png",
                                                                 got.value.suggested_filename))
    seen = browser.look_at(png)
    tap.equal(f"png, {look}: two pixels for one", (seen["width"], seen["height"]), (2 * width, 2 * height))
    shot = browser.look_at(page.locator("main").screenshot(), seen["width"])
    tap.ok(f"png, {look}: white, with as much ink on it as the page has", seen["corner"] == [255, 255, 255, 255]
           and seen["ink"] > 0.01 and 0.7 < seen["ink"] / shot["ink"] < 1.4, (seen, shot))
    tap.ok(f"png, {look}: its plots and its map are in colour", seen["colour"] > 0.5 * shot["colour"] > 0, (seen, shot))


def test_slow(tap, browser, daemon, binary, meshsim):
    """An incident of latency: where the time went, the way to users, what would speak against it; on paper, too."""
    known = {**replayed(binary, meshsim, SLOW), "series": []}
    witness = {"entity": {"kind": "service", "service": "store"}, "metric": "upstream_rq_pending_active", "part": "kv",
               "role": "saturation", "unit": "", "value": 48, "usual": [0, 3], "side": "above", "score": 21.5,
               "since": known["started_at"], "at": known["started_at"], "new": False, "line": ""}
    known["gauges"] = [witness, {**witness, "metric": "log_template", "new": True, "line": "no route to 10.0.0.1 <b>"}]
    rows = [(s["place"], s["now_ms"] - s["normal_ms"]) for s in known["time"]["stages"]]
    tap.equal("slow: the network is the place", max(rows, key=lambda r: r[1])[0], "network")
    for look in ("light", "phone"):
        page = browser.page("about:blank", look)
        page.route("**/api/v1/incidents/" + known["id"], lambda route: route.fulfill(json=known))
        page.goto(f"{daemon.url}/#/incidents/{known['id']}")
        page.locator(".spent").wait_for()
        tap.equal(f"slow, {look}: a row a place", page.locator(".spent tbody tr").count(), len(rows))
        tap.ok(f"slow, {look}: the place is named", "the network" in text(page, ".spent tr.named"))
        hops = page.locator(".hops li").all_inner_texts()
        tap.ok(f"slow, {look}: the way from users, hop by hop, with evidence", len(hops) == len(known["chain"])
               and all(h["to"]["service"] in t and h["evidence"] in t for h, t in zip(known["chain"], hops)), hops)
        said = text(page, ".gauges")
        tap.ok(f"slow, {look}: numbers and lines that were not as usual", "upstream_rq_pending_active" in said
               and "48" in said and "0 to 3" in said and "no route to 10.0.0.1 <b>" in said, said)
        tap.ok(f"slow, {look}: what would speak against it", known["refuted_by"] in text(page, ".refute"))
        browser.picture(page, f"slow-{look}")
        check(tap, browser, page, f"slow, {look}")
        page.get_by_role("link", name="Postmortem page").click()
        page.locator(".onpaper").wait_for()
        tap.ok(f"postmortem, {look}: nothing to click but what leads back",
               not page.locator(".actions, .share, header.top").locator("visible=true").count())
        paper = page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
        tap.equal(f"postmortem, {look}: white", paper, "rgb(255, 255, 255)")
        browser.picture(page, f"postmortem-{look}")
        test_png(tap, browser, page, look)
        check(tap, browser, page, f"postmortem, {look}")
        page.get_by_role("link", name="Back").click()
        page.locator(".share").wait_for()
        page.context.close()


def test_change(tap, browser, daemon):
    page = browser.page(daemon.url)
    page.locator(".link.live").wait_for()
    change = {"kind": "deploy", "source": "argo", "summary": "cart v3 rolls out",
              "entity": {"kind": "service", "namespace": "shop", "service": "cart"}}
    daemon.ask("/api/v1/changes", "POST", json.dumps(change), "application/json")
    page.get_by_text("cart v3 rolls out").wait_for()
    tap.ok("a change is shown as it comes", True)
    page.context.close()


def test_degraded(tap, browser, daemon):
    """What the daemon says of itself, made up: a proxy that loses reports, and a full disk."""
    page = browser.page("about:blank", "dark")
    status = daemon.get("/api/v1/status")
    status["telemetry"] = {"state": "degraded", "proxies_n": 5, "proxies": [
        {"node": "cart-1", "service": "cart", "cluster": "east-1", "reason": "lost", "lost_share": 0.31}]}
    status["storage"]["problem"] = "/data/journal: No space left on device"
    page.route("**/api/v1/status", lambda route: route.fulfill(json=status))
    page.goto(daemon.url)
    page.get_by_text("Telemetry is degraded: cart-1 of cart (lost, 31 % missing) and 4 more").wait_for()
    tap.ok("degraded: the disk is told, too", "No space left" in text(page, ".banner"))
    browser.picture(page, "degraded-dark")
    check(tap, browser, page, "degraded")
    page.context.close()


def test_restoring(tap, browser, daemon):
    """A start that is not done, made up: what is known shows, and that it is not fresh."""
    page = browser.page("about:blank", "light")
    status = {**daemon.get("/api/v1/status"), "restoring": True}
    page.route("**/api/v1/status", lambda route: route.fulfill(json=status))
    page.goto(daemon.url)
    page.get_by_text("until then no action is taken").wait_for()
    tap.equal("restoring: it says so", text(page, "h1"), "It has just started")
    browser.picture(page, "restoring-light", whole=False)
    check(tap, browser, page, "restoring")
    page.context.close()


def test_stale(tap, browser, daemon, binary):
    page = browser.page(daemon.url, "light")
    page.locator(".link.live").wait_for()
    os.kill(daemon.process.pid, signal.SIGSTOP)
    page.locator(".link.stale").wait_for()
    page.get_by_text("What you see is not fresh").wait_for()
    browser.picture(page, "stale-light", whole=False)
    tap.equal("stale: nothing is said of the mesh", text(page, "h1"), "Not known now")
    tap.ok("stale: it is said within seconds", "not fresh" in page.title())
    os.kill(daemon.process.pid, signal.SIGCONT)
    page.locator(".link.live").wait_for()
    tap.ok("and that it is over", page.get_by_text("What you see is not fresh").count() == 0)
    port = daemon.port["HTTP"]
    daemon.stop(signal.SIGKILL)
    page.locator(".link.lost").wait_for()
    browser.picture(page, "lost-light", whole=False)
    with Daemon(binary, "--set", "api_port=" + port):
        page.locator(".link.live").wait_for()
        page.get_by_text("No traffic has been heard yet").first.wait_for()
        tap.ok("a daemon that comes back is found again", True)
    page.context.close()


def run(tap, binary, meshsim, out):
    browser = Browser(out)
    with Daemon(binary, "--set", f"api_port={free_port()}") as daemon:  # it comes back there
        test_empty(tap, browser, daemon)
        feed, over = Replay(daemon.grpc, meshsim, os.path.join(HERE, "shop.txt")), threading.Event()
        thread = threading.Thread(target=feed.go, args=(10**6, over.is_set), daemon=True)
        thread.start()
        test_tokens(tap, browser, binary)  # while the shop is learned
        test_big(tap, browser, binary)
        incident = daemon.wait(lambda: shipping(daemon), 60) or ""
        tap.ok("the shop's incident is found", bool(incident), daemon.said())
        if incident:
            test_views(tap, browser, daemon, incident)
            test_now(tap, browser, daemon, incident)
            test_alert_link(tap, browser, daemon, binary, incident)
            test_slow(tap, browser, daemon, binary, meshsim)
            test_change(tap, browser, daemon)
            test_degraded(tap, browser, daemon)
            test_restoring(tap, browser, daemon)
            test_actions(tap, browser, daemon, incident)
        over.set()
        thread.join()
        test_stale(tap, browser, daemon, binary)
        feed.end()
    browser.close()
    tap.equal("the page told no error", browser.errors, [])


def main():
    tap = Tap()
    if not_missing(tap):
        run(tap, os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2]), sys.argv[3])
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
