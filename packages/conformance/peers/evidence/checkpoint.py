"""The checkpoint that a reply carries: step 14 of docs/spec/frames.md, by note.md."""
import base64
import hashlib
import re

from cryptography.exceptions import InvalidSignature

from evidence.keys import public_key
from evidence.strict import SAFE, Refused, decode, require

CHECK = 'reply-checkpoint'
SIGNATURE = re.compile('\u2014 ([^ +]{1,256}) ([A-Za-z0-9+/]+={0,2})')


def NOTE(value):
    """Its shape in a fin: at most 1,024 units of UTF-16."""
    return isinstance(value, str) and 1 <= len(value.encode('utf-16-le')) // 2 <= 1024


def decode64(text):
    """Padded Base64 in its one spelling."""
    try:
        raw = base64.b64decode(text, validate=True)
    except ValueError:
        raise Refused('token_malformed') from None
    require(base64.b64encode(raw).decode() == text)
    return raw


def parse_note(note):
    """The text that is signed, and each signature as name, id and bytes."""
    require(not re.search('[\x00-\x09\x0b-\x1f]', note))
    text, _, lines = note.rpartition('\n\n')
    require(text and lines.endswith('\n'))
    found = [SIGNATURE.fullmatch(line) for line in lines[:-1].split('\n')]
    require(all(found) and not any(re.search(r'\s', one[1]) for one in found))
    signatures = [(one[1], decode64(one[2])) for one in found]
    require(all(len(raw) > 4 for _, raw in signatures))
    return f'{text}\n', [(name, raw[:4], raw[4:]) for name, raw in signatures]


def parse_checkpoint(text):
    """Whose log it is."""
    lines = text[:-1].split('\n')
    require(len(lines) >= 3 and '' not in lines)
    origin, size, root = lines[:3]
    require(re.fullmatch('0|[1-9][0-9]{0,15}', size) and int(size) < SAFE and len(decode64(root)) == 32)
    return origin


def is_good(key, text, signature):
    try:
        public_key(key['jwk'], 'ed25519').verify(signature, text.encode())
        return True
    except (InvalidSignature, ValueError):
        return False


def signers(text, signatures, origin, keys):
    """Which of the keys signed, by their id as keys of this log; each signature that names one has to be good."""
    start, signed = f'{origin}\n'.encode() + b'\x01', []
    ids = {kid: hashlib.sha256(start + decode(key['jwk']['x'])).digest()[:4] for kid, key in keys.items()}
    for name, number, signature in signatures:
        named = [kid for kid in keys if (name, number) == (origin, ids[kid])]
        good = [kid for kid in named if is_good(keys[kid], text, signature)]
        require(good or not named, 'signature_invalid')
        signed += good
    return signed


def log_of(origin, urn, pin):
    """The number of a log of this service by its name, None where the name is from before keys had numbers."""
    _, _, org, _, service = urn.split(':', 4)
    number = '[1-9][0-9]{0,8}'
    if re.fullmatch(f'{re.escape(urn)}/audit/{number}', origin):
        return None
    name = f"bulla/{pin.removeprefix('sha256:')[:16]}/{org}/{service}/audit/"
    require(re.fullmatch(re.escape(name) + number, origin), 'log_inconsistent', f'{CHECK}-origin')
    return int(origin.removeprefix(name))


def keys_of(directory, urn, log):
    """The keys that sign checkpoints of a log of this number, or of the logs from before there were numbers."""
    listed = directory['entities'].get(urn, {'keys': []})['keys']
    return {key['kid']: key for key in listed if key['pur'] == ['checkpoint'] and key.get('log') == log}


def verify_checkpoint(note, responder, trust):
    """A log of this responder signed it, by a key that is listed for that and not revoked."""
    try:
        text, signatures = parse_note(note)
        origin = parse_checkpoint(text)
        log = log_of(origin, responder, trust.roots[0].pin)
        signed = signers(text, signatures, origin, keys_of(trust.directory, responder, log))
        require(signed, 'key_unknown')
        require(set(signed) - trust.revoked, 'key_revoked')
    except Refused as refused:
        raise Refused(refused.code, refused.check or CHECK) from None


def tells_heads(directory, responder, revoked):
    """Whether each live reply of a responder carries a checkpoint."""
    listed = directory['entities'].get(responder, {'keys': []})['keys']
    return any(key['pur'] == ['checkpoint'] and key['kid'] not in revoked for key in listed)
