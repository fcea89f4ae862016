"""Public keys and signatures by docs/spec/suites.md, on python3-cryptography."""
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, utils

from evidence.strict import Refused, decode, fits, hash_of, require, stringify

ALGS = {
    'sig': {'rsa2048': 'PS256', 'rsa3072': 'PS256', 'p256': 'ES256', 'ed25519': 'Ed25519'},
    'enc': {'rsa2048': 'RSA-OAEP-256', 'rsa3072': 'RSA-OAEP-256', 'p256': 'ECDH-ES+A256KW'},
}
SHAPES = {
    'rsa2048': {'kty': 'RSA', 'n': str, 'e': 'AQAB'},
    'rsa3072': {'kty': 'RSA', 'n': str, 'e': 'AQAB'},
    'p256': {'kty': 'EC', 'crv': 'P-256', 'x': str, 'y': str},
    'ed25519': {'kty': 'OKP', 'crv': 'Ed25519', 'x': str},
}
PRIME = 2**255 - 19
ORDER_8 = (
    bytes.fromhex('26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05'),
    bytes.fromhex('c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a'),
)
SMALL = {0, 1, PRIME - 1, *(int.from_bytes(y, 'little') % 2**255 for y in ORDER_8)}


def public_key(jwk, suite):
    """The key of a JWK, which must be one of its suite."""
    require(suite in SHAPES and fits(jwk, SHAPES[suite]), 'key_invalid')
    raw = {name: decode(jwk[name]) for name in ('n', 'x', 'y') if name in jwk}
    if suite.startswith('rsa'):
        modulus = int.from_bytes(raw['n'], 'big')
        require(raw['n'][:1] != b'\0' and modulus.bit_length() == int(suite[3:]), 'key_invalid')
        return rsa.RSAPublicNumbers(65537, modulus).public_key()
    require(all(len(one) == 32 for one in raw.values()), 'key_invalid')
    if suite == 'p256':
        x, y = (int.from_bytes(raw[name], 'big') for name in 'xy')
        return ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()
    y = int.from_bytes(raw['x'], 'little') % 2**255
    require(y < PRIME and y not in SMALL, 'key_invalid')
    return ed25519.Ed25519PublicKey.from_public_bytes(raw['x'])


def require_key(kid, jwk, suite):
    """Refuses a key that is none of its suite, or is not called by its RFC 7638 thumbprint."""
    try:
        public_key(jwk, suite)
    except ValueError:
        raise Refused('key_invalid') from None
    require(hash_of(stringify(dict(sorted(jwk.items()))).encode()) == kid, 'key_invalid')


def is_signed(text, signature, alg, jwk, suite):
    """Whether a signature is good by the algorithm of the key's record, which the header has to name."""
    key = public_key(jwk, suite)
    if alg != ALGS['sig'][suite]:
        return False
    try:
        if alg == 'Ed25519':
            key.verify(signature, text)
        elif alg == 'PS256':
            key.verify(signature, text, padding.PSS(padding.MGF1(hashes.SHA256()), 32), hashes.SHA256())
        else:
            require(len(signature) == 64, 'signature_invalid')
            r, s = (int.from_bytes(half, 'big') for half in (signature[:32], signature[32:]))
            key.verify(utils.encode_dss_signature(r, s), text, ec.ECDSA(hashes.SHA256()))
        return True
    except (InvalidSignature, Refused):
        return False
