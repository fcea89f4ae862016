#!/usr/bin/python3
"""Keys under keys, and the check value of a root key, on python3-cryptography, written from docs/spec/wrap.md.

Protocol: one JSON object a line in, one out; see packages/conformance/README.md.
"""
import base64
import hashlib
import json
import re
import secrets
import sys

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes, hmac
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

NUMBER_MAX = 2**31 - 1
ORG = r'[a-z0-9][a-z0-9-]{0,62}'
PROMPT = rf'urn:bulla:({ORG}):prompt:prm_[0-7][0-9a-hjkmnp-tv-z]{{25}}'
PURPOSE = b'bulla root key check v1'
HASH = r'[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]'

KEK_WRAP = {'alg': 'dir', 'enc': 'A256GCM', 'typ': r'bulla-kekwrap\+jwe', 'kid': r'kek:.*', 'org': ORG, 'sub': PROMPT,
            'ver': int, 'dek': r'dek_[0-9a-f]{32}', 'chash': HASH, 'dkc': HASH}
KEK = {'alg': 'dir', 'enc': 'A256GCM', 'typ': r'bulla-kek\+jwe', 'kid': r'root:[a-z0-9]{1,16}:[A-Za-z0-9._:-]{1,128}',
       'org': ORG, 'kek': r'kek:.*', 'kver': int}


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


def check_header(header, shape):
    """These members and no other, each as its pattern or type says, and all of one organisation."""
    require(isinstance(header, dict) and set(shape) - {'dkc'} <= set(header) <= set(shape), 'token_malformed')
    for name, kind in ((name, kind) for name, kind in shape.items() if name in header):
        value = header[name]
        fits = type(value) is int and 1 <= value <= NUMBER_MAX if kind is int else \
            isinstance(value, str) and re.fullmatch(kind, value)
        require(fits, 'token_malformed')
    if 'sub' in header:
        require(re.fullmatch(PROMPT, header['sub'])[1] == header['org'], 'token_malformed')
        number = header['kid'].removeprefix(f"kek:{header['org']}:")
        require(re.fullmatch('[1-9][0-9]{0,9}', number) and int(number) <= NUMBER_MAX, 'token_malformed')
    else:
        require(header['kek'] == f"kek:{header['org']}:{header['kver']}", 'token_malformed')


def parse(token, shape):
    """The parts of a token in strict form, and its header."""
    parts = [decode(part) for part in token.split('.')]
    require(len(parts) == 5 and len(parts[0]) <= 2048, 'token_malformed')
    try:
        text = parts[0].decode()
        header = json.loads(text)
    except ValueError:
        raise Refused('token_malformed') from None
    require(written(header) == text, 'token_malformed')
    check_header(header, shape)
    require([len(part) for part in parts[1:]] == [0, 12, 32, 16], 'token_malformed')
    return parts, header


def key_of(text):
    """32 bytes."""
    key = decode(text)
    require(len(key) == 32, 'key_invalid')
    return key


def commitment_to(key):
    return encode(hashlib.sha256(b'bulla data key\0' + key).digest())


def opening(shape):
    def open_key(token, under, kid, **place):
        (_, _, iv, ciphertext, tag), header = parse(token, shape)
        require(header['kid'] == kid, 'key_unknown')
        require({**header, **place} == header and ('dkc' in header) == ('dkc' in place), 'envelope_tampered')
        try:
            aad = token.split('.')[0].encode()
            key = AESGCM(key_of(under)).decrypt(iv, ciphertext + tag, aad)
        except InvalidTag:
            raise Refused('open_failed') from None
        require(place.get('dkc') in (None, commitment_to(key)), 'open_failed')
        return {'key': encode(key)}
    return open_key


def sealing(shape):
    typ = shape['typ'].replace('\\', '')

    def seal_key(key, under, kid, **place):
        header = {'alg': 'dir', 'enc': 'A256GCM', 'typ': typ, 'kid': kid, **place}
        check_header(header, shape)
        aad, iv = encode(written(header).encode()), secrets.token_bytes(12)
        sealed = AESGCM(key_of(under)).encrypt(iv, key_of(key), aad.encode())
        return {'token': '.'.join([aad, '', encode(iv), encode(sealed[:-16]), encode(sealed[-16:])])}
    return seal_key


def check_value(root):
    derived = HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=PURPOSE).derive(key_of(root))
    mac = hmac.HMAC(derived, hashes.SHA256())
    mac.update(PURPOSE)
    return {'check': encode(mac.finalize())}


FORMATS = {
    'seal': {'kek-wrap': sealing(KEK_WRAP), 'kek': sealing(KEK)},
    'open': {'kek-wrap': opening(KEK_WRAP), 'kek': opening(KEK)},
    'verify': {'key-check': check_value},
}


def answer(op, format='', input=None):
    if op == 'hello':
        return {'ok': {'name': 'python3-cryptography', **{name: list(having) for name, having in FORMATS.items()}}}
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
