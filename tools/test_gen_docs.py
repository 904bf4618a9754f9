"""Tests of gen_docs.py's reading of C tables. Prints TAP."""
import sys

import gen_docs
from tap import Tap

TABLE = '''
#define OTHER_TABLE(X) X(A, "a")
#define SOME_TABLE(X) \\
  X(ONE, "one, with (a comma", 'x', (1u << 2), "two " \\
    "pieces") \\
  X(TWO, "a \\"quote\\"", 'y', LIMIT_NAME_BYTES, "")

int after;
'''


def rows_of(text, macro):
    """table_rows over a text in place of a file."""
    real, gen_docs.source_read = gen_docs.source_read, lambda _path: text
    try:
        return gen_docs.table_rows("", macro)
    finally:
        gen_docs.source_read = real


def main():
    tap = Tap()
    rows = rows_of(TABLE, "SOME_TABLE")
    tap.equal("rows end where the table ends", len(rows), 2)
    tap.equal("commas, brackets and pieces of literals", rows[0], ["ONE", "one, with (a comma", "x", "(1u << 2)",
                                                                   "two pieces"])
    tap.equal("quotes inside literals", rows[1][1], 'a "quote"')
    tap.equal("shifts and suffixes", gen_docs.number("(64u << 20)"), 64 << 20)
    tap.equal("a limit by its name", gen_docs.number("LIMIT_TICKS_PER_S"), 4)
    tap.equal("a unit that is in the name", gen_docs.limit_value("LIMIT_TICK_NS", "250000000ll"), "250 ms")
    tap.equal("large sizes", gen_docs.limit_value("LIMIT_X_BYTES", "(4u << 20)"), "4 MiB")
    try:
        rows_of(TABLE, "NO_TABLE")
        tap.ok("a table that is not there is an error", False)
    except ValueError:
        tap.ok("a table that is not there is an error", True)
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
