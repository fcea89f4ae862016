"""The one spelling that bytes, JSON and compact tokens may have, by docs/spec/root.md and statement.md."""
import base64
import hashlib
import json
import re
from decimal import Decimal

SAFE = 2**53
HASH = r'[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]'
ALG = 'PS256|ES256|Ed25519'
FORBIDDEN = {'__proto__', 'constructor', 'prototype'}
COUNT = range(SAFE)
TIME = range(253_402_300_800)
TOKEN_ID = '[A-Za-z0-9._:-]{1,128}'


class Refused(Exception):
    """A code of docs/problems.md, and the check of the page where it names one."""

    def __init__(self, code, check=None):
        super().__init__(code, check)
        self.code, self.check = code, check


def require(right, code='token_malformed', check=None):
    if not right:
        raise Refused(code, check)


def encode(raw):
    return base64.urlsafe_b64encode(raw).rstrip(b'=').decode()


def decode(text):
    require(isinstance(text, str) and re.fullmatch('[A-Za-z0-9_-]*', text) and len(text) % 4 != 1)
    raw = base64.urlsafe_b64decode(text + '=' * (-len(text) % 4))
    require(encode(raw) == text)
    return raw


def hash_of(raw):
    return encode(hashlib.sha256(raw).digest())


def token_hash(token):
    """`H` of the pages."""
    return hash_of(token.encode())


def number(value):
    """A number as ECMAScript writes it."""
    if value == int(value) and abs(value) < 1e21:
        return str(int(value))
    if 1e-6 <= abs(value) < 1e21:
        return format(Decimal(repr(value)), 'f')
    digits, _, power = repr(value).partition('e')
    return f'{digits}e{int(power):+d}'


def in_order(members):
    """Members as ECMAScript keeps them: those that could be an index of an array come first, by number."""
    indexes = [name for name in members if re.fullmatch('0|[1-9][0-9]{0,9}', name) and int(name) < 2**32 - 1]
    return sorted(indexes, key=int) + [name for name in members if name not in set(indexes)]


def stringify(value, depth=1):
    require(depth <= 17)
    if isinstance(value, dict):
        require(not FORBIDDEN & set(value))
        members = (f'{stringify(name, depth)}:{stringify(value[name], depth + 1)}' for name in in_order(value))
        return '{' + ','.join(members) + '}'
    if isinstance(value, list):
        return '[' + ','.join(stringify(one, depth + 1) for one in value) + ']'
    if isinstance(value, float):
        return number(value)
    require(type(value) is not int or abs(value) < SAFE)
    return json.dumps(value, ensure_ascii=False)


def no_constant(name):
    raise ValueError(name)


def parsed(text):
    """JSON of exactly the spelling that `JSON.stringify` gives it: no space, no member twice, no lone surrogate."""
    try:
        text = text.decode() if isinstance(text, bytes) else text
        text.encode()
        value = json.loads(text, parse_constant=no_constant)
        require(stringify(value) == text)
    except (ValueError, OverflowError, RecursionError):
        raise Refused('token_malformed') from None
    return value


def fits(value, kind):
    """Whether a value is of a shape: members, a list with bounds, a range, words, a pattern, a type, or a test."""
    if isinstance(kind, dict):
        names = {name.rstrip('?'): one for name, one in kind.items()}
        due = {name for name in kind if not name.endswith('?')}
        is_right = isinstance(value, dict) and due <= set(value) <= set(names)
        return is_right and all(fits(value[name], names[name]) for name in value)
    if isinstance(kind, list):
        one, low, high = kind
        return isinstance(value, list) and low <= len(value) <= high and all(fits(each, one) for each in value)
    if isinstance(kind, range):
        return type(value) is int and value in kind
    if isinstance(kind, str):
        return isinstance(value, str) and re.fullmatch(kind, value) is not None
    if isinstance(kind, type):
        return type(value) is kind
    return kind(value)


def each(name, kind):
    """The shape of an object whose members are all of one kind."""
    return lambda value: isinstance(value, dict) and all(fits(one, name) and fits(value[one], kind) for one in value)


def distinct(kind, low=0, high=SAFE):
    return lambda value: fits(value, [kind, low, high]) and len(set(value)) == len(value)


class Token:
    """A compact JWS in strict form; its signature is judged elsewhere."""

    def __init__(self, token, shapes, limit):
        parts = token.split('.')
        require(len(parts) == 3)
        header, payload, self.signature = (decode(part) for part in parts)
        require(len(header) <= 2048 and len(payload) <= limit, 'payload_too_large')
        self.header, self.text, self.hash = parsed(header), f'{parts[0]}.{parts[1]}'.encode(), token_hash(token)
        require(fits(self.header, {'alg': ALG, 'typ': str, 'kid': HASH}))
        require(self.header['typ'] in shapes)
        self.typ, self.kid, self.claims = self.header['typ'], self.header['kid'], parsed(payload)
        require(fits(self.claims, shapes[self.typ]))

    def __getitem__(self, name):
        return self.claims[name]
