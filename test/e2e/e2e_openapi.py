"""Reads docs/openapi.yaml, in the part of YAML that it keeps to, and checks answers against its schemas."""
import re

TOKEN = re.compile(r"""\s*(?:('(?:[^']|'')*')|([\[\]{},])|([^\[\]{},'][^\[\]{},]*))""")


def scalar(text):
    text = text.strip()
    if text[:1] == "'" and text[-1:] == "'":
        return text[1:-1].replace("''", "'")
    if text in ("null", "true", "false"):
        return {"null": None, "true": True, "false": False}[text]
    return int(text) if re.fullmatch(r"-?\d+", text) else text


class Flow:
    """{a: b, c: [d]} on one line."""

    def __init__(self, text):
        self.text, self.at = text, 0

    def peek(self):
        return self.text[self.at:].lstrip()[:1]

    def skip(self, char):
        self.at = self.text.index(char, self.at) + 1

    def value(self, stops):
        if self.peek() == "{":
            return self.map()
        if self.peek() == "[":
            return self.list()
        return scalar(self.word(stops))

    def word(self, stops):
        self.at += len(self.text[self.at:]) - len(self.text[self.at:].lstrip())
        start = self.at
        if self.text[self.at] == "'":
            self.at = self.text.index("'", self.at + 1) + 1
        while self.at < len(self.text) and self.text[self.at] not in stops:
            self.at += 1
        return self.text[start:self.at]

    def map(self):
        self.skip("{")
        out = {}
        while self.peek() != "}":
            key = scalar(self.word(":"))
            self.skip(":")
            out[key] = self.value(",}")
            if self.peek() == ",":
                self.skip(",")
        self.skip("}")
        return out

    def list(self):
        self.skip("[")
        out = []
        while self.peek() != "]":
            out.append(self.value(",]"))
            if self.peek() == ",":
                self.skip(",")
        self.skip("]")
        return out


def lines_of(text):
    """(indent, content), with folded texts and flows that go over several lines joined."""
    out = []
    for line in text.splitlines():
        if not line.strip():
            continue
        indent, content = len(line) - len(line.lstrip()), line.strip()
        before = out[-1][1] if out else ""
        if before.count("[") > before.count("]") or (before.endswith(">-") or "\0" in before) and indent > out[-1][0]:
            out[-1] = (out[-1][0], (before[:-2] + "\0" if before.endswith(">-") else before + " ") + content)
        else:
            out.append((indent, content))
    return out


def node(lines, at, indent):
    """The block that starts at line `at`."""
    if lines[at][1].startswith("- "):
        return node_list(lines, at, indent)
    out = {}
    while at < len(lines) and lines[at][0] == indent:
        key, _, rest = lines[at][1].partition(":") if lines[at][1][0] != "'" else \
            (lines[at][1].split("'")[1], "", lines[at][1].split("':", 1)[1])
        rest, at = rest.strip(), at + 1
        if rest.startswith("\0"):
            out[key] = rest[1:]
        elif rest[:1] in ("{", "["):
            out[key] = Flow(rest).value("")
        elif rest:
            out[key] = scalar(rest)
        else:
            out[key], at = node(lines, at, lines[at][0])
    return out, at


def node_list(lines, at, indent):
    out = []
    while at < len(lines) and lines[at][0] == indent and lines[at][1].startswith("- "):
        lines[at] = (indent + 2, lines[at][1][2:])
        item, at = node(lines, at, indent + 2)
        out.append(item)
    return out, at


def openapi_read(path):
    with open(path, encoding="utf-8") as file:
        return node(lines_of(file.read()), 0, 0)[0]


TYPES = {"object": dict, "array": list, "string": str, "boolean": bool, "null": type(None)}
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")


def type_fits(value, name):
    if name in ("integer", "number"):
        return isinstance(value, int if name == "integer" else (int, float)) and not isinstance(value, bool)
    return isinstance(value, TYPES[name])


def schema_errors(api, schema, value, at="$"):
    """What is wrong with the value, as texts."""
    if "$ref" in schema:
        return schema_errors(api, api["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]], value, at)
    names = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    if not any(type_fits(value, name) for name in names):
        return [f"{at}: {value!r} is no {names}"]
    errors = scalar_errors(schema, value, at)
    if isinstance(value, list):
        for i, item in enumerate(value):
            errors += schema_errors(api, schema["items"], item, f"{at}[{i}]")
    if isinstance(value, dict):
        errors += object_errors(api, schema, value, at)
    return errors


def scalar_errors(schema, value, at):
    errors = []
    if "enum" in schema and value not in schema["enum"]:
        errors.append(f"{at}: {value!r} is none of {schema['enum']}")
    if isinstance(value, str) and "pattern" in schema and not re.search(schema["pattern"], value):
        errors.append(f"{at}: {value!r} is not like {schema['pattern']}")
    if isinstance(value, str) and schema.get("format") == "date-time" and not TIME.fullmatch(value):
        errors.append(f"{at}: {value!r} is no time")
    if isinstance(value, (int, float)) and not schema.get("minimum", value) <= value <= schema.get("maximum", value):
        errors.append(f"{at}: {value!r} is out of range")
    return errors


def object_errors(api, schema, value, at):
    known, more = schema.get("properties", {}), schema.get("additionalProperties")
    errors = [f"{at}: {name} is missing" for name in schema.get("required", []) if name not in value]
    for name, item in value.items():
        if name in known:
            errors += schema_errors(api, known[name], item, f"{at}.{name}")
        elif isinstance(more, dict):
            errors += schema_errors(api, more, item, f"{at}.{name}")
        else:
            errors.append(f"{at}: {name} is not documented")
    return errors
