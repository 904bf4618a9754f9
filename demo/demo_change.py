"""The changes of the demo: what is done to a healthy mesh, what should be said of it, and whether that is right.
Endpoints come to the sidecars by EDS, from files (mesh_envoy.py), as a control plane would send them."""
import dataclasses
import time

from demo_fault import cause_of, culprit_judge, Fault

OVERLAP_S = 4.0   # old and new pods are both asked for so long
DRAIN_S = 2.0     # a pod that is asked no more ends after so long


@dataclasses.dataclass(frozen=True)
class Change:
    name: str      # for the table
    done: str      # a sentence
    service: str
    run: object    # run(mesh, wait): does it; wait(seconds) passes time
    words: tuple   # in the summary of the expected incident
    bad: Fault = None  # what is wrong with it, if anything
    undo: object = None


def pod_replace(mesh, old, new, wait):
    """New before old, as a Deployment does."""
    mesh.pod_start(new)
    mesh.endpoints_write(new.service, new.cluster, [p for p in mesh.serving(new.service, new.cluster)] + [new])
    wait(OVERLAP_S)
    mesh.endpoints_write(old.service, old.cluster, [p for p in mesh.serving(old.service, old.cluster) if p != old])
    wait(DRAIN_S)
    mesh.pod_stop(old)


def rollout(service, version):
    def run(mesh, wait):
        for old in mesh.shop.find(service):
            pod_replace(mesh, old, mesh.pod_new(service, old.cluster, version), wait)
    return run


def canary(service, version, effect):
    """One pod of the new version in each cluster, and it is bad."""
    def run(mesh, wait):
        pods = [mesh.pod_new(service, cluster, version) for cluster in mesh.shop.user_share]
        for pod in pods:
            mesh.pod_start(pod)
        mesh.control(pods, f"/fault?{effect}&start_ms={int(time.time() * 1000)}&for_ms=120000")
        for pod in pods:
            mesh.endpoints_write(service, pod.cluster, mesh.serving(service, pod.cluster) + [pod])
        wait(10)
    return run


def canary_undo(service, version):
    def run(mesh, wait):
        bad = [p for p in mesh.shop.find(service) if p.version == version]
        for pod in bad:
            mesh.endpoints_write(service, pod.cluster, [p for p in mesh.serving(service, pod.cluster) if p != pod])
        wait(DRAIN_S)
        for pod in bad:
            mesh.pod_stop(pod)
    return run


def failover(service, source, target):
    def run(mesh, wait):
        mesh.endpoints_write(service, source, mesh.serving(service, target))
        wait(12)
    return run


def failover_undo(service, source):
    def run(mesh, wait):
        mesh.endpoints_write(service, source, mesh.shop.find(service, source))
        wait(1)
    return run


def changes_full():
    bad = Fault("a bad version", "", "errors", [], 10, "", {"kind": "version", "service": "catalog", "version": "v4"})
    return [
        Change("a new version, rolled out",
               "cart v2 is replaced by v3, pod by pod, in both clusters; nothing is wrong with it", "cart",
               rollout("cart", "v3"), ("v3",)),
        Change("a failover", "frontend in east gets no requests any more, frontend in west gets them too, for 12 s",
               "frontend", failover("frontend", "east", "west"), ("moved from east to west",),
               undo=failover_undo("frontend", "east")),
        Change("a bad new version",
               "catalog v4 joins v3 with a pod in each cluster, and answers 500 to 30 % of its requests", "catalog",
               canary("catalog", "v4", "error_p=0.3&code=500"), ("v4",), bad=bad,
               undo=canary_undo("catalog", "v4")),
    ]


def expected_find(change, incidents):
    """The one that tells what was done, or None."""
    for incident in incidents:
        about = change.service in (cause_of(incident).get("service"), "") or change.service in incident["summary"]
        if about and all(word in incident["summary"] for word in change.words):
            return incident
    return None


def change_judge(change, expected, unhealthy, shop):
    """'right', or what is not."""
    if change.bad:
        if not unhealthy:
            return "missed"
        return culprit_judge(change.bad, unhealthy[0], shop)
    if unhealthy:
        return "paged"
    return "right" if expected_find(change, expected) else "not told"
