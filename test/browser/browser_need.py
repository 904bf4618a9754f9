"""What each test of the page takes from here and from test/e2e; MISSING says why it cannot."""
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "e2e"))

try:
    from browser_big import Big
    from browser_feed import Replay
    from browser_page import Browser
    MISSING = None
except ImportError as missing:
    Big = Replay = Browser = None
    MISSING = str(missing)


def not_missing(tap):
    """False, and told, where the tests' Python packages are not there."""
    if MISSING:
        tap.ok("the tests' Python packages are there: ./dev install", False, MISSING)
    return not MISSING
