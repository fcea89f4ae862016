"""Golden files of the formats that are no tokens: merkle.json, note.json, cosignature.json, tiles.json and chunked.json.

Written in another language, with other libraries (hashlib, pyca/cryptography) and from the specifications, so that the
files are evidence and no echo. All keys and salts are fixed: running it again changes nothing.

    python3 make-log-vectors.py [--vectors=FOLDER]
"""

import base64
import hashlib
import json
import pathlib
import sys

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

GIVEN = [argument.removeprefix("--vectors=") for argument in sys.argv if argument.startswith("--vectors=")]
VECTORS = pathlib.Path(GIVEN[0] if GIVEN else pathlib.Path(__file__).parent / "../vectors") / "golden"


def sha256(*parts: bytes) -> bytes:
    return hashlib.sha256(b"".join(parts)).digest()


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def b64u(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


# RFC 6962, section 2.1, as it is written there.


def split(n: int) -> int:
    k = 1
    while k * 2 < n:
        k *= 2
    return k


def mth(d: list[bytes]) -> bytes:
    if not d:
        return sha256()
    if len(d) == 1:
        return sha256(b"\x00", d[0])
    k = split(len(d))
    return sha256(b"\x01", mth(d[:k]), mth(d[k:]))


def path(m: int, d: list[bytes]) -> list[bytes]:
    if len(d) == 1:
        return []
    k = split(len(d))
    return path(m, d[:k]) + [mth(d[k:])] if m < k else path(m - k, d[k:]) + [mth(d[:k])]


def subproof(m: int, d: list[bytes], b: bool) -> list[bytes]:
    if m == len(d):
        return [] if b else [mth(d)]
    k = split(len(d))
    if m <= k:
        return subproof(m, d[:k], b) + [mth(d[k:])]
    return subproof(m - k, d[k:], False) + [mth(d[:k])]


def peaks(d: list[bytes]) -> list[bytes]:
    found = []
    while d:
        k = 1
        while k * 2 <= len(d):
            k *= 2
        found.append(mth(d[:k]))
        d = d[k:]
    return found


def merkle() -> dict:
    entries = [f"entry {index}".encode() for index in range(13)]
    trees = []
    for size in (0, 1, 2, 7, 8, 13):
        of = entries[:size]
        trees.append({"size": size, "root": b64u(mth(of)), "frontier": b64u(b"".join(peaks(of)))})
    inclusion = [
        {
            "index": index,
            "size": size,
            "leaf": b64u(sha256(b"\x00", entries[index])),
            "root": b64u(mth(entries[:size])),
            "proof": [b64u(one) for one in path(index, entries[:size])],
        }
        for index, size in ((2, 7), (6, 7), (0, 8), (12, 13), (8, 13))
    ]
    consistency = [
        {
            "older": {"size": older, "root": b64u(mth(entries[:older]))},
            "newer": {"size": newer, "root": b64u(mth(entries[:newer]))},
            "proof": [b64u(one) for one in subproof(older, entries[:newer], True)],
        }
        for older, newer in ((3, 7), (4, 7), (7, 8), (8, 13), (6, 13))
    ]
    return {
        "entries": [entry.decode() for entry in entries],
        "trees": trees,
        "inclusion": inclusion,
        "consistency": consistency,
    }


# C2SP signed-note and tlog-checkpoint.


class NoteKey:
    def __init__(self, name: str, seed: bytes):
        self.name = name
        self.private = Ed25519PrivateKey.from_private_bytes(seed)
        self.public = self.private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        self.id = sha256(name.encode(), b"\n", b"\x01", self.public)[:4]

    def encoded(self) -> str:
        return f"{self.name}+{self.id.hex()}+{b64(bytes([1]) + self.public)}"

    def line(self, text: str) -> str:
        return f"— {self.name} {b64(self.id + self.private.sign(text.encode()))}\n"


def note() -> dict:
    origin = "vault.example/bulla/audit/acme"
    log = NoteKey(origin, sha256(b"bulla test log key"))
    witness = NoteKey("witness.example/w1", sha256(b"bulla test witness key"))
    stranger = NoteKey("stranger.example", sha256(b"bulla test stranger key"))
    namesake = NoteKey(origin, sha256(b"bulla test namesake key"))
    root = mth([f"entry {index}".encode() for index in range(13)])
    text = f"{origin}\n13\n{b64(root)}\n"
    whole = f"{text}\n{log.line(text)}"
    elsewhere = text.replace("acme", "evil")

    def swapped(kind: NoteKey) -> str:
        line = kind.line(text)
        return f"{line[:-4]}{'A' if line[-4] != 'A' else 'B'}{line[-3:]}"

    cases = [
        ("a checkpoint", "valid", whole, [origin]),
        ("a checkpoint with a witness", "valid", whole + witness.line(text), [origin, witness.name]),
        ("a checkpoint with a signature nobody knows", "valid", whole + stranger.line(text), [origin]),
        ("a checkpoint with extension lines", "valid", f"{text}more\n\n{log.line(text + 'more' + chr(10))}", [origin]),
        ("a witness alone", "key_unknown", f"{text}\n{witness.line(text)}", None),
        ("a key of the same name", "key_unknown", f"{text}\n{namesake.line(text)}", None),
        ("a signature with another byte", "signature_invalid", f"{text}\n{swapped(log)}", None),
        ("a witness that signed something else", "signature_invalid", whole + witness.line(elsewhere), None),
        ("another size under the signature", "signature_invalid", whole.replace("\n13\n", "\n14\n"), None),
        ("another log under the same key", "log_inconsistent", f"{elsewhere}\n{log.line(elsewhere)}", None),
        ("a size with a leading zero", "token_malformed", None, None),
        ("a root of 31 bytes", "token_malformed", None, None),
        ("no signature", "token_malformed", f"{text}\n", None),
        ("a hyphen for the dash", "token_malformed", whole.replace("—", "-"), None),
        ("no last newline", "token_malformed", whole[:-1], None),
        ("a carriage return", "token_malformed", whole.replace("\n", "\r\n"), None),
        ("an empty line after the signatures", "token_malformed", whole + "\n", None),
        ("a signature without padding", "token_malformed", whole.rstrip("\n").rstrip("=") + "\n", None),
    ]
    changed = {
        "a size with a leading zero": text.replace("\n13\n", "\n013\n"),
        "a root of 31 bytes": f"{origin}\n13\n{b64(root[:31])}\n",
    }
    return {
        "origin": origin,
        "keys": [log.encoded(), witness.encoded()],
        "seeds": [b64u(sha256(b"bulla test log key")), b64u(sha256(b"bulla test witness key"))],
        "checkpoint": {"origin": origin, "size": 13, "root": b64u(root)},
        "proof": {"entry": "entry 3", "index": 3, "text": log_proof(3, whole + witness.line(text))},
        "cases": [
            {
                "name": name,
                "result": result,
                "note": signed if signed is not None else f"{changed[name]}\n{log.line(changed[name])}",
                **({"keys": keys} if keys else {}),
                **({"check": "origin"} if result == "log_inconsistent" else {}),
            }
            for name, result, signed, keys in cases
        ],
    }


# C2SP tlog-proof.


def log_proof(index: int, checkpoint: str) -> str:
    hashes_up = path(index, [f"entry {at}".encode() for at in range(13)])
    lines = ["c2sp.org/tlog-proof@v1", f"index {index}", *map(b64, hashes_up)]
    return "\n".join(lines) + "\n\n" + checkpoint


# C2SP tlog-cosignature, Ed25519.


class WitnessKey(NoteKey):
    def __init__(self, name: str, seed: bytes):
        super().__init__(name, seed)
        self.id = sha256(name.encode(), b"\n", b"\x04", self.public)[:4]

    def encoded(self) -> str:
        return f"{self.name}+{self.id.hex()}+{b64(bytes([4]) + self.public)}"

    def cosigned(self, text: str, time: int) -> str:
        signature = self.private.sign(f"cosignature/v1\ntime {time}\n{text}".encode())
        return f"— {self.name} {b64(self.id + time.to_bytes(8, 'big') + signature)}\n"


def cosignature() -> dict:
    origin = "urn:bulla:acme:svc:vault/audit/1"
    at = 1795608000
    log = NoteKey(origin, sha256(b"bulla test log key"))
    witness = WitnessKey("witness.example/w1", sha256(b"bulla test witness key"))
    second = WitnessKey("witness.example/w2", sha256(b"bulla test second witness key"))
    plain = NoteKey(witness.name, sha256(b"bulla test witness key"))
    namesake = WitnessKey("witness.example/w1", sha256(b"bulla test namesake key"))
    text = f"{origin}\n13\n{b64(mth([f'entry {index}'.encode() for index in range(13)]))}\n"
    whole = f"{text}\n{log.line(text)}"
    line = witness.cosigned(text, at)

    def restamped(time: int) -> str:
        stamped = base64.b64decode(line.split(" ")[2])
        return f"— {witness.name} {b64(stamped[:4] + time.to_bytes(8, 'big') + stamped[12:])}\n"

    unsigned = f"— {witness.name} {b64(witness.id + bytes(8))}\n"
    one = [{"name": witness.name, "at": at}]
    two = [*one, {"name": second.name, "at": at + 7}]
    beyond = [{"name": witness.name, "at": 2**53 - 1}]
    cases = [
        ("a checkpoint without one", "valid", whole, []),
        ("a cosignature", "valid", whole + line, one),
        ("two cosignatures", "valid", whole + line + second.cosigned(text, at + 7), two),
        ("a cosignature of a key nobody knows", "valid", whole + namesake.cosigned(text, at), []),
        ("the largest time", "valid", whole + witness.cosigned(text, 2**53 - 1), beyond),
        ("another time", "signature_invalid", whole + restamped(at + 1), None),
        ("a time that cannot be counted to", "signature_invalid", whole + witness.cosigned(text, 2**53), None),
        ("another size", "signature_invalid", whole + witness.cosigned(text.replace("13", "14"), at), None),
        ("a time and no signature", "signature_invalid", whole + unsigned, None),
        ("a signature of the witness without a time", "valid", whole + plain.line(text), []),
        ("a witness alone", "key_unknown", f"{text}\n{line}", None),
    ]
    return {
        "origin": origin,
        "keys": [log.encoded()],
        "witnesses": [witness.encoded(), second.encoded()],
        "seed": b64u(sha256(b"bulla test witness key")),
        "cases": [
            {"name": name, "result": result, "note": note, **({} if said is None else {"cosignatures": said})}
            for name, result, note, said in cases
        ],
    }


# C2SP tlog-tiles.


def tile_path(level: str, index: int, width: int) -> str:
    digits = str(index)
    digits = digits.zfill(-(-len(digits) // 3) * 3)
    groups = [digits[at : at + 3] for at in range(0, len(digits), 3)]
    place = "/".join([f"x{group}" for group in groups[:-1]] + groups[-1:])
    return f"tile/{level}/{place}" + ("" if width == 256 else f".p/{width}")


def tree_files(d: list[bytes]) -> dict[str, bytes]:
    files = {}
    for at in range(0, len(d), 256):
        part = d[at : at + 256]
        bundle = b"".join(len(entry).to_bytes(2, "big") + entry for entry in part)
        files[tile_path("entries", at // 256, len(part))] = bundle
    level = 0
    while len(d) // 256**level > 0:
        span = 256**level
        row = [mth(d[at * span : (at + 1) * span]) for at in range(len(d) // span)]
        for at in range(0, len(row), 256):
            part = row[at : at + 256]
            files[tile_path(str(level), at // 256, len(part))] = b"".join(part)
        level += 1
    return files


def tiles() -> dict:
    origin = "urn:bulla:acme:svc:vault/audit/1"
    log = NoteKey(origin, sha256(b"bulla test log key"))
    entries = [f"entry {index}".encode() for index in range(514)]
    logs = []
    for size in (1, 3, 256, 514):
        text = f"{origin}\n{size}\n{b64(mth(entries[:size]))}\n"
        files = {path: b64u(sha256(content)) for path, content in sorted(tree_files(entries[:size]).items())}
        logs.append({"size": size, "checkpoint": f"{text}\n{log.line(text)}", "sha256": files})
    small = {path: b64u(content) for path, content in sorted(tree_files(entries[:3]).items())}
    places = [("0", 0, 256), ("0", 0, 1), ("1", 67, 255), ("63", 1000, 17), ("entries", 1234067, 256)]
    refused = ["tile/0/x000/067", "tile/0/67", "tile/00/067", "tile/64/000", "tile/0/000.p/0", "tile/0/000.p/256"]
    refused += ["tile/0/000.p/01", "tile/8/0/000", "tile/data/000", "tile/0/x067", "/tile/0/000", "tile/0/000/"]
    return {
        "origin": origin,
        "key": log.encoded(),
        "paths": [{"level": l, "index": n, "width": w, "path": tile_path(l, n, w)} for l, n, w in places],
        "refused": refused,
        "files": small,
        "logs": logs,
    }


# C2SP chunked-encryption with AEAD_AES_256_GCM and SHA-512: Cobblestone-256.

CHUNK = 16384


def derive(key: bytes, salt: bytes, context: bytes) -> tuple[bytes, bytes, bytes]:
    info = b"c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM\x00" + salt + context
    out = HKDFExpand(algorithm=hashes.SHA512(), length=76, info=info).derive(key)
    return out[:32], out[32:44], out[44:]


def seal_chunk(aead_key: bytes, base: bytes, index: int, chunk: bytes) -> bytes:
    nonce = int.from_bytes(base, "big") ^ index
    return AESGCM(aead_key).encrypt(nonce.to_bytes(12, "big"), chunk, None)


def seal(key: bytes, salt: bytes, context: bytes, text: bytes) -> bytes:
    aead_key, base, commitment = derive(key, salt, context)
    chunks = [text[at : at + CHUNK] for at in range(0, len(text) + 1, CHUNK)]
    sealed = [seal_chunk(aead_key, base, index, chunk) for index, chunk in enumerate(chunks)]
    return salt + commitment + b"".join(sealed)


def chunked() -> dict:
    key = sha256(b"bulla test stream key")
    salt = sha256(b"bulla test salt")[:24]
    context = b"an example"
    text = b"Ask for the policy number."
    sealed = seal(key, salt, context, text)
    aead_key, base, commitment = derive(key, salt, context)
    long_text = bytes(at * 7 % 251 for at in range(CHUNK + 3))
    long_sealed = seal(key, salt, context, long_text)
    full = seal(key, salt, context, long_text[:CHUNK])
    flipped = bytes([sealed[60] ^ 1])
    cases = [
        ("a short text", "valid", sealed, text, key, context),
        ("an empty text", "valid", seal(key, salt, context, b""), b"", key, context),
        ("an empty context", "valid", seal(key, salt, b"", text), text, key, b""),
        ("a text of two chunks", "valid", long_sealed, long_text, key, context),
        ("another key", "open_failed", sealed, b"", sha256(b"another"), context),
        ("another context", "open_failed", sealed, b"", key, b"an exampl"),
        ("a key of 31 bytes", "key_invalid", sealed, b"", key[:31], context),
        ("another commitment", "open_failed", sealed[:24] + sha256(b"x") + sealed[56:], b"", key, context),
        ("another salt", "open_failed", sha256(b"x")[:24] + sealed[24:], b"", key, context),
        ("another byte of text", "open_failed", sealed[:60] + flipped + sealed[61:], b"", key, context),
        ("a byte more", "open_failed", sealed + b"\x00", b"", key, context),
        ("a byte less", "open_failed", sealed[:-1], b"", key, context),
        ("half a tag", "stream_truncated", sealed[:64], b"", key, context),
        ("a header alone", "stream_truncated", sealed[:56], b"", key, context),
        ("half a header", "stream_truncated", sealed[:40], b"", key, context),
        ("nothing", "stream_truncated", b"", b"", key, context),
        ("no last chunk", "stream_truncated", full[:-16], long_text[:CHUNK], key, context),
    ]
    return {
        "derived": {"key": b64u(aead_key), "nonce": b64u(base), "commitment": b64u(commitment)},
        "cases": [
            {
                "name": name,
                "result": result,
                "key": b64u(under),
                "context": where.decode(),
                "sealed": b64u(data),
                "text": b64u(out),
            }
            for name, result, data, out, under, where in cases
        ],
    }


FILES = {"merkle": merkle, "note": note, "cosignature": cosignature, "tiles": tiles, "chunked": chunked}
for file, make in FILES.items():
    content = make()
    (VECTORS / f"{file}.json").write_text(json.dumps(content, ensure_ascii=False, indent=2) + "\n")
