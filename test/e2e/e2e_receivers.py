"""Doubles of the receivers of alerts: HTTP servers that answer as told, keep what came, and check it against what the
receivers' documentation says.
"""
import base64
import hashlib
import hmac
import http.server
import json
import re
import ssl
import threading
import time

RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)")


class Got:
    def __init__(self, handler, body):
        self.at, self.path, self.body = time.monotonic(), handler.path, body
        self.headers = {name.lower(): value for name, value in handler.headers.items()}

    @property
    def json(self):
        return json.loads(self.body)


class Double:
    """answers: a list of (status, headers, body) to give in turn, then `last` for ever. None: no answer at all."""

    def __init__(self, answers=(), last=(200, {}, b"{}"), port=0, tls=None):
        self.answers, self.last, self.got, self.hung = list(answers), last, [], threading.Event()
        double = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version, disable_nagle_algorithm = "HTTP/1.1", True

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                answer = double.take(Got(self, body))
                if answer is None:
                    double.hung.wait()
                    self.close_connection = True
                    return
                status, headers, text = answer
                self.send_response(status)
                for name, value in {**headers, "Content-Length": str(len(text))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads, request_queue_size = True, 128

            def handle_error(self, *_):
                pass  # a client that is killed

        self.server = Server(("127.0.0.1", port), Handler)
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*tls)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.port = self.server.server_address[1]
        self.scheme = "https" if tls else "http"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def take(self, got):
        answer = self.answers.pop(0) if self.answers else self.last
        answer = answer(got) if callable(answer) else answer
        self.got.append(got)
        return answer

    def url(self, path="/"):
        return f"{self.scheme}://127.0.0.1:{self.port}{path}"

    def close(self):
        self.hung.set()
        self.server.shutdown()
        self.server.server_close()


def keys_wrong(obj, required, allowed, where):
    """What is missing or not documented."""
    out = [f"{where}: no {key}" for key in required if key not in obj]
    return out + [f"{where}: {key} is not documented" for key in obj if key not in set(required) | set(allowed)]


def text_wrong(obj, key, limit, where):
    value = obj.get(key)
    if value is None:
        return []
    if not isinstance(value, str) or not 1 <= len(value) <= limit:
        return [f"{where}.{key}: {str(value)[:80]!r} is no text of 1 to {limit} characters"]
    return []


# ---- PagerDuty, Events API v2: "Send an Alert Event" and "Events API v2 Overview" ----

def pagerduty_wrong(got, routing_key):
    event, out = got.json, []
    if got.path != "/v2/enqueue" or got.headers["content-type"] != "application/json":
        out.append(f"{got.path} {got.headers['content-type']}")
    if len(got.body) > 512 * 1000:
        out.append(f"{len(got.body)} bytes")
    out += keys_wrong(event, ["routing_key", "event_action"],
                      ["dedup_key", "payload", "images", "links", "client", "client_url"], "event")
    if event["routing_key"] != routing_key or len(routing_key) != 32:
        out.append("routing_key")
    if event["event_action"] not in ("trigger", "acknowledge", "resolve"):
        out.append(event["event_action"])
    out += text_wrong(event, "dedup_key", 255, "event")
    for i, link in enumerate(event.get("links", [])):
        out += keys_wrong(link, ["href"], ["text"], f"links[{i}]")
    if event["event_action"] != "trigger":
        return out
    return out + pagerduty_payload_wrong(event.get("payload", {}))


def pagerduty_payload_wrong(payload):
    out = keys_wrong(payload, ["summary", "source", "severity"],
                     ["timestamp", "component", "group", "class", "custom_details"], "payload")
    out += text_wrong(payload, "summary", 1024, "payload")
    for key in ("source", "component", "group", "class"):
        out += text_wrong(payload, key, 255, "payload")
    if payload.get("severity") not in ("critical", "error", "warning", "info"):
        out.append(f"severity {payload.get('severity')}")
    if not RFC3339.fullmatch(payload.get("timestamp", "")):
        out.append(f"timestamp {payload.get('timestamp')}")
    if not isinstance(payload.get("custom_details", {}), dict):
        out.append("custom_details")
    return out


def pagerduty_answer(got):
    try:
        key = got.json["dedup_key"]
    except (ValueError, KeyError):
        return 400, {}, b'{"status": "invalid event", "message": "Event object is invalid", "errors": ["no JSON"]}'
    return 202, {}, json.dumps({"status": "success", "message": "Event processed", "dedup_key": key}).encode()


# ---- Slack: chat.postMessage, chat.update, Block Kit's section and context, incoming webhooks ----

