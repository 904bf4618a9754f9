"""Writes an assembly file that puts the page and the API's document into the program, each plain and as gzip, with a
tag of its content, and the page's policy, which allows its own script and style by their digests and nothing else.

    serve_embed.py PAGE.html OPENAPI.yaml OUT.S        the gzip files are written beside OUT.S
"""
import base64
import gzip
import hashlib
import os
import re
import sys


def digests(page, tag):
    """Of the inline elements: a space-separated list of the policy's sources."""
    bodies = re.findall(rf"<{tag}(?: [^>]*)?>(.*?)</{tag}>", page, re.DOTALL)
    return " ".join("'sha256-" + base64.b64encode(hashlib.sha256(b.encode()).digest()).decode() + "'" for b in bodies)


def policy(page):
    return (f"default-src 'none'; script-src {digests(page, 'script')}; style-src {digests(page, 'style')}; "
            "img-src data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")


def file_rows(name, path, out):
    with open(path, "rb") as file:
        data = file.read()
    packed = os.path.abspath(f"{out}.{name}.gz")
    with open(packed, "wb") as file:
        file.write(gzip.compress(data, 9, mtime=0))
    tag = hashlib.sha256(data).hexdigest()[:24]
    return f"""
.section .rodata
{name}_plain: .incbin "{os.path.abspath(path)}"
{name}_plain_end:
{name}_gzip: .incbin "{packed}"
{name}_gzip_end:
{name}_tag: .asciz "\\"{tag}\\""
.section .data.rel.ro,"aw"
.balign 8
.globl serve_{name}_file
.type serve_{name}_file, %object
.size serve_{name}_file, 40
serve_{name}_file: .quad {name}_plain, {name}_plain_end, {name}_gzip, {name}_gzip_end, {name}_tag
"""


def main():
    page, openapi, out = sys.argv[1:]
    with open(page, encoding="utf-8") as file:
        rule = policy(file.read())
    with open(out, "w", encoding="ascii") as file:
        file.write(file_rows("page", page, out) + file_rows("openapi", openapi, out))
        file.write(f'''
.section .rodata
.globl serve_page_policy
.type serve_page_policy, %object
serve_page_policy: .asciz "{rule}"
.size serve_page_policy, .-serve_page_policy
.section .note.GNU-stack,"",%progbits
''')


if __name__ == "__main__":
    main()
