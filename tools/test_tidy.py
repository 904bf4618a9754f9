"""Tests of tidy.py: each check catches its snippet and passes the good form beside it. Prints TAP."""
import sys

import tidy
from tap import Tap

ROOMS = tidy.rooms_read("""
base        pure    -                  -
rec         pure    base               -
io          shell   base rec           nghttp2
daemon      shell   base rec io        yyjson
""")
GUARDED = "#ifndef BASE_STR_H\n#define BASE_STR_H\n#endif\n"
LONG_FUNCTION = "int f(int a)\n{\n" + "  a++;\n" * 100 + "}\n"
FITTING_FUNCTION = "int f(int a) {\n" + "  a++;\n" * 98 + "}\n"
OBJDUMP = "0000000000000000 {flags} {section}\t0000000000000004 {name}\n"

# check, what it is about, number of problems wanted, {path: text}
CASES = [
    ("lines", "a tab", 1, {"a.md": "a\tb\n"}),
    ("lines", "blanks at a line's end", 1, {"a.md": "a \n"}),
    ("lines", "121 columns", 1, {"src/base/base_a.c": "x" * 121 + "\n"}),
    ("lines", "120 columns are fine", 0, {"src/base/base_a.c": "x" * 120 + "\n"}),
    ("lines", "prose may be long", 0, {"a.md": "x" * 121 + "\n"}),
    ("lines", "no newline at the end", 1, {"a.md": "a"}),
    ("file_length", "901 lines", 1, {"src/base/base_a.c": "\n" * 901}),
    ("file_length", "900 lines are fine", 0, {"src/base/base_a.c": "\n" * 900}),
    ("function_length", "a function of 102 lines", 1, {"src/base/base_a.c": LONG_FUNCTION}),
    ("function_length", "a function of 100 lines is fine", 0, {"src/base/base_a.c": FITTING_FUNCTION}),
    ("function_length", "a table is no function", 0, {"src/base/base_a.c": "int t[] = {\n" + "1,\n" * 120 + "};\n"}),
    ("function_length", "braces in literals and comments do not count", 1,
     {"src/base/base_a.c": 'int g(void) { return \'}\' + "}"[0]; /* } */ }\n' + LONG_FUNCTION}),
    ("include_guards", "a header without a guard", 1, {"src/base/base_str.h": "int x;\n"}),
    ("include_guards", "a guard of another name", 1, {"src/base/base_buf.h": GUARDED}),
    ("include_guards", "the right guard", 0, {"src/base/base_str.h": GUARDED}),
    ("file_names", "a file without its room's name", 1, {"src/base/str.c": ""}),
    ("file_names", "two files of one name", 1, {"src/base/base_a.c": "", "test/unit/base/base_a.c": ""}),
    ("file_names", "main.c of daemon and a room's own name", 0, {"src/daemon/main.c": "", "src/rec/rec.h": ""}),
    ("includes", "a room above", 1, {"src/rec/rec_a.h": "", "src/base/base_a.c": '#include "rec_a.h"\n'}),
    ("includes", "a room that is allowed", 0, {"src/rec/rec_a.h": "", "src/io/io_a.c": '#include "rec_a.h"\n'}),
    ("includes", "a header that is nowhere", 1, {"src/io/io_a.c": '#include "nowhere.h"\n'}),
    ("includes", "sockets in a pure room", 1, {"src/rec/rec_a.c": "#include <sys/socket.h>\n"}),
    ("includes", "sockets in a shell room", 0, {"src/io/io_a.c": "#include <sys/socket.h>\n"}),
    ("includes", "a library of another room", 1, {"src/daemon/main.c": "#include <nghttp2/nghttp2.h>\n"}),
    ("includes", "the room's own library", 0, {"src/io/io_a.c": "#include <nghttp2/nghttp2.h>\n"}),
    ("includes", "a header that the build writes", 0, {"src/io/io_v.h.in": "", "src/io/io_a.c": '#include "io_v.h"\n'}),
    ("includes", "a room that is not listed", 1, {"src/shed/shed_a.c": ""}),
    ("banned", "malloc in a pure room", 1, {"src/rec/rec_a.c": "void *f(void) { return malloc(1); }\n"}),
    ("banned", "malloc in a shell room", 0, {"src/io/io_a.c": "void *f(void) { return malloc(1); }\n"}),
    ("banned", "a clock in a pure room", 1, {"src/rec/rec_a.c": "long f(void) { return time(NULL); }\n"}),
    ("banned", "libm in a pure room", 1, {"src/rec/rec_a.c": "double f(double x) { return log (x); }\n"}),
    ("banned", "a lock in a pure room", 1, {"src/rec/rec_a.c": "void f(void) { pthread_mutex_lock(&m); }\n"}),
    ("banned", "strcpy anywhere", 1, {"demo/mesh.c": "void f(char *a) { strcpy(a, a); }\n"}),
    ("banned", "members, longer names, comments and literals are fine", 0,
     {"src/rec/rec_a.c": 'void f(void) { s.read(1); p->write(2); my_time(3); /* log(4) */ g("exp(5)"); }\n'}),
    ("unfinished", "a mark", 1, {"a.md": "TO" + "DO later\n"}),
    ("unfinished", "part of a word", 0, {"a.md": "TO" + "DOS\n"}),
    ("machine_paths", "somebody's home", 1, {"a.py": 'open("/ho' + 'me/ann/x")\n'}),
    ("machine_paths", "a folder of that name further down", 0, {"a.py": 'open("src/wo' + 'rk/x")\n'}),
    ("comment_files", "a file that is not there", 1, {"src/rec/rec_a.c": "/* see rec_b.h */\n"}),
    ("comment_files", "a file that is there", 0, {"src/rec/rec_a.c": "/* see rec_b.h */\n", "src/rec/rec_b.h": ""}),
    ("comment_files", "a literal is no comment", 0, {"src/rec/rec_a.c": 'f("rec_b.h");\n'}),
    ("doc_links", "a page that is not there", 1, {"a.md": "[b](docs/nowhere.md)\n"}),
    ("doc_links", "a heading that is not there", 1, {"a.md": "# One\n[b](#two)\n"}),
    ("doc_links", "page and heading", 0, {"a.md": "[b](docs/b.md#the-b)\n", "docs/b.md": "## The b\n"}),
]

