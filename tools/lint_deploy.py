"""Prometheus' own tool over the rules of deploy/ and their tests, the schemas of Kubernetes over its manifests.

    lint_deploy.py PROMTOOL
"""
import os
import subprocess
import sys

import kubernetes_validate
import yaml

DEPLOY = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "deploy")
KUBERNETES = ("1.28", "1.37")  # the oldest and the newest that are read


def promtool_wrong(promtool):
    for words in (["check", "rules", "foreshock.rules.yaml"], ["test", "rules", "foreshock.rules.test.yaml"]):
        done = subprocess.run([promtool, *words], cwd=os.path.join(DEPLOY, "prometheus"), capture_output=True,
                              text=True, check=False)
        if done.returncode:
            yield done.stdout + done.stderr


def kubernetes_wrong():
    """The ServiceMonitor is of the Prometheus Operator: its schema is not among those of Kubernetes."""
    with open(os.path.join(DEPLOY, "kubernetes", "foreshock.yaml"), encoding="utf-8") as file:
        all_ = list(yaml.safe_load_all(file))
    for version in KUBERNETES:
        for document in all_:
            try:
                kubernetes_validate.validate(document, version, strict=True)
            except kubernetes_validate.ValidationError as wrong:
                yield f"{version}: {document['kind']}: {wrong.message}"


def main():
    failed = False
    for name, found in (("promtool", list(promtool_wrong(os.path.abspath(sys.argv[1])))),
                        ("kubernetes schemas", list(kubernetes_wrong()))):
        print(f"{name}: {'nothing found' if not found else ''}")
        print("\n".join(found), end="\n" if found else "")
        failed |= bool(found)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