def slack_mrkdwn_wrong(obj, limit, where):
    out = keys_wrong(obj, ["type", "text"], ["emoji", "verbatim"], where)
    if obj.get("type") not in ("mrkdwn", "plain_text"):
        out.append(f"{where}: type {obj.get('type')}")
    out += text_wrong(obj, "text", limit, where)
    bare = re.sub(r"<https?://[^<>|]+(\|[^<>|]+)?>", "", obj.get("text", ""))
    bare = re.sub(r"&(amp|lt|gt);", "", bare)
    return out + ([f"{where}: control characters are not escaped: {bare}"] if re.search("[&<>]", bare) else [])


def slack_block_wrong(block, where):
    if block.get("type") == "section":
        out = keys_wrong(block, ["type"], ["text", "fields", "block_id", "accessory", "expand"], where)
        if "text" not in block and "fields" not in block:
            out.append(f"{where}: wants text or fields")
        if "text" in block:
            out += slack_mrkdwn_wrong(block["text"], 3000, where)
        if len(block.get("fields", [])) > 10 or block.get("fields", [0]) == []:
            out.append(f"{where}: {len(block['fields'])} fields")
        for i, field in enumerate(block.get("fields", [])):
            out += slack_mrkdwn_wrong(field, 2000, f"{where}.fields[{i}]")
        return out
    if block.get("type") == "context":
        out = keys_wrong(block, ["type", "elements"], ["block_id"], where)
        if not 1 <= len(block["elements"]) <= 10:
            out.append(f"{where}: {len(block['elements'])} elements")
        return out + [e for i, element in enumerate(block["elements"])
                      for e in slack_mrkdwn_wrong(element, 3000, f"{where}[{i}]")]
    return [f"{where}: type {block.get('type')}"]


SLACK_ARGUMENTS = ["text", "blocks", "attachments", "unfurl_links", "unfurl_media", "thread_ts", "mrkdwn", "metadata",
                   "link_names", "parse", "reply_broadcast"]


def slack_wrong(got, token=None):
    """token: of a bot; None: it came to an incoming webhook."""
    message, out = got.json, []
    if got.headers["content-type"] != "application/json; charset=utf-8":
        out.append(got.headers["content-type"])
    if token is None:
        out += keys_wrong(message, [], ["text", "blocks", "attachments", "unfurl_links", "unfurl_media"], "message")
    elif got.path == "/api/chat.postMessage":
        out += keys_wrong(message, ["channel"], SLACK_ARGUMENTS, "postMessage")
    elif got.path == "/api/chat.update":
        out += keys_wrong(message, ["channel", "ts"], SLACK_ARGUMENTS, "update")
    else:
        out.append(got.path)
    if token is not None and got.headers.get("authorization") != f"Bearer {token}":
        out.append("authorization")
    out += text_wrong(message, "text", 4000, "message")
    if not 1 <= len(message.get("blocks", [])) <= 50:
        out.append(f"{len(message.get('blocks', []))} blocks")
    return out + [e for i, b in enumerate(message.get("blocks", [])) for e in slack_block_wrong(b, f"blocks[{i}]")]


class Slack:
    """Keeps messages as Slack does: by channel and ts."""

    def __init__(self):
        self.messages = {}

    def answer(self, got):
        message = got.json
        if got.path.endswith("chat.update"):
            if (message["channel"], message["ts"]) not in self.messages:
                return self.reply({"ok": False, "error": "message_not_found"})
            self.messages[message["channel"], message["ts"]] = message
            return self.reply({"ok": True, "channel": message["channel"], "ts": message["ts"], "text": message["text"]})
        ts = f"{1405894322 + len(self.messages)}.002768"
        self.messages["C0REAL", ts] = message
        return self.reply({"ok": True, "channel": "C0REAL", "ts": ts, "message": {"text": message["text"]}})

    @staticmethod
    def reply(obj):
        return 200, {"Content-Type": "application/json"}, json.dumps(obj).encode()


# ---- Standard Webhooks 1.0.0 ----

def webhook_wrong(got, secret):
    key = base64.b64decode(secret[6:]) if secret.startswith("whsec_") else secret.encode()
    signed = f"{got.headers['webhook-id']}.{got.headers['webhook-timestamp']}.".encode() + got.body
    want = "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    out = [] if want in got.headers["webhook-signature"].split(" ") else ["signature"]
    if abs(time.time() - int(got.headers["webhook-timestamp"])) > 300:
        out.append("timestamp")
    return out + ([] if got.headers["content-type"] == "application/json" else [got.headers["content-type"]])


