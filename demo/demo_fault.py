"""The faults of the demo: what is done, what a person should be told, and whether what was told is right."""
import dataclasses
import time

ENTITY_LEVELS = ("service", "cluster", "region", "pod", "route", "version")


@dataclasses.dataclass(frozen=True)
class Fault:
    name: str      # for the table
    done: str      # a sentence
    kind: str      # of incident
    pods: list
    seconds: float
    effect: str    # query of meshsvc's control address
    culprit: dict  # the entity that an incident should name first


@dataclasses.dataclass
class Injection:
    """A fault that was injected. Times are wall time, seconds."""
    fault: Fault
    at: float
    first_bad: float = None
    bad_requests: int = 0
    told: bool = False  # was it said that an incident is there?
    judged: str = None  # the culprit's judgement when it was shown


def fault_pods(shop, name):
    return [p for p in shop.pods if p.name == name]


def faults_full(shop):
    slow_pod = fault_pods(shop, "catalog-east-2")
    return [
        Fault("one slow pod", "catalog-east-2, one of the three catalog pods in east, takes 250 ms longer, for 10 s",
              "latency", slow_pod, 10, "delay_ms=250",
              {"kind": "pod", "service": "catalog", "cluster": "east", "pod": "catalog-east-2"}),
        Fault("errors on one route", "cart answers 503 to 60 % of POST /carts/{id}/items, in both clusters, for 10 s",
              "errors", shop.find("cart"), 10, "route=add&error_p=0.6&code=503",
              {"kind": "route", "service": "cart", "route": "POST /carts/{id}/items"}),
        Fault("a 1-second dip", "frontend answers 503 to everything, in both clusters, for exactly 1 s", "errors",
              shop.find("frontend"), 1, "error_p=1&code=503", {"kind": "service", "service": "frontend"}),
        Fault("a slow dependency in one cluster", "cartstore in west, both pods, takes 200 ms longer, for 10 s",
              "latency", shop.find("cartstore", "west"), 10, "delay_ms=200",
              {"kind": "service", "service": "cartstore", "cluster": "west"}),
    ]


def faults_smoke(shop):
    return [Fault("errors of one service", "catalog answers 503 to 80 % of its requests, for 6 s", "errors",
                  shop.find("catalog"), 6, "error_p=0.8&code=503", {"kind": "service", "service": "catalog"})]


def fault_inject(mesh, fault):
    """Tells all of its pods to misbehave from one moment on, a little ahead."""
    at = time.time() + 0.15
    mesh.control(fault.pods, f"/fault?{fault.effect}&start_ms={int(at * 1000)}&for_ms={int(fault.seconds * 1000)}")
    return Injection(fault, at)


def injection_read(mesh, injection):
    """Asks the pods when the first bad request came, and how many."""
    answers = mesh.control(injection.fault.pods, "/status")
    firsts = [a["first_bad_ns"] for a in answers if a["first_bad_ns"]]
    injection.first_bad = min(firsts) / 1e9 if firsts else None
    injection.bad_requests = sum(a["bad"] for a in answers)


def cause_of(incident):
    """The first root cause's entity, or an empty one."""
    causes = incident.get("root_causes") or [{}]
    return causes[0].get("entity") or {}


def culprit_judge(fault, incident, shop):
    """'right', 'near' (the right service, but too wide or too narrow), or 'wrong'."""
    want, got = fault.culprit, cause_of(incident)
    if got.get("service") != want["service"] or got.get("kind") == "edge":
        return "wrong"
    named = {k: got[k] for k in ENTITY_LEVELS if got.get(k)}
    return "right" if named_fits(named, want, got.get("kind"), shop) else "near"


def judge_text(then, now):
    """Both judgements, where an incident has changed its mind since it was shown."""
    return now if then in (None, now) else f"{then}, later {now}"


def named_fits(named, want, kind, shop):
    """True where an entity says exactly what is wrong: every level of the true culprit, and no other that narrows."""
    if kind != want["kind"] or any(named.get(k) != v for k, v in want.items() if k != "kind"):
        return False
    pods = shop.find(want["service"])
    for level in set(named) - set(want):
        if any(getattr(p, level, None) != named[level] for p in pods if pod_is_meant(p, want)):
            return False
    return True


def pod_is_meant(pod, want):
    return want.get("cluster") in (None, pod.cluster) and want.get("pod") in (None, pod.name)
