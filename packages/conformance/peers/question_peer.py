#!/usr/bin/python3
"""Questions, opened and made, on python3-jwcrypto and python3-cryptography, written from docs/spec/invocation.md.

Protocol: one JSON object a line in, one out; see packages/conformance/README.md.
"""
import json
import sys

sys.dont_write_bytecode = True  # the folder that holds this is source

from cryptography.hazmat.primitives.asymmetric import ec
from jwcrypto import jwe, jwk, jws

from evidence.answer import ENVELOPES
from evidence.documents import URN, Trust
from evidence.question import QUESTION, limit_of, require_data_size, require_fits
from evidence.strict import HASH, Refused, Token, decode, encode, fits, parsed, require, stringify

ALGS = ['RSA-OAEP-256', 'ECDH-ES+A256KW', 'A256GCM']
POINT = {'kty': 'EC', 'crv': 'P-256', 'x': HASH, 'y': HASH}
OUTSIDE = {
    'alg': r'RSA-OAEP-256|ECDH-ES\+A256KW', 'enc': 'A256GCM', 'typ': r'bulla-invoke\+jwe', 'cty': r'bulla-invoke\+jwt',
    'kid': HASH, 'iss': URN, 'aud': URN, 'epk?': POINT,
}


def read_outside(token, limit):
    """Step 1."""
    parts = token.split('.')
    require(len(parts) == 5)
    header, wrapped, iv, ciphertext, tag = (decode(part) for part in parts)
    require(len(header) <= 2048 and len(ciphertext) <= limit + 768, 'payload_too_large')
    outside = parsed(header)
    require(fits(outside, OUTSIDE) and len(wrapped) > 0 and (len(iv), len(tag)) == (12, 16))
    require(('epk' in outside) == (outside['alg'] == 'ECDH-ES+A256KW'))
    if 'epk' in outside:
        require_point(**outside['epk'])
    return outside


def require_point(x, y, **_names):
    """A point of the curve, or no private key meets it."""
    numbers = (int.from_bytes(decode(one)) for one in (x, y))
    try:
        ec.EllipticCurvePublicNumbers(*numbers, ec.SECP256R1()).public_key()
    except ValueError:
        raise Refused('token_malformed') from None


def opened(token, outside, recipient, envelope):
    """Step 2; whatever fails is one error."""
    payload_limit, limit = limit_of(envelope)
    try:
        key = jwk.JWK(**recipient)
        alg = 'RSA-OAEP-256' if recipient['kty'] == 'RSA' else 'ECDH-ES+A256KW'
        require((outside['kid'], outside['alg']) == (key.thumbprint(), alg))
        sealed = jwe.JWE(algs=ALGS)
        sealed.deserialize(token, key=key)
        require(len(sealed.payload) <= limit)
        question = Token(sealed.payload.decode(), QUESTION, payload_limit)
        require_data_size(question)
        require((question['iss'], question['aud']) == (outside['iss'], outside['aud']))
        return question
    except Exception:
        raise Refused('open_failed') from None


def open_invocation(token, envelope, recipient, audience, organisation, now):
    envelope = Token(envelope, ENVELOPES, 16_384)
    question = opened(token, read_outside(token, limit_of(envelope)[1]), recipient, envelope)
    trust = Trust(**organisation['documents'], pin=organisation['pin'], now=now, org=organisation['org'])
    require(question.kid in trust.keys, 'key_unknown', 'invocation-key')
    try:  # Steps 4 to 6: the private key was used, so nobody is told which of them failed.
        require(trust.is_signed(question), 'signature_invalid')
        require_fits(question, envelope, audience)
        require(question['iat'] <= now + 60, 'clock_skew')
    except Refused:
        raise Refused('open_failed') from None
    require_asker(question, envelope, trust, now)
    return {'claims': question.claims}


def require_asker(question, envelope, trust, now):
    """Steps 7 to 10."""
    version, own = question['dir']['ver'], trust.directory['version']
    require(version <= own, 'trust_expired', 'asker-directory')
    require(version < own or question['dir']['hash'] == trust.directory.hash, 'trust_rollback', 'asker-directory')
    require(question.kid == envelope['cnf']['jkt'], 'envelope_tampered', 'asker-key')
    require(question['iss'] == envelope['sub'], 'envelope_tampered', 'asker')
    urn, entity, _ = trust.key(question.kid, 'invoke', now, 'asker-key', 300)
    require(question['iss'] == urn, 'envelope_tampered', 'asker-issuer')
    require('invoker' in entity['roles'], 'forbidden', 'asker-role')


def seal_invocation(claims, asker, recipient):
    """A question, signed by the asker and sealed to its audience."""
    own, to = jwk.JWK(**asker), jwk.JWK(**recipient)
    signing = 'PS256' if asker['kty'] == 'RSA' else 'ES256'
    sealing = 'RSA-OAEP-256' if recipient['kty'] == 'RSA' else 'ECDH-ES+A256KW'
    require(fits(claims, QUESTION['bulla-invoke+jwt']))
    require_data_size(claims)
    signed = jws.JWS(stringify(claims).encode())
    signed.allowed_algs = [signing]
    header = {'alg': signing, 'typ': 'bulla-invoke+jwt', 'kid': own.thumbprint()}
    signed.add_signature(own, protected=stringify(header))
    outside = {
        'alg': sealing, 'enc': 'A256GCM', 'typ': 'bulla-invoke+jwe', 'cty': 'bulla-invoke+jwt',
        'kid': to.thumbprint(), 'iss': claims['iss'], 'aud': claims['aud'],
    }
    sealed = jwe.JWE(signed.serialize(compact=True).encode(), protected=stringify(outside), algs=ALGS)
    sealed.add_recipient(to)
    return {'token': sealed.serialize(compact=True)}


FORMATS = {'seal': {'invocation': seal_invocation}, 'open': {'invocation': open_invocation}, 'verify': {}}


def answer(op, format='', input=None):
    if op == 'hello':
        having = {name: list(formats) for name, formats in FORMATS.items()}
        return {'ok': {'name': 'questions in Python', **having}}
    if format not in FORMATS[op]:
        return {'unsupported': True}
    try:
        return {'ok': FORMATS[op][format](**input)}
    except Refused as refused:
        return {'refused': refused.code, **({'check': refused.check} if refused.check else {})}
    except Exception as error:
        return {'failed': repr(error)}


for line in sys.stdin:
    request = json.loads(line)
    print(json.dumps({'id': request.pop('id'), **answer(**request)}), flush=True)
