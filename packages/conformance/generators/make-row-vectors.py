#!/usr/bin/env python3
"""Makes golden/audit-rows.json: rows of audit logs with their MACs, from docs/spec/audit-log.md#rows-before-the-log and
without our code. Running it again changes nothing."""
import base64
import hashlib
import hmac
import json
import pathlib
import sys

given = [word.removeprefix("--vectors=") for word in sys.argv[1:] if word.startswith("--vectors=")]
VECTORS = (pathlib.Path(given[0]) if given else pathlib.Path(__file__).parent.parent / "vectors") / "golden"


def b64u(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def secret_of(name):
    """For tests only, and published on purpose."""
    return {"id": b64u(hashlib.sha256(f"id of {name}".encode()).digest()[:8]), "secret": hashlib.sha256(name.encode()).digest()}


#: The newest first.
SECRETS = [secret_of("the newest secret"), secret_of("an older secret")]
NEWEST, OLDER = SECRETS
LEAF = (
    '{"v":1,"id":"aud_01k9z3q8e4fxq9m3y7t5w6v8na","t":"2026-11-28T09:30:00.125Z","org":"acme","act":"prompt.list",'
    '"res":"ok","who":{"type":"service"},"obj":{"items":3}}'
)


def mac_of(secret, org, leaf):
    return hmac.new(secret, f"bulla audit row\n{len(org)}:{org}".encode() + leaf.encode(), hashlib.sha256).digest()


def case_of(name, verdict, by=NEWEST, org="acme", leaf=LEAF, mac=None, id=None):
    mac = mac_of(by["secret"], org, leaf) if mac is None else mac
    return {"name": name, "result": verdict, "org": org, "leaf": leaf, "id": id or by["id"], "mac": b64u(mac)}


RIGHT = mac_of(NEWEST["secret"], "acme", LEAF)
cases = [
    case_of("a row", "good"),
    case_of("a row by an older secret", "good", by=OLDER),
    case_of("a row of an organisation with a long name", "good", org="a" * 63),
    case_of("a row with a leaf that is not all ASCII", "good", leaf=LEAF.replace("prompt.list", "strøm")),
    case_of("a row without a leaf", "good", leaf=""),
    case_of("another organisation", "bad", org="globex", mac=RIGHT),
    case_of("an organisation that has the beginning of the leaf", "bad", org="acme{", leaf=LEAF[1:], mac=RIGHT),
    case_of("an organisation without its end, which the leaf has", "bad", org="acm", leaf=f"e{LEAF}", mac=RIGHT),
    case_of("another leaf", "bad", leaf=LEAF.replace('"items":3', '"items":4'), mac=RIGHT),
    case_of("a leaf that goes on", "bad", leaf=f"{LEAF} ", mac=RIGHT),
    case_of("another MAC", "bad", mac=RIGHT[:-1] + bytes([RIGHT[-1] ^ 1])),
    case_of("half of the MAC", "bad", mac=RIGHT[:16]),
    case_of("no bytes of a MAC", "bad", mac=b""),
    case_of("a MAC by the other secret", "bad", id=OLDER["id"]),
    case_of("the MAC of the leaf alone", "bad", mac=hmac.new(NEWEST["secret"], LEAF.encode(), hashlib.sha256).digest()),
    case_of("the id of a secret that is not held", "unknown", id="AAAAAAAAAAA"),
]
secrets = [{"id": one["id"], "secret": b64u(one["secret"])} for one in SECRETS]
text = json.dumps({"secrets": secrets, "cases": cases}, ensure_ascii=False, indent=2)
(VECTORS / "audit-rows.json").write_text(f"{text}\n", "utf-8")
