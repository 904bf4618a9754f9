"""What serving people costs: the CPU that a daemon under a steady load takes with 100 open pages of a mesh of 2,000
services, and without, by turns in one run. What serving takes of the core that receives is what ingestion cannot have.

    bench_serve.py BINARY            prints each turn, and the median of what serving takes
    bench_serve.py BINARY --test     a small run, as a test (TAP)

A page reads the live stream, and asks for the map every ten seconds, as it does on that many services. The load is
steady because only then the two turns do the same work; a daemon that gets as much as it can take shares the cores of a
small machine with the readers, and the clock would measure those.
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

PAGES, MAP_EVERY_S, REPEAT, ROUNDS_PER_S, TURN_S, TURNS = 100, 10, 5, 5, 4, 12
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
    """All services ROUNDS_PER_S times a second, until the daemon hangs up."""
    import grpc
    from e2e_feed import METHOD
    made = list(messages_make(services))

    def stream():
        began = time.monotonic()
        for n in itertools.count():
            time.sleep(max(0, began + n / ROUNDS_PER_S - time.monotonic()))
            now = varint(int(time.time()))
            yield from (m.replace(varint(THEN_S), now) for m in made)

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
    """(share of a core, entries a second) of one turn."""
    before = cpu_s(daemon.process.pid), daemon.counters()["entries"], time.monotonic()
    if pages:
        asyncio.run(pages.look(seconds))
    else:
        time.sleep(seconds)
    after = cpu_s(daemon.process.pid), daemon.counters()["entries"], time.monotonic()
    cpu, entries, wall = (b - a for a, b in zip(before, after))
    return cpu / wall, entries / wall


def bench(binary, services, pages_n, seconds, turns):
    """[(turn without pages, with them)], and the readers. Who is first changes from turn to turn, so that what drifts
    favours neither."""
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
        return rows, pages


def main():
    if sys.argv[1] == "--send":
        send(sys.argv[2], int(sys.argv[3]))
        return 0
    binary = os.path.abspath(sys.argv[1])
    if sys.argv[2:] == ["--test"]:
        tap = Tap()
        rows, pages = bench(binary, 100, 10, 1.5, 2)
        tap.ok("the bench of serving measures both turns", all(v > 0 for two in rows for got in two for v in got), rows)
        tap.ok("and its pages get events and maps", pages.events >= 10 and pages.maps >= 1, vars(pages))
        return tap.done()
    rows, pages = bench(binary, 2000, PAGES, TURN_S, TURNS)
    for (alone, rate), (served, _) in rows:
        print(f"# serve entries_per_s={rate:.0f} core_without={alone:.3f} core_with={served:.3f} "
              f"serving={served - alone:+.3f}")
    serving = statistics.median(served[0] - alone[0] for alone, served in rows)
    alone = statistics.median(alone[0] for alone, _ in rows)
    print(f"# serve pages={PAGES} services=2000 turns={TURNS} events={pages.events} maps={pages.maps} "
          f"core_without={alone:.3f} median serving={serving:.3f} ingestion_keeps={1 - max(0, serving):.3f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
