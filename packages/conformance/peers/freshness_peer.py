#!/usr/bin/python3
"""What renewers say, on python3-cryptography from the pin on, written from docs/spec, answering the conformance kit.

Protocol: one JSON object a line in, one out; see packages/conformance/README.md.
"""
import base64
import hashlib
import json
import re
import sys
from datetime import datetime

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes as algorithms
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, utils

HASH = r'[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]'
ORG = r'[a-z0-9][a-z0-9-]{0,62}'
URN = rf'urn:bulla:{ORG}(:[a-z]+:[a-z0-9_:-]+)?'
PART = r'[a-z0-9][a-z0-9._-]*'
COMMON = {'iss': URN, 'aud': URN, 'dir': dict, 'iat': int, 'exp': int, 'purpose': str}
LABEL = {**COMMON, 'name': rf'(?=.{{1,128}}$){PART}(/{PART})*', 'tag': r'[a-z0-9][a-z0-9._-]{0,63}', 'seq': int, 'pos': HASH}
ALGS = {'rsa2048': 'PS256', 'rsa3072': 'PS256', 'p256': 'ES256', 'ed25519': 'Ed25519'}
DAY = 86400


class Refused(Exception):
    """A code of docs/problems.md, and the check of the page."""


def require(right, code, check=None):
    if not right:
        raise Refused(code, check)


def encode(raw):
    return base64.urlsafe_b64encode(raw).rstrip(b'=').decode()


def decode(text):
    require(re.fullmatch('[A-Za-z0-9_-]*', text) and len(text) % 4 != 1, 'token_malformed')
    raw = base64.urlsafe_b64decode(text + '=' * (-len(text) % 4))
    require(encode(raw) == text, 'token_malformed')
    return raw


def parsed(raw):
    """JSON as `JSON.stringify` writes it, and no member of it twice."""
    try:
        text = raw.decode()
        value = json.loads(text)
    except ValueError:
        raise Refused('token_malformed') from None
    written = json.dumps(value, ensure_ascii=False, separators=(',', ':'))
    require(isinstance(value, dict) and written == text, 'token_malformed')
    return value


def shaped(value, shape):
    """Exactly these members, each as its pattern or type says."""
    require(isinstance(value, dict) and set(value) == set(shape), 'token_malformed')
    for name, kind in shape.items():
        member = value[name]
        fits = type(member) is kind if isinstance(kind, type) else isinstance(member, str) and re.fullmatch(kind, member)
        require(fits, 'token_malformed')
    return value


def public_key(jwk):
    numbers = {name: int.from_bytes(decode(jwk[name])) for name in ('n', 'e') if name in jwk}
    if jwk['kty'] == 'RSA':
        return rsa.RSAPublicNumbers(numbers['e'], numbers['n']).public_key()
    if jwk['crv'] == 'Ed25519':
        return ed25519.Ed25519PublicKey.from_public_bytes(decode(jwk['x']))
    x, y = (int.from_bytes(decode(jwk[name])) for name in ('x', 'y'))
    return ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()


def is_signed(text, signature, jwk, alg):
    key = public_key(jwk)
    try:
        if alg == 'Ed25519':
            key.verify(signature, text)
        elif alg == 'PS256':
            pss = padding.PSS(padding.MGF1(algorithms.SHA256()), 32)
            key.verify(signature, text, pss, algorithms.SHA256())
        else:
            if len(signature) != 64:
                return False
            r, s = int.from_bytes(signature[:32]), int.from_bytes(signature[32:])
            key.verify(utils.encode_dss_signature(r, s), text, ec.ECDSA(algorithms.SHA256()))
        return True
    except InvalidSignature:
        return False


def signed_document(token, kind, root):
    """A payload that the threshold of its role signed, by docs/spec/root.md; `root` is None for root itself."""
    outer = json.loads(token)
    payload = parsed(decode(outer['payload']))
    by = root or payload
    role, good = by['roles'][kind], set()
    for one in outer['signatures']:
        header = parsed(decode(one['protected']))
        if header['kid'] not in role['kids'] or header['typ'] != f'bulla-{kind}+jws':
            continue
        key = by['keys'][header['kid']]
        text = f"{one['protected']}.{outer['payload']}".encode()
        if header['alg'] == key['alg'] and is_signed(text, decode(one['signature']), key['jwk'], key['alg']):
            good.add(header['kid'])
    require(len(good) >= role['threshold'], 'signature_invalid', f'{kind}-signatures')
    return payload, hashlib.sha256(decode(outer['payload'])).digest()


def seconds(timestamp):
    return int(datetime.fromisoformat(timestamp.replace('Z', '+00:00')).timestamp())


