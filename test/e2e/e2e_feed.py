"""Sends made-up traffic to a daemon over real gRPC streams, one a pod, as the clock goes."""
import queue
import threading
import time

import grpc
from envoy.service.accesslog.v3 import als_pb2

from e2e_mesh import Traffic

METHOD = "/envoy.service.accesslog.v3.AccessLogService/StreamAccessLogs"
SLICE_NS = 250_000_000


class Stream:
    def __init__(self, channel):
        self.queue = queue.Queue()
        call = channel.stream_unary(METHOD, request_serializer=lambda m: m.SerializeToString(),
                                    response_deserializer=als_pb2.StreamAccessLogsResponse.FromString)
        self.future = call.future(iter(self.queue.get, None))

    def end(self):
        """True where the server answered the stream's end with OK."""
        self.queue.put(None)
        try:
            self.future.result(timeout=60)
            return True
        except grpc.RpcError:
            return False


class Feed:
    def __init__(self, target, credentials=None, **traffic):
        self.traffic = Traffic(**traffic)
        options = [("grpc.enable_retries", 0)]
        self.channel = (grpc.secure_channel(target, credentials, options) if credentials
                        else grpc.insecure_channel(target, options))
        self.streams = {pod.name: Stream(self.channel) for pod in self.traffic.pods}
        self.messages = 0
        self.failing = None
        self.at = time.time_ns()

    def go(self, seconds):
        """Sends each slice when it is over."""
        until = time.time_ns() + int(seconds * 1e9)
        while self.at < until:
            time.sleep(max(0, (self.at + SLICE_NS - time.time_ns()) / 1e9))
            for pod in self.traffic.pods:
                self.streams[pod.name].queue.put(
                    self.traffic.message(pod, self.at, self.at + SLICE_NS, self.failing))
                self.messages += 1
            self.at += SLICE_NS

    def end(self):
        good = [stream.end() for stream in self.streams.values()]
        self.channel.close()
        return all(good)


def in_background(function, *arguments):
    thread = threading.Thread(target=function, args=arguments, daemon=True)
    thread.start()
    return thread
