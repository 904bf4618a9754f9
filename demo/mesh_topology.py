"""The demo's shop: which services there are, what each does, where its pods run, and who its users are."""
import dataclasses

NAMESPACE = "shop"
DOMAIN = "svc.cluster.local"

# region and zone of each cluster
CLUSTERS = {"east": ("us-east", "us-east-a"), "west": ("us-west", "us-west-b")}

# meshsvc plans (mesh_plan.h): route NAME METHOD PREFIX median_ms sigma error_p body_bytes
PLANS = {
    "gateway": """
        route product GET /products/ 1.5 0.3 0 3000
        call GET frontend /products/{id} 0
        route search GET /search 1.5 0.3 0 4000
        call GET frontend /search?page={id} 0
        route cart GET /carts/ 1.5 0.3 0 2000
        call GET frontend /carts/{id} 0
        route add POST /carts/ 1.5 0.3 0 600
        call POST frontend /carts/{id}/items 180
        route order POST /orders 1.5 0.3 0 900
        call POST frontend /orders 600
        """,
    "frontend": """
        route product GET /products/ 6 0.4 0.0002 3000
        call GET catalog /items/{id} 0
        route search GET /search 7 0.4 0.0002 4000
        call GET catalog /search?page={id} 0
        route cart GET /carts/ 5 0.4 0.0002 2000
        call GET cart /carts/{id} 0
        route add POST /carts/ 5 0.4 0.0002 600
        call GET catalog /items/{id} 0
        call POST cart /carts/{id}/items 180
        route order POST /orders 6 0.4 0.0002 900
        call POST checkout /orders 600
        """,
    "catalog": """
        route item GET /items/ 8 0.5 0.0002 1500
        route search GET /search 15 0.5 0.0002 4000
        """,
    "cart": """
        route view GET /carts/ 5 0.4 0.0002 1800
        call GET cartstore /carts/{id} 0
        route add POST /carts/ 6 0.4 0.0002 200
        call PUT cartstore /carts/{id} 1600
        """,
    "cartstore": """
        route read GET /carts/ 4 0.5 0.0001 1600
        route write PUT /carts/ 6 0.5 0.0001 40
        """,
    "checkout": """
        route order POST /orders 10 0.4 0.0002 800
        call GET cart /carts/{id} 0
        call POST payment /charges 300
        """,
    "payment": """
        route charge POST /charges 18 0.5 0.0002 200
        """,
}
VERSIONS = {"gateway": "v1", "frontend": "v7", "catalog": "v3", "cart": "v2", "cartstore": "v1", "checkout": "v5",
            "payment": "v4"}

# meshload routes: METHOD,PATH,WEIGHT,BODY_BYTES
USER_ROUTES = ["GET,/products/{id},42,0", "GET,/search?page={id},12,0", "GET,/carts/{id},18,0",
               "POST,/carts/{id}/items,16,180", "POST,/orders,12,600"]

PODS = {
    "east": {"gateway": 1, "frontend": 1, "catalog": 3, "cart": 1, "cartstore": 1, "checkout": 1, "payment": 1},
    "west": {"gateway": 1, "frontend": 1, "catalog": 1, "cart": 1, "cartstore": 2, "checkout": 1, "payment": 1},
}
USER_SHARE = {"east": 55, "west": 45}

# The small shop of the smoke test.
SMOKE_PLANS = {
    "frontend": """
        route product GET /products/ 4 0.4 0 1500
        call GET catalog /items/{id} 0
        route cart GET /carts/ 4 0.4 0 900
        call GET cart /carts/{id} 0
        """,
    "catalog": """
        route item GET /items/ 6 0.4 0 900
        """,
    "cart": """
        route view GET /carts/ 5 0.4 0 900
        """,
}
SMOKE_USER_ROUTES = ["GET,/products/{id},60,0", "GET,/carts/{id},40,0"]
SMOKE_PODS = {"east": {"frontend": 1, "catalog": 1, "cart": 1}}


@dataclasses.dataclass(frozen=True)
class Pod:
    """One pod: an address of its own on loopback, and the same ports as every other pod."""
    name: str
    service: str
    cluster: str
    region: str
    zone: str
    version: str
    ip: str
    port_base: int

    @property
    def inbound(self):  # the service's port; the sidecar listens here, as others see it
        return self.ip, self.port_base

    @property
    def app(self):
        return self.ip, self.port_base + 1

    @property
    def outbound(self):
        return self.ip, self.port_base + 2

    @property
    def admin(self):
        return self.ip, self.port_base + 3

    @property
    def control(self):
        return self.ip, self.port_base + 4


PORTS_PER_POD = 5


@dataclasses.dataclass(frozen=True)
class Shop:
    plans: dict
    pods: list
    entry: str  # the service that users reach
    user_routes: list
    user_share: dict

    def find(self, service, cluster=None):
        return [p for p in self.pods if p.service == service and cluster in (None, p.cluster)]

    def pod_new(self, service, cluster, version):
        """Another pod, with the next address of its cluster; it is in the shop from now on."""
        last = max((p for p in self.pods if p.cluster == cluster), key=lambda p: int(p.ip.rpartition(".")[2]))
        net, _, host = last.ip.rpartition(".")
        n = 1 + sum(p.service == service and p.cluster == cluster for p in self.pods)
        pod = dataclasses.replace(last, name=f"{service}-{cluster}-{version}-{n}", service=service, version=version,
                                  ip=f"{net}.{int(host) + 1}")
        self.pods.append(pod)
        return pod

    def callees(self, service):
        calls = [line.split()[2] for line in self.plans[service].splitlines() if line.strip().startswith("call ")]
        return sorted(set(calls))


def shop_build(port_base, smoke=False):
    plans, counts = (SMOKE_PLANS, SMOKE_PODS) if smoke else (PLANS, PODS)
    pods = []
    for c, cluster in enumerate(counts, 1):
        region, zone = CLUSTERS[cluster]
        for service, n in counts[cluster].items():
            for i in range(1, n + 1):
                ip = f"127.42.{c}.{sum(p.cluster == cluster for p in pods) + 1}"
                pods.append(Pod(f"{service}-{cluster}-{i}", service, cluster, region, zone, VERSIONS[service], ip,
                                port_base))
    share = {c: USER_SHARE[c] for c in counts}
    return Shop(plans, pods, next(iter(plans)), SMOKE_USER_ROUTES if smoke else USER_ROUTES, share)
