"""The page over the demo's own mesh, in a headless Chromium: every view and each incident that was found, in light,
dark and on a phone. Leaves pictures, and tells what is wrong with what they show. Wants the tests' Python packages
(./dev install).
"""
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
LOOKS = ("light", "dark", "phone")
# Where, and what is there once it is drawn.
VIEWS = {"now": ("#/", ".pulse canvas"), "map": ("#/map", ".node"), "explore": ("#/explore", ".picks li")}


def look(base, incidents, folder):
    """incidents: as the API gave them. What is wrong, one text each."""
    sys.path.insert(0, os.path.join(HERE, "..", "test", "browser"))
    from browser_page import Browser
    views = dict(VIEWS)
    for n, incident in enumerate(incidents, 1):
        views[f"incident-{n}"] = ("#/incidents/" + incident["id"], ".story h1")
        views[f"postmortem-{n}"] = (f"#/incidents/{incident['id']}?as=postmortem", ".onpaper")
    browser, wrong = Browser(folder), []
    try:
        for kind in LOOKS:
            page = browser.page(base, kind)
            for name, (where, ready) in views.items():
                page.goto(base + "/" + where)
                page.locator(ready).first.wait_for()
                page.wait_for_timeout(300)
                browser.picture(page, f"{name}-{kind}")
                wrong += [f"{name}, {kind}: {text}" for text in browser.wrong(page)]
            page.context.close()
        wrong += browser.errors
    finally:
        browser.close()
    return wrong
