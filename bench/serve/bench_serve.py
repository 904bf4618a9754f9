"""What serving people costs: the rate of ingestion with 100 open pages of a 2,000-service mesh, and without, by turns in
one run of one daemon, which gets as much as it takes.

    bench_serve.py BINARY            prints the ratio of each turn, and their median
    bench_serve.py BINARY --test     a small run, as a test (TAP)

A page reads the live stream, and asks for the map every ten seconds, as it does on that many services. Rates are entries
a CPU-second of the daemon, which other work on the machine disturbs least; entries a second of the clock stand beside.
At the end, what the same pages take of a core when nothing else comes in.
"""
import asyncio
import itertools
import os
import re
import statistics
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path[:0] = [os.path.join(ROOT, "test", part) for part in ("e2e", "browser")]
from e2e_daemon import Daemon, Tap  # noqa: E402

PAGES, MAP_EVERY_S, REPEAT, TURN_S, TURNS = 100, 10, 5, 3, 16
THEN_S = 1_700_000_003  # stands in the messages for now: its varint has as many bytes


# ---- the sender, a process of its own ----

def varint(n):
    out = bytearray()
    while n > 127:
        out.append(n & 127 | 128)
        n >>= 7
    return bytes(out + bytes([n]))


def messages_make(services):
    """A message a service, with what it serves and calls, several times over."""
    from browser_big import entry_add, identifier, name_of
    from envoy.service.accesslog.v3 import als_pb2
    end_ns = THEN_S * 10**9 + 500_000_000
    for n in range(services):
        message = als_pb2.StreamAccessLogsMessage(identifier=identifier(n))
        for _ in range(REPEAT):
            entry_add(message, *name_of(n), "inbound|8080||", end_ns, False)
            for k in range(3 * n + 1, min(3 * n + 4, services)):
                name, team = name_of(k)
                entry_add(message, name, team, f"outbound|8080||{name}.{team}.svc.cluster.local", end_ns, False)
        yield message.SerializeToString()


def send(target, services):
    """As fast as the daemon takes it, until it hangs up."""
    import grpc
    from e2e_feed import METHOD
    made = list(messages_make(services))

    def stream():
        at, ready = 0, []
        for n in itertools.cycle(range(services)):
            now = int(time.time())
            if now != at:
                at, ready = now, [m.replace(varint(THEN_S), varint(now)) for m in made]
            yield ready[n]

    call = grpc.insecure_channel(target).stream_unary(METHOD)
    try:
        call(stream())
    except grpc.RpcError:
        pass


# ---- the readers ----

class Pages:
    """What a browser would read, thrown away and counted."""

    def __init__(self, port, n):
        self.port, self.n, self.events, self.maps = port, n, 0, 0

    async def live(self):
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(b"GET /api/v1/stream HTTP/1.1\r\nHost: bench\r\n\r\n")
        try:
            while data := await reader.read(65536):
                self.events += data.count(b"event: ")
        finally:
            writer.close()

    async def map(self, k):
        await asyncio.sleep(MAP_EVERY_S * k / self.n)
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            while True:
                writer.write(b"GET /api/v1/graph HTTP/1.1\r\nHost: bench\r\n\r\n")
                head = await reader.readuntil(b"\r\n\r\n")
                length = re.search(rb"(?i)\r\ncontent-length: (\d+)", head)
                await reader.readexactly(int(length.group(1)))
                self.maps += 1
                await asyncio.sleep(MAP_EVERY_S)
        finally:
            writer.close()

    async def look(self, seconds):
        all_ = [asyncio.create_task(t) for k in range(self.n) for t in (self.live(), self.map(k))]
        await asyncio.sleep(seconds)
        for task in all_:
            task.cancel()
        await asyncio.gather(*all_, return_exceptions=True)


# ---- the turns ----

def cpu_s(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def turn(daemon, seconds, pages):
    """(entries a CPU-second, entries a second) of one turn."""
    before = daemon.counters()["entries"], cpu_s(daemon.process.pid), time.monotonic()
    if pages:
        asyncio.run(pages.look(seconds))
    else:
        time.sleep(seconds)
    after = daemon.counters()["entries"], cpu_s(daemon.process.pid), time.monotonic()
    entries, cpu, wall = (b - a for a, b in zip(before, after))
    return entries / cpu, entries / wall


def idle_share(daemon, pages):
    """Of a core, what is left free."""
    time.sleep(1)
    before, began = cpu_s(daemon.process.pid), time.monotonic()
    if pages:
        asyncio.run(pages.look(2 * TURN_S))
    else:
        time.sleep(2 * TURN_S)
    return 1 - (cpu_s(daemon.process.pid) - before) / (time.monotonic() - began)


def bench(binary, services, pages_n, seconds, turns):
    """[(rate without pages, with them)], each by the daemon's CPU and by the clock; the readers; what they take of an
    idle core. Who is first changes from turn to turn, so that what drifts favours neither."""
    with Daemon(binary, "--set", "threads=1") as daemon:
        sender = subprocess.Popen([sys.executable, __file__, "--send", daemon.grpc, str(services)])
        try:
            daemon.wait(lambda: len(daemon.get("/api/v1/graph")["nodes"]) == services, 60)
            time.sleep(seconds / 2)
            pages = Pages(int(daemon.port["HTTP"]), pages_n)
            rows = []
            for n in range(turns):
                two = [turn(daemon, seconds, who) for who in ((None, pages) if n % 2 else (pages, None))]
                rows.append(tuple(two if n % 2 else reversed(two)))
        finally:
            sender.kill()
            sender.wait()
        return rows, pages, idle_share(daemon, None) - idle_share(daemon, pages)


def main():
    if sys.argv[1] == "--send":
        send(sys.argv[2], int(sys.argv[3]))
        return 0
    binary = os.path.abspath(sys.argv[1])
    if sys.argv[2:] == ["--test"]:
        tap = Tap()
        rows, pages, _ = bench(binary, 100, 10, 1.5, 2)
        tap.ok("the bench of serving measures both turns", all(v > 0 for two in rows for rates in two for v in rates), rows)
        tap.ok("and its pages get events and maps", pages.events >= 10 and pages.maps >= 1, vars(pages))
        return tap.done()
    rows, pages, share = bench(binary, 2000, PAGES, TURN_S, TURNS)
    for alone, served in rows:
        print(f"# serve without={alone[0]:.0f} with={served[0]:.0f} entries_per_cpu_s "
              f"ratio={served[0] / alone[0]:.3f} by_the_clock={served[1] / alone[1]:.3f}")
    cpu, clock = (statistics.median(served[k] / alone[k] for alone, served in rows) for k in (0, 1))
    print(f"# serve pages={PAGES} services=2000 turns={TURNS} events={pages.events} maps={pages.maps} "
          f"median ratio={cpu:.3f} by_the_clock={clock:.3f} core_when_idle={share:.3f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
