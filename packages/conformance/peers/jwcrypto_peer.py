#!/usr/bin/python3
"""Letters, grants, deposits and contents of Bulla on python3-jwcrypto, written from docs/spec and answering the conformance kit.

Protocol: one JSON object a line in, one out; see packages/conformance/README.md.
"""
import base64
import functools
import hashlib
import json
import re
import secrets
import sys

from cryptography.hazmat.primitives.asymmetric import ec
from jwcrypto import jwe, jwk, jws

ALGS = ['RSA-OAEP-256', 'ECDH-ES+A256KW', 'dir', 'A256GCM']
HASH = r'[A-Za-z0-9_-]{43}'
DEK = r'dek_[0-9a-f]{32}'
PROMPT = r'urn:bulla:[a-z0-9-]+:prompt:prm_[0-9a-z]{26}'
NAME = r'[^/\\\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]+'
SEALED = {'alg': r'RSA-OAEP-256|ECDH-ES\+A256KW', 'enc': 'A256GCM', 'kid': HASH}
LETTER = {**SEALED, 'typ': r'bulla-letter\+jwe', 'cty': r'bulla-letter\+jws'}
INSIDE = {'alg': 'PS256|ES256', 'typ': r'bulla-letter\+jws', 'kid': HASH, 'aud': HASH, 'iat': int, 'name': NAME}
GRANT = {**SEALED, 'typ': r'bulla-grant\+jwe', 'sub': PROMPT, 'ver': int, 'dek': DEK, 'chash': HASH, 'dkc': HASH,
         'aud': r'urn:bulla:[a-z0-9-]+:(dev:[a-z0-9_-]+|svc:responder:[a-z0-9-]+|recovery)'}
DEPOSIT = {**GRANT, 'typ': r'bulla-deposit\+jwe', 'aud': r'urn:bulla:[a-z0-9-]+:svc:vault'}
CONTENT = {'alg': 'dir', 'enc': 'A256GCM', 'typ': r'bulla-content\+jwe', 'cty': r'bulla-prompt\+jwt', 'kid': DEK,
           'org': r'[a-z0-9-]+', 'sub': PROMPT, 'ver': int, 'cmt': HASH, 'dkc': HASH}


class Refused(Exception):
    """A code of docs/problems.md."""


def require(right, code):
    if not right:
        raise Refused(code)


def encode(raw):
    return base64.urlsafe_b64encode(raw).rstrip(b'=').decode()


def decode(text):
    require(re.fullmatch('[A-Za-z0-9_-]*', text) and len(text) % 4 != 1, 'token_malformed')
    raw = base64.urlsafe_b64decode(text + '=' * (-len(text) % 4))
    require(encode(raw) == text, 'token_malformed')
    return raw


def written(value):
    return json.dumps(value, ensure_ascii=False, separators=(',', ':'))


def parse(token, count, shape, optional=()):
    """The parts of a token in strict form, and its header: these members, each as its pattern or type says."""
    parts = [decode(part) for part in token.split('.')]
    require(len(parts) == count and len(parts[0]) <= 2048, 'token_malformed')
    try:
        text = parts[0].decode()
        header = json.loads(text)
    except ValueError:
        raise Refused('token_malformed') from None
    require(isinstance(header, dict) and written(header) == text, 'token_malformed')
    require(set(shape) - set(optional) <= set(header) <= set(shape) | {'epk'}, 'token_malformed')
    for name, kind in shape.items():
        value = header.get(name)
        fits = type(value) is int and value >= 0 if kind is int else isinstance(value, str) and re.fullmatch(kind, value)
        require(fits or (value is None and name in optional), 'token_malformed')
    require(header.get('ver') != 0 and ('epk' in header) == (header['alg'] == 'ECDH-ES+A256KW'), 'token_malformed')
    if 'epk' in header:
        check_point(header['epk'])
    if count == 5:
        fits = len(parts[2]) == 12 and len(parts[4]) == 16 and (parts[1] == b'') == (header['alg'] == 'dir')
        require(fits, 'token_malformed')
    return parts, header


def check_point(epk):
    members = isinstance(epk, dict) and set(epk) == {'kty', 'crv', 'x', 'y'} and (epk['kty'], epk['crv']) == ('EC', 'P-256')
    require(members and isinstance(epk['x'], str) and isinstance(epk['y'], str), 'token_malformed')
    x, y = decode(epk['x']), decode(epk['y'])
    try:
        require(len(x) == len(y) == 32, 'token_malformed')
        ec.EllipticCurvePublicNumbers(int.from_bytes(x), int.from_bytes(y), ec.SECP256R1()).public_key()
    except ValueError:
        raise Refused('token_malformed') from None


def key_of(fields, use):
    """A key, its thumbprint, and the one algorithm that it has."""
    key = key_like(json.dumps(fields))
    names = {'sig': ('PS256', 'ES256'), 'enc': ('RSA-OAEP-256', 'ECDH-ES+A256KW')}[use]
    return key, key.thumbprint(), names[0 if fields['kty'] == 'RSA' else 1]


@functools.lru_cache
def key_like(fields):
    """One object for each key: a private RSA key is tested for primes when it is first used, for a tenth of a second."""
    return jwk.JWK(**json.loads(fields))


def opened(token, key):
    outer = jwe.JWE(algs=ALGS)
    outer.deserialize(token, key=key)
    return outer.payload


