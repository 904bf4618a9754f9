"""The project's own lint, a test: prints TAP, one point a check.

    tidy.py [--build BUILD_DIR]       BUILD_DIR: a plain Meson build, for the checks that read symbols

What is checked is in CHECKS (texts) and LIB_CHECKS (symbols of the rooms' static libraries). The rooms are in
rooms.txt; the exceptions, with reasons, in tidy_allow.txt. Each check has its test in test_tidy.py.
"""
import argparse
import collections
import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SKIP_DIRS = {".git", "build", "__pycache__", "node_modules"}
CODE_DIRS = ("src/", "test/", "fuzz/", "bench/", "demo/", "tools/")
TEXT_ENDINGS = (".c", ".h", ".py", ".sh", ".md", ".yaml", ".yml", ".txt", ".build", ".toml", ".csv", ".json", ".in")
LINE_MAX, FILE_MAX, FUNCTION_MAX = 120, 900, 100

# What a pure room may take from the C library's headers.
PURE_HEADERS = {"assert.h", "errno.h", "float.h", "inttypes.h", "limits.h", "math.h", "stdalign.h", "stdarg.h",
                "stdbool.h", "stddef.h", "stdint.h", "stdio.h", "stdlib.h", "string.h", "emmintrin.h", "immintrin.h",
                "smmintrin.h", "arm_neon.h"}
# A shell room may take what the system offers; of these libraries only those that rooms.txt names.
LIBRARIES = {"nghttp2", "llhttp", "libdeflate", "snappy", "yyjson", "yaml", "cyaml", "openssl", "curl", "sqlite3",
             "zstd", "zlib", "ares"}
HEAP = {"malloc", "calloc", "realloc", "reallocarray", "free", "aligned_alloc", "posix_memalign", "strdup",
        "strndup", "asprintf", "vasprintf", "mmap", "sbrk"}
CLOCKS = {"time", "clock", "clock_gettime", "gettimeofday", "localtime", "localtime_r", "gmtime", "gmtime_r", "mktime",
          "timegm", "strftime", "nanosleep", "usleep", "sleep"}
OUTSIDE = {"rand", "random", "srand", "srandom", "drand48", "getrandom", "getenv", "setenv", "fopen", "freopen",
           "open", "openat", "creat", "socket", "accept", "connect", "bind", "listen", "read", "write", "pread",
           "pwrite", "send", "recv", "poll", "select", "epoll_wait", "ioctl", "fork", "system", "popen", "signal",
           "sigaction", "setlocale", "printf", "puts", "putchar", "scanf", "exit"}
LIBM = {"exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "pow", "cbrt", "sin", "cos", "tan", "asin", "acos",
        "atan", "atan2", "sinh", "cosh", "tanh", "erf", "erfc", "lgamma", "tgamma", "hypot", "fma"}
LIBM |= {name + "f" for name in LIBM} | {name + "l" for name in LIBM}
# pthread_* is matched by its start, see banned_in().
BANNED_PURE = HEAP | CLOCKS | OUTSIDE | LIBM
BANNED_EVERYWHERE = {"strcpy", "strcat", "sprintf", "vsprintf", "strtok", "gets", "atoi", "atol", "atof", "rand",
                     "alloca", "strncpy", "strncat"}

Room = collections.namedtuple("Room", "pure includes libs")
Source = collections.namedtuple("Source", "path text")
Problem = collections.namedtuple("Problem", "check path name line text")


# ---- reading ----

def rooms_read(text):
    rooms = {}
    for line in text.splitlines():
        if line.strip() and not line.startswith("#"):
            name, kind, *rest = re.split(r"\s{2,}|\s+(?=pure|shell)", line.strip())
            includes, libs = (set() if words == "-" else set(words.split()) for words in rest)
            rooms[name] = Room(kind == "pure", includes, libs)
    return rooms


def tree_read(root):
    """Every text file of the project. Folders named corpus_* hold fuzz inputs and are not ours to judge."""
    for folder, dirs, files in os.walk(root):
        dirs[:] = sorted(d for d in dirs if d not in SKIP_DIRS and not d.startswith("corpus_"))
        for name in sorted(files):
            path = os.path.relpath(os.path.join(folder, name), root)
            if name.endswith(TEXT_ENDINGS) or name == "dev" or path == os.path.join(".ci", "run"):
                with open(os.path.join(folder, name), encoding="utf-8", errors="replace") as file:
                    yield Source(path, file.read())