# check, what it is about, number of problems wanted, room, objdump -t
LIB_CASES = [
    ("lib_state", "a counter at file scope", 1, "io", OBJDUMP.format(flags="l     O", section=".bss", name="calls.0")),
    ("lib_state", "an initialised one", 1, "io", OBJDUMP.format(flags="g     O", section=".data", name="state")),
    ("lib_state", "a thread's own", 1, "io", OBJDUMP.format(flags="l     O", section=".tbss", name="mine")),
    ("lib_state", "a table of pointers is constant", 0, "io",
     OBJDUMP.format(flags="l     O", section=".data.rel.ro.local", name="names")),
    ("lib_state", "daemon may", 0, "daemon", OBJDUMP.format(flags="l     O", section=".bss", name="stop")),
    ("lib_banned", "a checked form of a banned function", 1, "rec",
     OBJDUMP.format(flags="       ", section="*UND*", name="__read_chk")),
    ("lib_banned", "the heap", 1, "rec", OBJDUMP.format(flags="       ", section="*UND*", name="malloc")),
    ("lib_banned", "memcpy is fine", 0, "rec", OBJDUMP.format(flags="       ", section="*UND*", name="memcpy")),
    ("lib_banned", "a shell room may", 0, "io", OBJDUMP.format(flags="       ", section="*UND*", name="malloc")),
]


def main():
    tap = Tap()
    for check, about, wanted, files in CASES:
        sources = [tidy.Source(path, text) for path, text in files.items()]
        found = list(tidy.CHECKS[check](sources, ROOMS))
        tap.ok(f"{check}: {about}", len(found) == wanted, f"wanted {wanted}, found {found}")
    for check, about, wanted, room, table in LIB_CASES:
        found = list(tidy.LIB_CHECKS[check](room, ROOMS[room], table))
        tap.ok(f"{check}: {about}", len(found) == wanted, f"wanted {wanted}, found {found}")
    tested = {case[0] for case in CASES + LIB_CASES}
    tap.equal("every check has a test", tested, set(tidy.CHECKS) | set(tidy.LIB_CHECKS))
    try:
        tidy.allow_read("banned src/base/base_a.c free:\n")
        tap.ok("an exception needs a reason", False)
    except ValueError:
        tap.ok("an exception needs a reason", True)
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
