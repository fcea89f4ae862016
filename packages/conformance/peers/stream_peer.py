#!/usr/bin/python3
"""Sealed streams and attachments on python3-cryptography, written from docs/spec/chunked.md and attachment.md."""
import base64
import hashlib
import hmac
import json
import re
import secrets
import sys

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

CHUNK, TAG, HEADER = 16_384, 16, 56
INFO = b'c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM\0'
PROMPT = r'urn:bulla:[a-z0-9][a-z0-9-]*:prompt:prm_[0-7][0-9a-hjkmnp-tv-z]{25}'


class Refused(Exception):
    """A code of docs/problems.md."""


def require(right, code='open_failed'):
    if not right:
        raise Refused(code)


def encode(raw):
    return base64.urlsafe_b64encode(raw).rstrip(b'=').decode()


def decode(text):
    return base64.urlsafe_b64decode(text + '=' * (-len(text) % 4))


def pieces_of(text, length):
    """All of this length, and a last one that is shorter and may be empty."""
    return [text[at:at + length] for at in range(0, len(text) + 1, length)]


def derive(key, salt, context):
    """HKDF-Expand with SHA-512: the AEAD, the nonce of chunk 0 and the commitment."""
    info = INFO + salt + context
    first = hmac.digest(key, info + b'\x01', 'sha512')
    output = first + hmac.digest(key, first + info + b'\x02', 'sha512')
    return AESGCM(output[:32]), output[32:44], output[44:76]


def nonce(base, index):
    return base[:8] + (int.from_bytes(base[8:], 'big') ^ index).to_bytes(4, 'big')


def seal(text, key, context):
    salt = secrets.token_bytes(24)
    aead, base, commitment = derive(key, salt, context)
    chunks = [aead.encrypt(nonce(base, at), piece, None) for at, piece in enumerate(pieces_of(text, CHUNK))]
    return salt + commitment + b''.join(chunks)


def open_stream(stream, key, context):
    require(len(stream) >= HEADER, 'stream_truncated')
    require(len(key) == 32, 'key_invalid')
    aead, base, commitment = derive(key, stream[:24], context)
    require(hmac.compare_digest(commitment, stream[24:HEADER]))
    text = b''
    for at, chunk in enumerate(pieces_of(stream[HEADER:], CHUNK + TAG)):
        require(len(chunk) >= TAG, 'stream_truncated')
        try:
            text += aead.decrypt(nonce(base, at), chunk, None)
        except InvalidTag:
            raise Refused('open_failed') from None
    return text


def hash_of(text):
    return encode(hashlib.sha256(text).digest())


def place_of(id, sub, ver):
    fits = re.fullmatch(PROMPT, sub) and type(ver) is int and ver >= 1 and re.fullmatch(r'[A-Za-z0-9._:-]{1,128}', id)
    require(fits, 'token_malformed')
    return f'bulla-attachment\n{sub}\n{ver}\n{id}'.encode()


def seal_attachment(content, id, sub, ver):
    text, key = decode(content), secrets.token_bytes(32)
    entry = {'id': id, 'key': encode(key), 'size': len(text), 'hash': hash_of(text)}
    return {'sealed': encode(seal(text, key, place_of(id, sub, ver))), 'attachment': entry}


def open_attachment(sealed, attachment, sub, ver):
    context = place_of(attachment['id'], sub, ver)
    text = open_stream(decode(sealed), decode(attachment['key']), context)
    require(len(text) == attachment['size'] and hash_of(text) == attachment['hash'])
    return {'content': encode(text)}


def seal_chunked(content, context):
    key = secrets.token_bytes(32)
    return {'sealed': encode(seal(decode(content), key, context.encode())), 'key': encode(key)}


def open_chunked(sealed, key, context):
    return {'content': encode(open_stream(decode(sealed), decode(key), context.encode()))}


DO = {'seal': {'chunked': seal_chunked, 'attachment': seal_attachment},
      'open': {'chunked': open_chunked, 'attachment': open_attachment}}


def answer(op, format='', input=None):
    if op == 'hello':
        return {'ok': {'name': 'python3-cryptography', 'seal': list(DO['seal']), 'open': list(DO['open']), 'verify': []}}
    if format not in DO.get(op, {}):
        return {'unsupported': True}
    try:
        return {'ok': DO[op][format](**input)}
    except Refused as refusal:
        return {'refused': str(refusal)}
    except Exception as error:
        return {'failed': repr(error)}


for line in sys.stdin:
    request = json.loads(line)
    print(json.dumps({'id': request.pop('id'), **answer(**request)}), flush=True)