def is_c(path):
    return path.endswith((".c", ".h"))


def room_of(path):
    parts = path.split("/")
    return parts[1] if len(parts) > 2 and parts[0] == "src" else None


def code_only(text):
    """C text with comments and the insides of literals blanked; lines and columns stay."""
    token = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.DOTALL)
    return token.sub(lambda m: re.sub(r"[^\n]", " ", m.group(0)), text)


def comments_only(text):
    token = re.compile(r'(//[^\n]*|/\*.*?\*/)|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.DOTALL)
    return [(text.count("\n", 0, m.start()) + 1, m.group(1)) for m in token.finditer(text) if m.group(1)]


def line_of(text, at):
    return text.count("\n", 0, at) + 1


# ---- checks of texts: each takes all sources and the rooms, and gives problems ----

def check_lines(sources, _rooms):
    """tabs, blanks at line ends, lines over 120 columns, a missing newline at the end"""
    for s in sources:
        limited = s.path.endswith((".c", ".h", ".py", ".sh", ".build")) or s.path == "dev"
        for number, line in enumerate(s.text.split("\n"), 1):
            if "\t" in line:
                yield Problem("lines", s.path, "tab", number, "a tab")
            if line != line.rstrip():
                yield Problem("lines", s.path, "blank", number, "blanks at the end of the line")
            if limited and len(line) > LINE_MAX:
                yield Problem("lines", s.path, "long", number, f"{len(line)} columns, {LINE_MAX} at most")
        if s.text and not s.text.endswith("\n"):
            yield Problem("lines", s.path, "end", s.text.count("\n") + 1, "no newline at the end of the file")


def check_file_length(sources, _rooms):
    """code files over 900 lines"""
    for s in sources:
        count = s.text.count("\n")
        if s.path.endswith((".c", ".h", ".py", ".sh")) and count > FILE_MAX:
            yield Problem("file_length", s.path, "long", count, f"{count} lines, {FILE_MAX} at most")


def functions_find(text):
    """(name, first line, last line) of each function body in blanked C text."""
    depth, at, opened = 0, 0, None
    for m in re.finditer(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*|[{}]", text, re.MULTILINE):
        if m.group(0) == "{":
            if depth == 0:
                head = text[at:m.start()]
                named = re.search(r"(\w+)\s*\((?:[^{};]*)\)\s*$", head)
                opened = (named.group(1), line_of(text, m.start())) if named else None
            depth += 1
        elif m.group(0) == "}":
            depth -= 1
            at = m.end()
            if depth == 0 and opened:
                yield opened[0], opened[1], line_of(text, m.start())
        elif depth == 0:
            at = m.end()


def check_function_length(sources, _rooms):
    """functions over 100 lines"""
    for s in sources:
        if is_c(s.path):
            for name, first, last in functions_find(code_only(s.text)):
                if last - first + 1 > FUNCTION_MAX:
                    yield Problem("function_length", s.path, name, first, f"{name}: {last - first + 1} lines")


def check_include_guards(sources, _rooms):
    """headers without a guard named after the file"""
    for s in sources:
        if s.path.endswith(".h"):
            guard = re.sub(r"\W", "_", os.path.basename(s.path)).upper()
            if not re.search(rf"^#ifndef {guard}\n#define {guard}\n", s.text, re.MULTILINE):
                yield Problem("include_guards", s.path, guard, 1, f"no include guard {guard}")


def check_file_names(sources, _rooms):
    """C files whose name is not unique in the tree, or under src/ not room_noun"""
    seen = {}
    for s in sources:
        if not is_c(s.path):
            continue
        name, room = os.path.basename(s.path), room_of(s.path)
        if name in seen:
            yield Problem("file_names", s.path, name, 1, f"the same name as {seen[name]}")
        seen[name] = s.path
        stem = name.rsplit(".", 1)[0]
        if room and not (stem == room or stem.startswith(room + "_") or (room == "daemon" and stem == "main")):
            yield Problem("file_names", s.path, name, 1, f"does not start with {room}_")


def includes_of(text):
    # code_only would blank the name; a commented-out include does not start its line with '#'.
    for m in re.finditer(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', text, re.MULTILINE):
        yield m.group(1), m.group(2), line_of(text, m.start())


def include_problem(room_name, room, kind, header, homes):
    if kind == '"' and header in homes:
        home = homes[header]
        if home is None or home == room_name or home in room.includes:
            return None
        return f"{room_name} may not include {home} ({header})"
    stem = header.split("/")[0].removesuffix(".h")
    if stem in room.libs:
        return None
    if kind == '"':
        return f"{header} is no header of the project"
    if room.pure and header not in PURE_HEADERS:
        return f"a pure room may not include <{header}>"
    if not room.pure and stem in LIBRARIES:
        return f"{room_name} may not use {stem}"
    return None


def check_includes(sources, rooms):
    """includes that rooms.txt does not allow (I1)"""
    # A header that the build writes has its origin, name.h.in, in the tree.
    homes = {os.path.basename(s.path).removesuffix(".in"): room_of(s.path) for s in sources
             if s.path.endswith((".h", ".h.in"))}
    for s in sources:
        name = room_of(s.path)
        if not name or not is_c(s.path):
            continue
        if name not in rooms:
            yield Problem("includes", s.path, name, 1, f"room {name} is not in rooms.txt")
            continue
        for kind, header, line in includes_of(s.text):
            text = include_problem(name, rooms[name], kind, header, homes)
            if text:
                yield Problem("includes", s.path, header, line, text)


def calls_of(text):
    """Names called in blanked C text: a name and '(' that is no member, no definition and no macro definition."""
    for m in re.finditer(r"(?<![\w.>])(\w+)\s*\(", text):
        if text[:m.start()].endswith(("#define ", "->")):
            continue
        yield m.group(1), line_of(text, m.start())


def banned_in(name, pure):
    return name in BANNED_EVERYWHERE or (pure and (name in BANNED_PURE or name.startswith("pthread_")))


def check_banned(sources, rooms):
    """calls of functions that are banned: everywhere, or in the pure rooms (I2)"""
    for s in sources:
        if not is_c(s.path):
            continue
        room = rooms.get(room_of(s.path) or "")
        for name, line in calls_of(code_only(s.text)):
            if banned_in(name, room and room.pure):
                yield Problem("banned", s.path, name, line, f"calls {name}")


UNFINISHED = re.compile(r"\b(" + "|".join(("TO" + "DO", "FIX" + "ME", "X" + "XX", "HA" + "CK")) + r")\b")


def check_unfinished(sources, _rooms):
    """marks of unfinished work"""
    for s in sources:
        for m in UNFINISHED.finditer(s.text):
            yield Problem("unfinished", s.path, m.group(1), line_of(s.text, m.start()), m.group(1))


def check_machine_paths(sources, _rooms):
    """paths of somebody's machine"""
    path = re.compile(r"(?<![\w./~}\"'-])/(?:home|root|Users|work)/\w+|(?<=[\"'])/(?:home|root|Users|work)/\w+")
    for s in sources:
        for m in path.finditer(s.text):
            yield Problem("machine_paths", s.path, m.group(0), line_of(s.text, m.start()), m.group(0))


def check_comment_files(sources, _rooms):
    """comments that name a file which is not there"""
    names = {os.path.basename(s.path) for s in sources}
    named = re.compile(r"(?<![\w<./-])((?:[\w-]+/)*[\w-]+\.(?:c|h|py|md|txt))\b(?!\w*\()")
    for s in sources:
        if is_c(s.path):
            for line, comment in comments_only(s.text):
                for m in named.finditer(comment):
                    name = os.path.basename(m.group(1))
                    # C's own headers are nobody's file here.
                    if name not in names and name not in PURE_HEADERS:
                        yield Problem("comment_files", s.path, name, line, f"names {m.group(1)}, which is not there")


def slug(heading):
    """The anchor that a Markdown heading gets."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def check_doc_links(sources, _rooms, root=ROOT):
    """links between pages that lead nowhere"""
    texts = {s.path: s.text for s in sources}
    for s in sources:
        if not s.path.endswith(".md"):
            continue
        for m in re.finditer(r"\]\(([^)\s]+)\)", s.text):
            target, _, anchor = m.group(1).partition("#")
            line = line_of(s.text, m.start())
            if re.match(r"[a-z]+:", target):
                continue
            path = os.path.normpath(os.path.join(os.path.dirname(s.path), target)) if target else s.path
            if path not in texts and not os.path.exists(os.path.join(root, path)):
                yield Problem("doc_links", s.path, target, line, f"{target} is not there")
            elif anchor and path in texts:
                slugs = {slug(h) for h in re.findall(r"^#+ (.*)$", texts[path], re.MULTILINE)}
                if anchor not in slugs:
                    yield Problem("doc_links", s.path, anchor, line, f"{path} has no heading #{anchor}")


CHECKS = {"lines": check_lines, "file_length": check_file_length, "function_length": check_function_length,
          "include_guards": check_include_guards, "file_names": check_file_names, "includes": check_includes,
          "banned": check_banned, "unfinished": check_unfinished, "machine_paths": check_machine_paths,
          "comment_files": check_comment_files, "doc_links": check_doc_links}


# ---- checks of symbols: each takes (room name, room, objdump -t of its library), and gives problems ----

SYMBOL = re.compile(r"^[0-9a-f]{8,} (.{7}) (\S+)\s+([0-9a-f]+)\s+(?:\.hidden )?(\S+)$", re.MULTILINE)
MUTABLE = re.compile(r"^(\.data(?!\.rel\.ro)|\.bss|\.tdata|\.tbss|\*COM\*)")


def check_lib_state(name, _room, table):
    """variables at file scope that can change, below daemon (I4)"""
    if name == "daemon":
        return
    for flags, section, size, symbol in SYMBOL.findall(table):
        if MUTABLE.match(section) and "d" not in flags and int(size, 16) > 0:
            yield Problem("lib_state", f"src/{name}", symbol.split(".")[0], 0, f"{symbol} can change")


def check_lib_banned(name, room, table):
    """functions that a pure room's library asks of the outside (I2)"""
    if not room.pure:
        return
    for _, section, _, symbol in SYMBOL.findall(table):
        plain = re.sub(r"^__|_chk$|^__isoc99_", "", symbol)
        if section == "*UND*" and banned_in(plain, True):
            yield Problem("lib_banned", f"src/{name}", plain, 0, f"needs {symbol}")


LIB_CHECKS = {"lib_state": check_lib_state, "lib_banned": check_lib_banned}


def symbols_read(build_dir, room):
    library = os.path.join(build_dir, "src", room, f"lib{room}.a")
    if not os.path.exists(library):
        return None
    return subprocess.run(["objdump", "-t", library], capture_output=True, text=True, check=True).stdout


# ---- exceptions and report ----

def allow_read(text):
    """{(check, path, name)}; every line must give a reason."""
    allowed = set()
    for line in text.splitlines():
        if line.strip() and not line.startswith("#"):
            key, _, reason = line.partition(":")
            if not reason.strip() or len(key.split()) != 3:
                raise ValueError(f"tidy_allow.txt: not CHECK PATH NAME: REASON: {line}")
            allowed.add(tuple(key.split()))
    return allowed


def tap_print(results):
    """results: [(title, [problem text])]. True where all are fine."""
    print(f"1..{len(results)}")
    for number, (title, problems) in enumerate(results, 1):
        print(f"{'not ok' if problems else 'ok'} {number} - {title}")
        for problem in problems[:50]:
            print(f"#   {problem}")
        if len(problems) > 50:
            print(f"#   and {len(problems) - 50} more")
    return not any(problems for _, problems in results)


def problem_text(p):
    return f"{p.path}:{p.line}: {p.text}" if p.line else f"{p.path}: {p.text}"


def run(build_dir):
    sources = list(tree_read(ROOT))
    texts = {s.path: s.text for s in sources}
    rooms = rooms_read(texts["tools/rooms.txt"])
    allowed = allow_read(texts["tools/tidy_allow.txt"])
    used, results = set(), []

    def add(title, problems):
        kept = [p for p in problems if (p.check, p.path, p.name) not in allowed]
        used.update((p.check, p.path, p.name) for p in problems)
        results.append((title, [problem_text(p) for p in kept]))

    for check in CHECKS.values():
        add(f"no {check.__doc__}", list(check(sources, rooms)))
    if build_dir:
        tables = {name: symbols_read(build_dir, name) for name in rooms}
        results.append(("every room is a library", [f"{n}: no lib{n}.a" for n, t in tables.items() if t is None]))
        for check in LIB_CHECKS.values():
            add(f"no {check.__doc__}", [p for n, t in tables.items() if t for p in check(n, rooms[n], t)])
    ran = set(CHECKS) | (set(LIB_CHECKS) if build_dir else set())
    results.append(("no exception that is not needed",
                    [" ".join(key) for key in sorted(allowed - used) if key[0] in ran or key[0] not in LIB_CHECKS]))
    return tap_print(results)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build")
    return 0 if run(parser.parse_args().build) else 1


if __name__ == "__main__":
    sys.exit(main())
