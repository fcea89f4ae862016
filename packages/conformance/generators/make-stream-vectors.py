#!/usr/bin/env python3
"""Makes golden/audit-stream.json: entries of audit logs as messages of RFC 5424 and as lines of a batch, from
docs/spec/audit-stream.md and without our code. Running it again changes nothing."""
import json
import pathlib
import sys

given = [word.removeprefix("--vectors=") for word in sys.argv[1:] if word.startswith("--vectors=")]
VECTORS = (pathlib.Path(given[0]) if given else pathlib.Path(__file__).parent.parent / "vectors") / "golden"
SEVERITY = {"ok": 6, "denied": 4, "error": 3}
NIL = "-"


def leaf_of(**members):
    leaf = {
        "v": 1,
        "id": "aud_01k9z3q8e4fxq9m3y7t5w6v8na",
        "t": "2026-11-28T09:30:00.125Z",
        "org": "acme",
        "act": "prompt.list",
        "res": "ok",
        "who": {"type": "service"},
        "obj": {"items": 3},
    }
    return json.dumps({**leaf, **members}, ensure_ascii=False, separators=(",", ":"))


def field(text, longest):
    """A field of the header: printable ASCII, cut, and NILVALUE for nothing."""
    return "".join(c if "!" <= c <= "~" else "?" for c in text)[:longest] or NIL


def escaped(text):
    for mark in ("\\", '"', "]"):
        text = text.replace(mark, "\\" + mark)
    return text


def service_of(origin):
    """Of the name of a log with a pin, or from before keys had numbers."""
    return origin.split("/")[3] if origin.startswith("bulla/") else origin.split(":svc:")[1].split("/audit/")[0]


def message(origin, index, leaf, hostname, enterprise):
    entry = json.loads(leaf)
    service = service_of(origin).replace(":", "-")
    data = {"origin": origin, "index": str(index), "id": entry["id"], "act": entry["act"], "result": entry["res"]}
    params = "".join(f' {name}="{escaped(value)}"' for name, value in data.items())
    mark = "" if leaf.isascii() else "\ufeff"
    return (
        f"<{13 * 8 + SEVERITY[entry['res']]}>1 {entry['t']} {field(hostname, 255)} {field('bulla-' + service, 48)} {NIL}"
        f" {field(entry['act'], 32)} [bulla@{enterprise}{params}] {mark}{leaf}"
    )


VAULT = "urn:bulla:acme:svc:vault/audit/1"
LOCAL = "urn:bulla:acme:svc:responder:local/audit/2"
NUMBERED = "bulla/3fa95c07d1e8264b/acme/vault/audit/1"
NUMBERED_LOCAL = "bulla/3fa95c07d1e8264b/acme/responder:local/audit/3"
CASES = [
    ("an entry of a vault", VAULT, 17, leaf_of(), "stream.example", 32473),
    ("a refusal", VAULT, 18, leaf_of(res="denied", why="forbidden", obj={}), "stream.example", 32473),
    ("a failure", VAULT, 19, leaf_of(res="error", why="overloaded", obj={}), "stream.example", 32473),
    ("an entry of a responder's second log", LOCAL, 0, leaf_of(), "stream.example", 32473),
    ("a machine without a name, and a number of one's own", VAULT, 17, leaf_of(), "", 57264),
    ("a name of a machine that is not printable ASCII", VAULT, 17, leaf_of(), "strøm example", 32473),
    ("an index of the largest log", VAULT, 2**53 - 2, leaf_of(), "stream.example", 32473),
    ("an entry that is not all ASCII", VAULT, 20, leaf_of(org="acmé"), "stream.example", 32473),
    ("an entry of a numbered log of a vault", NUMBERED, 17, leaf_of(), "stream.example", 32473),
    ("an entry of a numbered log of a responder", NUMBERED_LOCAL, 0, leaf_of(), "stream.example", 32473),
]


def case_of(name, origin, index, leaf, hostname, enterprise):
    text = message(origin, index, leaf, hostname, enterprise)
    place = json.dumps({"origin": origin, "index": index}, separators=(",", ":"))
    return {
        "name": name,
        "origin": origin,
        "index": index,
        "leaf": leaf,
        "hostname": hostname,
        "enterprise": enterprise,
        "syslog": text,
        "frame": f"{len(text.encode())} {text}",
        "line": f'{place[:-1]},"entry":{leaf}}}\n',
    }


cases = {"cases": [case_of(*case) for case in CASES]}
(VECTORS / "audit-stream.json").write_text(json.dumps(cases, ensure_ascii=False, indent=2) + "\n")