def sealed(plaintext, header, key):
    outer = jwe.JWE(plaintext, protected=written(header), algs=ALGS)
    outer.add_recipient(key)
    return outer.serialize(compact=True)


def open_letter(token, recipient, sender):
    (own, own_kid, own_alg), (by, by_kid, by_alg) = key_of(recipient, 'enc'), key_of(sender, 'sig')
    _, outside = parse(token, 5, LETTER)
    require((outside['kid'], outside['alg']) == (own_kid, own_alg), 'key_unknown')
    try:
        inner = opened(token, own).decode()
        (_, content, _), inside = parse(inner, 3, INSIDE, optional=('name',))
        name = inside.get('name', 'none')
        require(name not in ('.', '..') and len(name.encode()) <= 255, 'open_failed')
        require((inside['kid'], inside['alg'], inside['aud']) == (by_kid, by_alg, own_kid), 'open_failed')
        signed = jws.JWS()
        signed.allowed_algs = [by_alg]
        signed.deserialize(inner, key=by)
    except Exception:
        raise Refused('open_failed') from None
    return {'content': encode(content), 'at': inside['iat'], **({'name': name} if 'name' in inside else {})}


def seal_letter(content, at, sender, recipient, name=None):
    (own, own_kid, own_alg), (to, to_kid, to_alg) = key_of(sender, 'sig'), key_of(recipient, 'enc')
    typ = 'bulla-letter+jws'
    inside = {'alg': own_alg, 'typ': typ, 'kid': own_kid, 'aud': to_kid, 'iat': at, **({'name': name} if name else {})}
    signed = jws.JWS(decode(content))
    signed.allowed_algs = [own_alg]
    signed.add_signature(own, protected=written(inside))
    outside = {'alg': to_alg, 'enc': 'A256GCM', 'typ': 'bulla-letter+jwe', 'cty': typ, 'kid': to_kid}
    return {'token': sealed(signed.serialize(compact=True).encode(), outside, to)}


def commitment_to(key):
    return encode(hashlib.sha256(b'bulla data key\0' + key).digest())


def opening(shape, optional=()):
    """Opens a content key that is sealed to somebody: in a grant, or in a deposit."""
    def open_key(token, recipient, **place):
        own, kid, alg = key_of(recipient, 'enc')
        _, header = parse(token, 5, shape, optional)
        place['aud'] = place.pop('urn')
        require({**header, **place, 'kid': kid, 'alg': alg} == header, 'open_failed')
        try:
            key = opened(token, own)
        except Exception:
            raise Refused('open_failed') from None
        require(len(key) == 32 and commitment_to(key) == place['dkc'], 'open_failed')
        return {'key': encode(key)}
    return open_key


def sealing(shape):
    def seal_key(key, recipient, protect_until, urn, **place):
        to, kid, alg = key_of(recipient, 'enc')
        is_weak = recipient['kty'] == 'RSA' and len(decode(recipient['n'])) == 256
        require(len(decode(key)) == 32 and not (is_weak and protect_until > '2030-12-31'), 'key_invalid')
        require(commitment_to(decode(key)) == place['dkc'], 'key_invalid')
        require(urn.split(':')[2] == place['sub'].split(':')[2], 'key_invalid')
        require(re.fullmatch(shape['aud'], urn), 'token_malformed')
        typ = shape['typ'].replace('\\', '')
        return {'token': sealed(decode(key), {'alg': alg, 'enc': 'A256GCM', 'typ': typ, 'kid': kid, 'aud': urn, **place}, to)}
    return seal_key


def open_content(token, key, **place):
    _, header = parse(token, 5, CONTENT, optional=('dkc',))
    require('dkc' in header, 'content_uncommitted')
    require({**header, **place} == header and header['dkc'] == commitment_to(decode(key)), 'open_failed')
    try:
        statement = opened(token, jwk.JWK(kty='oct', k=key))
        require(encode(hashlib.sha256(statement).digest()) == header['cmt'], 'open_failed')
        return {'statement': statement.decode()}
    except Exception:
        raise Refused('open_failed') from None


def seal_content(statement, **place):
    key = encode(secrets.token_bytes(32))
    cmt = encode(hashlib.sha256(statement.encode()).digest())
    header = {'alg': 'dir', 'enc': 'A256GCM', 'typ': 'bulla-content+jwe', 'cty': 'bulla-prompt+jwt',
              'kid': f'dek_{secrets.token_hex(16)}', **place, 'cmt': cmt, 'dkc': commitment_to(decode(key))}
    return {'token': sealed(statement.encode(), header, jwk.JWK(kty='oct', k=key)), 'key': key}


FORMATS = {
    'seal': {'letter': seal_letter, 'grant': sealing(GRANT), 'deposit': sealing(DEPOSIT), 'content': seal_content},
    'open': {'letter': open_letter, 'grant': opening(GRANT, optional=('dkc',)), 'deposit': opening(DEPOSIT), 'content': open_content},
    'verify': {},
}


def answer(op, format='', input=None):
    if op == 'hello':
        return {'ok': {'name': 'python3-jwcrypto', **{name: list(having) for name, having in FORMATS.items()}}}
    if format not in FORMATS[op]:
        return {'unsupported': True}
    try:
        return {'ok': FORMATS[op][format](**input)}
    except Refused as refused:
        return {'refused': str(refused)}
    except Exception as error:
        return {'failed': repr(error)}


for line in sys.stdin:
    request = json.loads(line)
    print(json.dumps({'id': request.pop('id'), **answer(**request)}), flush=True)
