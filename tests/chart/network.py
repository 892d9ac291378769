"""What NetworkPolicies allow, decided from the rules alone (networking.k8s.io/v1).

A connection passes if the sender's policies let it out and the receiver's let it in. A pod that no policy of a direction
selects is open in that direction.
"""

import ipaddress
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Peer:
    """A pod, or a host outside the cluster (no namespace)."""

    name: str
    labels: dict = field(default_factory=dict, hash=False)
    namespace: str = ""
    ip: str = "203.0.113.9"
    namespace_labels: dict = field(default_factory=dict, hash=False)

    def in_namespace(self):
        return {"kubernetes.io/metadata.name": self.namespace, **self.namespace_labels}


def allows(policies, sender, receiver, port, protocol="TCP"):
    """Whether the connection passes."""
    out = _direction(policies, "Egress", sender, receiver, port, protocol)
    return out and _direction(policies, "Ingress", receiver, sender, port, protocol)


def _direction(policies, direction, owner, other, port, protocol):
    selecting = [policy for policy in policies if _selects(policy, owner) and direction in _types(policy)]
    if not selecting:
        return True
    rules, peers = ("egress", "to") if direction == "Egress" else ("ingress", "from")
    return any(
        _peers(rule.get(peers), other, policy) and _ports(rule.get("ports"), port, protocol)
        for policy in selecting
        for rule in policy["spec"].get(rules) or []
    )


def _selects(policy, pod):
    inside = pod.namespace == policy["metadata"].get("namespace", "prod")
    return inside and _matches(policy["spec"]["podSelector"], pod.labels)


def _types(policy):
    given = policy["spec"].get("policyTypes")
    return given or (["Ingress", "Egress"] if policy["spec"].get("egress") else ["Ingress"])


def _peers(peers, other, policy):
    """No list of peers means everybody; so does an empty one."""
    return not peers or any(_peer(peer, other, policy) for peer in peers)


def _peer(peer, other, policy):
    if block := peer.get("ipBlock"):
        ip = ipaddress.ip_address(other.ip)
        holed = any(ip in ipaddress.ip_network(hole) for hole in block.get("except", []))
        return ip in ipaddress.ip_network(block["cidr"]) and not holed
    if not other.namespace:
        return False
    if "namespaceSelector" in peer:
        near = _matches(peer["namespaceSelector"], other.in_namespace())
    else:
        near = other.namespace == policy["metadata"].get("namespace", "prod")
    return near and _matches(peer.get("podSelector", {}), other.labels)


def _matches(selector, labels):
    assert set(selector) <= {"matchLabels"}, f"not evaluated here: {selector}"
    return all(labels.get(key) == value for key, value in (selector.get("matchLabels") or {}).items())


def _ports(ports, port, protocol):
    return not ports or any(
        one.get("protocol", "TCP") == protocol and one["port"] <= port <= one.get("endPort", one["port"])
        for one in ports
    )
