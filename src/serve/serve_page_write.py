"""Writes the page as a C array: serve_page_write.py PAGE.html OUT.c"""
import sys

page = open(sys.argv[1], "rb").read()
rows = [", ".join(map(str, page[i:i + 32])) for i in range(0, len(page), 32)]
with open(sys.argv[2], "w", encoding="ascii") as out:
    out.write('#include <stddef.h>\n\n'
              'extern const unsigned char serve_page_html[];\nextern const size_t serve_page_html_n;\n'
              f'const unsigned char serve_page_html[] = {{\n  {",{}".format(chr(10) + "  ").join(rows)}}};\n'
              f'const size_t serve_page_html_n = {len(page)};\n')
