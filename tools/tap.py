"""TAP from Python tests: name each thing once, print the plan at the end.

    tap = Tap()
    tap.equal("what is guarded", got, want)
    sys.exit(tap.done())
"""


class Tap:
    def __init__(self):
        self.count = self.failed = 0

    def ok(self, name, good, detail=""):
        self.count += 1
        self.failed += not good
        print(f"{'ok' if good else 'not ok'} {self.count} - {name}", flush=True)
        if not good and detail:
            print("\n".join("#   " + line for line in str(detail).splitlines()), flush=True)
        return good

    def equal(self, name, got, want):
        return self.ok(name, got == want, f"got  {got!r}\nwant {want!r}")

    def skip(self, name, why):
        self.count += 1
        print(f"ok {self.count} - {name} # SKIP {why}", flush=True)

    def done(self):
        """Prints the plan; the exit status."""
        print(f"1..{self.count}", flush=True)
        return 1 if self.failed or not self.count else 0