# ---- CloudEvents 1.0.2: spec, JSON format, HTTP binding ----

def cloudevent_wrong(got):
    event = got.json
    out = keys_wrong(event, ["id", "source", "specversion", "type"],
                     ["datacontenttype", "dataschema", "subject", "time", "data", "data_base64"], "event")
    if not got.headers["content-type"].startswith("application/cloudevents+json"):
        out.append(got.headers["content-type"])
    if event.get("specversion") != "1.0":
        out.append("specversion")
    for key in ("id", "source", "type", "subject"):
        out += text_wrong(event, key, 1024, "event")
    if not RFC3339.fullmatch(event.get("time", "")):
        out.append("time")
    return out + ([] if event.get("datacontenttype") == "application/json" else ["datacontenttype"])


# ---- OTLP/HTTP with JSON: opentelemetry-proto's logs.proto and its JSON rules ----

OTLP = {
    "ExportLogsServiceRequest": {"resourceLogs": ["ResourceLogs"]},
    "ResourceLogs": {"resource": "Resource", "scopeLogs": ["ScopeLogs"], "schemaUrl": str},
    "Resource": {"attributes": ["KeyValue"], "droppedAttributesCount": int},
    "ScopeLogs": {"scope": "Scope", "logRecords": ["LogRecord"], "schemaUrl": str},
    "Scope": {"name": str, "version": str, "attributes": ["KeyValue"], "droppedAttributesCount": int},
    "LogRecord": {"timeUnixNano": "fixed64", "observedTimeUnixNano": "fixed64", "severityNumber": int,
                  "severityText": str, "body": "AnyValue", "attributes": ["KeyValue"], "flags": int,
                  "droppedAttributesCount": int, "traceId": "hex32", "spanId": "hex16", "eventName": str},
    "KeyValue": {"key": str, "value": "AnyValue"},
    "AnyValue": {"stringValue": str, "boolValue": bool, "intValue": "fixed64", "doubleValue": float},
}
OTLP_TEXT = {"fixed64": r"\d+", "hex32": r"[0-9a-f]{32}", "hex16": r"[0-9a-f]{16}"}


def otlp_value_wrong(value, kind, where):
    if isinstance(kind, list):
        if not isinstance(value, list):
            return [f"{where}: no list"]
        return [e for i, v in enumerate(value) for e in otlp_value_wrong(v, kind[0], f"{where}[{i}]")]
    if isinstance(kind, type):
        return [] if type(value) is kind else [f"{where}: {value!r} is no {kind.__name__}"]
    if kind in OTLP_TEXT:
        return [] if isinstance(value, str) and re.fullmatch(OTLP_TEXT[kind], value) else [f"{where}: {value!r}"]
    out = []
    for key, item in value.items():
        if key in OTLP[kind]:
            out += otlp_value_wrong(item, OTLP[kind][key], f"{where}.{key}")
        else:
            out.append(f"{where}: {key} is none of {kind}")
    return out


def otlp_wrong(got):
    out = [] if got.headers["content-type"] == "application/json" else [got.headers["content-type"]]
    out += [] if got.path == "/v1/logs" else [got.path]
    out += otlp_value_wrong(got.json, "ExportLogsServiceRequest", "$")
    for record in got.json["resourceLogs"][0]["scopeLogs"][0]["logRecords"]:
        keys = [a["key"] for a in record["attributes"]]
        out += [] if len(keys) == len(set(keys)) else [f"attributes twice: {keys}"]
        out += [] if 1 <= record["severityNumber"] <= 24 else ["severityNumber"]
    return out


# ---- Alertmanager: its openapi.yaml, and what its client checks ----

def alertmanager_wrong(got):
    out = [] if got.path == "/api/v2/alerts" else [got.path]
    out += [] if got.headers["content-type"] == "application/json" else [got.headers["content-type"]]
    for i, alert in enumerate(got.json):
        out += keys_wrong(alert, ["labels"], ["startsAt", "endsAt", "annotations", "generatorURL"], f"[{i}]")
        out += [f"[{i}]: no alertname"] if not alert["labels"].get("alertname") else []
        for name, value in {**alert["labels"], **alert["annotations"]}.items():
            if not re.fullmatch(r"[a-zA-Z_][a-zA-Z0-9_]*", name) or not value:
                out.append(f"[{i}]: {name}={value!r}")
        out += [f"[{i}].{key}" for key in ("startsAt", "endsAt") if not RFC3339.fullmatch(alert[key])]
    return out
