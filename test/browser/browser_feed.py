"""Sends a simulated mesh's recording to a daemon as if it happened now: a gRPC stream a proxy, times moved, each
message when the last of its requests is over."""
import os
import subprocess
import sys
import time

import grpc
from envoy.service.accesslog.v3 import als_pb2

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))
from e2e_feed import Stream  # noqa: E402

STREAMS_A_CHANNEL = 500  # a connection has a limit of them
NS = 10**9


def messages(data):
    """The delimited messages of a recording."""
    at = 0
    while at < len(data):
        size = shift = 0
        while True:
            byte = data[at]
            size |= (byte & 127) << shift
            at, shift = at + 1, shift + 7
            if byte < 128:
                break
        yield als_pb2.StreamAccessLogsMessage.FromString(data[at:at + size])
        at += size


def end_ns(entry):
    common = entry.common_properties
    return common.start_time.ToNanoseconds() + common.duration.ToNanoseconds()


class Replay:
    def __init__(self, target, meshsim, scenario, seed=1001):
        run = subprocess.run([meshsim, "--scenario", scenario, "--seed", str(seed), "--out", "-"],
                             capture_output=True, check=True, timeout=60)
        self.target, self.channels, self.streams = target, [], {}
        self.plan = []  # (when, who, message); when in ns after the recording's first end
        who, first = None, None
        for message in messages(run.stdout):
            who = message.identifier.node.id or who
            ends = [end_ns(e) for e in message.http_logs.log_entry]
            if not ends:
                continue
            first = min(ends) if first is None else first
            self.plan.append((max(ends), who, message))
        self.plan.sort(key=lambda p: p[0])
        self.first, self.sent = first, 0
        self.begin = None

    def stream(self, who):
        if who not in self.streams:
            if len(self.streams) % STREAMS_A_CHANNEL == 0:
                self.channels.append(grpc.insecure_channel(self.target, options=[("grpc.enable_retries", 0)]))
            self.streams[who] = Stream(self.channels[-1])
        return self.streams[who]

    def moved(self, message, delta):
        for entry in message.http_logs.log_entry:
            start = entry.common_properties.start_time
            start.FromNanoseconds(start.ToNanoseconds() + delta)
        return message

    def go(self, until_s, stop=lambda: False):
        """Sends what ends in the recording's first until_s seconds, as the clock goes."""
        self.begin = self.begin or time.time_ns()
        delta = self.begin - self.first
        while self.sent < len(self.plan) and self.plan[self.sent][0] - self.first < until_s * NS and not stop():
            when, who, message = self.plan[self.sent]
            time.sleep(max(0, (when + delta - time.time_ns()) / NS))
            self.stream(who).queue.put(self.moved(message, delta))
            self.sent += 1

    def end(self):
        for stream in self.streams.values():
            stream.queue.put(None)
        for channel in self.channels:
            channel.close()
