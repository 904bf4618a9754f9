"""Certificates for tests, made by the openssl command: authorities, and certificates with any names and times."""
import os
import subprocess
import time

CONFIG = """
[ca]
default_ca = it
[it]
database = {dir}/index.txt
new_certs_dir = {dir}
serial = {dir}/serial
default_md = sha256
policy = any
unique_subject = no
[any]
commonName = supplied
[leaf]
basicConstraints = CA:FALSE
keyUsage = digitalSignature
extendedKeyUsage = serverAuth, clientAuth
subjectAltName = {names}
[root]
basicConstraints = critical, CA:TRUE
keyUsage = keyCertSign
"""


def openssl(*words):
    subprocess.run(["openssl", *words], check=True, capture_output=True, timeout=60)


class Authority:
    """A CA in its own directory; `file` is its certificate."""

    def __init__(self, root, name):
        self.dir, self.name, self.made = os.path.join(root, name), name, 0
        os.makedirs(self.dir)
        self.file, self.key = self.path("ca.pem"), self.path("ca.key")
        open(self.path("index.txt"), "w", encoding="utf-8").close()
        with open(self.path("serial"), "w", encoding="utf-8") as file:
            file.write("1000\n")
        self.configure("DNS:none")
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                "-subj", f"/CN={name}", "-config", self.path("conf"), "-extensions", "root",
                "-keyout", self.key, "-out", self.file)

    def path(self, name):
        return os.path.join(self.dir, name)

    def configure(self, names):
        with open(self.path("conf"), "w", encoding="utf-8") as file:
            file.write(CONFIG.format(dir=self.dir, names=names) + "[req]\ndistinguished_name = dn\n[dn]\n")

    def issue(self, names, from_s=-3600, to_s=86400):
        """(certificate's file, key's file) for subjectAltNames as openssl writes them; valid from and to, from now."""
        self.made += 1
        base = self.path(str(self.made))
        self.configure(names)
        openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=it",
                "-config", self.path("conf"), "-keyout", base + ".key", "-out", base + ".csr")
        at = [time.strftime("%Y%m%d%H%M%SZ", time.gmtime(time.time() + s)) for s in (from_s, to_s)]
        openssl("ca", "-batch", "-notext", "-config", self.path("conf"), "-extensions", "leaf", "-cert", self.file,
                "-keyfile", self.key, "-startdate", at[0], "-enddate", at[1], "-in", base + ".csr",
                "-out", base + ".pem")
        return base + ".pem", base + ".key"


LOCAL = "DNS:localhost, IP:127.0.0.1"