def trusted(organisation, served, now):
    """Policy and directory of an organisation from its pin on, and the hashes of all directories that led there."""
    org, documents = organisation['org'], organisation['documents']
    require(len(documents['roots']) == 1, 'unsupported')
    root, root_hash = signed_document(documents['roots'][0], 'root', None)
    require(f'sha256:{root_hash.hex()}' == organisation['pin'] and root['org'] == org, 'pin_mismatch')
    policy, policy_hash = signed_document(documents['policy'], 'policy', root)
    directory, directory_hash = signed_document(documents['directory'], 'directory', root)
    require(directory['policy'] == {'version': policy['version'], 'hash': encode(policy_hash)}, 'trust_rollback')
    for document in (root, policy, directory):
        require(document['org'] == org and now < seconds(document['expires']), 'trust_expired')
    known = {directory['version']: encode(directory_hash)}
    if 'prev' in directory:
        known[directory['version'] - 1] = directory['prev']
    if served:
        chain = bytes(32)
        for version, value in enumerate(served['hashes'][:directory['version'] - 1], served['from']):
            known[version] = value
            chain = hashlib.sha256(chain + decode(value)).digest()
        require(served['from'] == 1 and encode(chain) == directory['chain'], 'trust_rollback', 'directory-chain')
        require(known[directory['version'] - 1] == directory['prev'], 'trust_rollback', 'directory-chain')
    return policy, directory, known


def required_key(kid, policy, directory, now):
    holders = [(urn, key) for urn, entity in directory['entities'].items() for key in entity['keys'] if key['kid'] == kid]
    require(holders and 'fresh' in holders[0][1]['pur'], 'key_unknown', 'fresh-key')
    urn, key = holders[0]
    is_revoked = kid in [one['kid'] for one in directory['revoked']]
    require(not is_revoked and key['nbf'] <= now < key['end'], 'key_revoked', 'fresh-key')
    require(key['suite'] in policy['suites'], 'suite_unknown', 'fresh-key')
    return urn, key


def verify_word(token, typ, shape, organisation, now, hashes=None):
    """Steps 1 to 10 of docs/spec/freshness.md: what is said, until when, and the version of the directory at hand."""
    policy, directory, known = trusted(organisation, hashes, now)
    parts = token.split('.')
    require(len(parts) == 3, 'token_malformed')
    header, claims, signature = parsed(decode(parts[0])), parsed(decode(parts[1])), decode(parts[2])
    shaped(header, {'alg': 'PS256|ES256|Ed25519', 'typ': re.escape(typ), 'kid': r'[A-Za-z0-9_-]{43}'})
    shaped(shaped(claims, shape)['dir'], {'ver': int, 'hash': HASH})
    counts = (claims['dir']['ver'], claims.get('seq', 1))
    require(min(counts) >= 1 and min(claims['iat'], claims['exp']) >= 0, 'token_malformed')
    version = claims['dir']['ver']
    require(version <= directory['version'], 'key_unknown', 'fresh-newer')
    holder, key = required_key(header['kid'], policy, directory, now)
    text = f'{parts[0]}.{parts[1]}'.encode()
    is_good = header['alg'] == key['alg'] == ALGS[key['suite']] and is_signed(text, signature, key['jwk'], key['alg'])
    require(is_good, 'signature_invalid', 'fresh-signature')
    require(claims['iss'] == holder, 'envelope_tampered', 'fresh-issuer')
    require(claims['aud'] == f"urn:bulla:{organisation['org']}", 'envelope_tampered', 'fresh-audience')
    require(0 < claims['exp'] - claims['iat'] <= 7 * DAY, 'token_malformed', 'fresh-life')
    require(claims['iat'] < key['use_until'], 'key_revoked', 'fresh-key-time')
    require(claims['iat'] <= now + policy['max_skew'], 'clock_skew', 'fresh-issued')
    until = min(claims['exp'], claims['iat'] + policy.get('fresh_days', 7) * DAY)
    require(max(now, seconds(directory['issued'])) < until, 'trust_expired', 'fresh-expiry')
    require(version in known, 'trust_rollback', 'fresh-chain')
    require(known[version] == claims['dir']['hash'], 'trust_rollback', 'fresh-fork')
    return claims, until, directory['version']


def verify_label(token, name, label, seq, pos, **rest):
    shape = {**LABEL, 'purpose': r'tag\.fresh'}
    claims, until, _ = verify_word(token, 'bulla-fresh+jwt', shape, **rest)
    said = (claims['name'], claims['tag'], claims['seq'], claims['pos'])
    require(said == (name, label, seq, pos), 'envelope_tampered', 'fresh-position')
    return {'until': until}


def verify_directory(token, **rest):
    shape = {**COMMON, 'purpose': r'directory\.fresh'}
    claims, until, version = verify_word(token, 'bulla-directory-fresh+jwt', shape, **rest)
    require(claims['dir']['ver'] == version, 'envelope_tampered', 'fresh-directory')
    return {'until': until}


FORMATS = {'label-freshness': verify_label, 'directory-freshness': verify_directory}


def answer(op, format='', input=None):
    if op == 'hello':
        return {'ok': {'name': 'renewers in Python', 'seal': [], 'open': [], 'verify': list(FORMATS)}}
    if op != 'verify' or format not in FORMATS:
        return {'unsupported': True}
    try:
        return {'ok': FORMATS[format](**input)}
    except Refused as refused:
        code, check = (*refused.args, None)[:2]
        return {'refused': code, **({'check': check} if check else {})}
    except Exception as error:
        return {'failed': repr(error)}


for line in sys.stdin:
    request = json.loads(line)
    print(json.dumps({'id': request.pop('id'), **answer(**request)}), flush=True)
