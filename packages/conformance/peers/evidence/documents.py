"""Root, policy and directory, expired or not, by docs/spec/root.md, policy.md and directory.md."""
import base64
import hashlib
import re
from datetime import datetime

from evidence.keys import ALGS, SHAPES, is_signed, require_key
from evidence.strict import HASH, SAFE, TIME, decode, distinct, each, fits, hash_of, parsed, require

DAY = 86400
#: for how long after its `issued` a vault takes a root
ROOT_TAKEN = 15 * 60
ID = '[0-7][0-9a-hjkmnp-tv-z]{25}'
ORG = '[a-z0-9][a-z0-9-]{0,62}'
PLACE = '[a-z0-9][a-z0-9-]{0,62}'
URN = (rf'urn:bulla:{ORG}(:(dev:dev_{ID}|user:usr_{ID}|prompt:prm_{ID}|recovery|svc:vault'
       rf'|svc:(responder|gateway):{PLACE}))?')
WORD = '[a-z0-9][a-z0-9._-]{0,63}'
GROUP = f'grp:{WORD}'
NAME = r'(?=.{1,128}$)[a-z0-9][a-z0-9._-]*(/[a-z0-9][a-z0-9._-]*)*'
PREFIX = r'\*|([a-z0-9][a-z0-9._-]*/)+'
WITNESS = r'[A-Za-z0-9][A-Za-z0-9._~/:-]{0,127}\+[0-9a-f]{8}\+[A-Za-z0-9+/]{44}'
VERSION = range(1, SAFE)
COUNTER = range(1, 2**31)
REASONS = 'unspecified|keyCompromise|affiliationChanged|superseded|cessationOfOperation|privilegeWithdrawn'
PEOPLE = {'owner', 'admin', 'author', 'invoker', 'auditor'}
WEB = r'https?://[^\s@?#]+'

#: kind of an entity: its URN, its roles, the purposes of its keys, its further members
ENTITIES = {
    'device': (f'dev:dev_{ID}', PEOPLE | {'renewer'}, {'http', 'invoke', 'content', 'tag', 'unwrap', 'fresh'},
               {'user': f'urn:bulla:{ORG}:user:usr_{ID}', 'groups': distinct(GROUP, 0, 64)}),
    'vault': ('svc:vault', {'service'}, {'http', 'envelope', 'content', 'checkpoint', 'deposit'}, {'url?': WEB}),
    'responder': (f'svc:responder:{PLACE}', {'service'}, {'http', 'reply', 'unwrap', 'checkpoint'}, {'url': WEB}),
    'gateway': (f'svc:gateway:{PLACE}', {'service', 'gateway', 'invoker'}, {'http', 'invoke', 'unwrap'},
                {'url?': WEB, 'groups?': distinct(GROUP, 0, 64)}),
}


def seconds(timestamp):
    return int(datetime.fromisoformat(timestamp.replace('Z', '+00:00')).timestamp())


def is_time(value):
    if not fits(value, '[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z'):
        return False
    try:
        return seconds(value) >= 0
    except ValueError:
        return False


def are_witnesses(value):
    """Verifier keys of C2SP tlog-cosignature, each name and each key once, and how many of them are asked for."""
    if not fits(value, {'quorum': range(1, 17), 'keys': [WITNESS, 1, 16]}):
        return False
    read = [text.split('+', 2) for text in value['keys']]
    raw = [base64.b64decode(one[2]) for one in read]
    ids = [hashlib.sha256(name.encode() + b'\n' + key).digest()[:4].hex() for (name, _, _), key in zip(read, raw)]
    return (
        all(key[0] == 4 and base64.b64encode(key).decode() == one[2] for key, one in zip(raw, read))
        and ids == [one[1] for one in read]
        and len({one[0] for one in read}) == len({bytes(key) for key in raw}) == len(read) >= value['quorum']
        and not any(one[0].lower().startswith('urn:bulla:') for one in read)
    )


ROLE = {'kids': distinct(HASH, 1, 16), 'threshold': range(1, 17)}
BASE = {'org': ORG, 'version': VERSION, 'issued': is_time, 'expires': is_time}
LATER = {**BASE, 'root_version': VERSION, 'prev?': HASH}
ROOT = {
    **BASE, '_type': 'bulla-root', 'spec': '1', 'profile': 'production|development',
    'keys': each(HASH, {'jwk': dict, 'alg': 'Ed25519|PS256'}),
    'roles': {'root': ROLE, 'policy': ROLE, 'directory': ROLE},
    'recovery_enc?': {'kid': HASH, 'alg': 'RSA-OAEP-256', 'suite': 'rsa3072', 'jwk': dict},
}
GROUPS = [GROUP, 0, 64]
RULE = {'groups': GROUPS, 'threshold?': range(1, 17), 'days?': range(1, 366)}
POLICY = {
    **LATER, '_type': 'bulla-policy', 'spec': '2', 'suites': ['[a-z0-9]{1,32}', 1, 32],
    'custody': each(PREFIX, 'sealed|managed'),
    'authors': each(PREFIX, GROUPS), 'labels': each(WORD, RULE), 'fresh_days?': range(1, 8), 'chat': GROUPS,
    'witnesses?': lambda value: are_witnesses(value),
    'auth': {'bearer': bool, 'oidc': 'off|approve'}, 'max_skew': range(61),
}
OLD_RULE = {**RULE, 'days?': range(1, 91)}
OLD_POLICY = {name: kind for name, kind in POLICY.items() if name not in ('fresh_days?', 'witnesses?')}
OLD_POLICY.update(spec='1', labels=each(WORD, OLD_RULE))
KEY = {
    'kid': HASH, 'use': 'sig|enc', 'alg': str, 'suite': '|'.join(SHAPES), 'pur': distinct(str, 1),
    'nbf': TIME, 'use_until': TIME, 'end': TIME, 'log?': range(1, 10**9), 'jwk': dict,
}
DIRECTORY = {
    **LATER, '_type': 'bulla-directory', 'spec': '2', 'chain': HASH, 'policy': {'version': VERSION, 'hash': HASH},
    'entities': each(URN, dict), 'revoked': [{'kid': HASH, 'reason': REASONS, 'at': TIME}, 0, SAFE],
    'kept': distinct(HASH), 'withdrawn': [{'sub': rf'urn:bulla:{ORG}:prompt:prm_{ID}', 'below': COUNTER}, 0, SAFE],
}
OLD_DIRECTORY = {**{name: kind for name, kind in DIRECTORY.items() if name != 'chain'}, 'spec': '1'}
KINDS = {
    'root': (64 * 1024, 366, [ROOT]),
    'policy': (256 * 1024, 366, [POLICY, OLD_POLICY]),
    'directory': (4 * 1024 * 1024, 90, [DIRECTORY, OLD_DIRECTORY]),
}


class Document:
    """A general JWS in strict form with a payload of its kind; which signatures count is asked of a root."""

    def __init__(self, text, kind):
        limit, days, shapes = KINDS[kind]
        outer = parsed(text)
        require(fits(outer, {'payload': str, 'signatures': [{'protected': str, 'signature': str}, 1, 32]}))
        raw = decode(outer['payload'])
        require(len(raw) <= limit, 'payload_too_large')
        self.kind, self.hash, self.pin = kind, hash_of(raw), f'sha256:{decode(hash_of(raw)).hex()}'
        self.payload = parsed(raw)
        require(any(fits(self.payload, shape) for shape in shapes))
        self.issued, self.expires = seconds(self['issued']), seconds(self['expires'])
        self.is_life = 0 < self.expires - self.issued <= days * DAY
        require(self.is_life or kind == 'directory')
        require(kind == 'root' or ('prev' in self.payload) == (self['version'] > 1))
        self.signatures = [self.signature(outer['payload'], **one) for one in outer['signatures']]
        require(len({header['kid'] for header, _, _ in self.signatures}) == len(self.signatures))

    def signature(self, payload, protected, signature):
        header = parsed(decode(protected))
        require(fits(header, {'alg': 'Ed25519|PS256', 'typ': rf'bulla-{self.kind}\+jws', 'kid': HASH}))
        return header, f'{protected}.{payload}'.encode(), decode(signature)

    def __getitem__(self, name):
        return self.payload[name]

    def is_good(self, signature, root):
        header, text, raw = signature
        key = root['keys'].get(header['kid'])
        return key is not None and is_signed(text, raw, header['alg'], key['jwk'], suite_of(key['alg']))

    def signers(self, root):
        """The keys of its role whose signatures count under a root."""
        role = root['roles'][self.kind]['kids']
        return {one[0]['kid'] for one in self.signatures if one[0]['kid'] in role and self.is_good(one, root)}

    def is_signed(self, root):
        return len(self.signers(root)) >= root['roles'][self.kind]['threshold']


def suite_of(alg):
    """The one suite with which documents are signed by this algorithm."""
    return 'ed25519' if alg == 'Ed25519' else 'rsa3072'


def read_root(text):
    root = Document(text, 'root')
    for kid, key in root['keys'].items():
        require_key(kid, key['jwk'], suite_of(key['alg']))
    for role in root['roles'].values():
        require(set(role['kids']) <= set(root['keys']) and role['threshold'] <= len(role['kids']))
    recovery = root.payload.get('recovery_enc')
    if recovery:
        require_key(recovery['kid'], recovery['jwk'], 'rsa3072')
        require(recovery['kid'] not in root['keys'])
    return root


def read_directory(text):
    directory = Document(text, 'directory')
    require(set(list(directory.payload)[-4:]) == {'entities', 'revoked', 'kept', 'withdrawn'})
    for member, by in (('revoked', 'kid'), ('withdrawn', 'sub')):
        require(len({one[by] for one in directory[member]}) == len(directory[member]))
    require(all(one['sub'].startswith(f"urn:bulla:{directory['org']}:") for one in directory['withdrawn']))
    require(len(directory['entities']) <= 4096)
    for urn, entity in directory['entities'].items():
        check_entity(urn, entity, directory['org'])
    kids = [key['kid'] for entity in directory['entities'].values() for key in entity['keys']]
    require(len(kids) == len(set(kids)) <= 8192)
    check_renewers(directory['entities'].values())
    return directory


def check_entity(urn, entity, org):
    require(entity.get('kind') in ENTITIES)
    path, roles, purposes, further = ENTITIES[entity['kind']]
    require(re.fullmatch(f'urn:bulla:{org}:{path}', urn))
    require(fits(entity, {'kind': str, 'roles': distinct(str, 1), 'keys': [KEY, 1, 32], **further}))
    require(set(entity['roles']) <= roles)
    require('user' not in entity or entity['user'].startswith(f'urn:bulla:{org}:'))
    numbered = [(key['log'], key['alg']) for key in entity['keys'] if 'log' in key]
    require(len(numbered) == len(set(numbered)))
    for key in entity['keys']:
        require(set(key['pur']) <= purposes and key['nbf'] <= key['use_until'] <= key['end'])
        sealed_to = [purpose for purpose in key['pur'] if purpose in {'unwrap', 'deposit'}]
        require(bool(sealed_to) == (key['use'] == 'enc'))
        require(not sealed_to or len(key['pur']) == 1)
        require('checkpoint' not in key['pur'] or (len(key['pur']), key['suite']) == (1, 'ed25519'))
        require('log' not in key or key['pur'] == ['checkpoint'], 'key_invalid')
        require('content' not in key['pur'] or entity['kind'] != 'vault' or len(key['pur']) == 1)
        require(ALGS[key['use']].get(key['suite']) == key['alg'])
        require_key(key['kid'], key['jwk'], key['suite'])


def check_renewers(entities):
    users = [entity['user'] for entity in entities if 'user' in entity]
    for entity in entities:
        purposes = [key['pur'] for key in entity['keys']]
        if 'renewer' in entity['roles']:
            require(entity['roles'] == ['renewer'] and entity['groups'] == [] and users.count(entity['user']) == 1)
            require(all(pur in (['http'], ['fresh']) for pur in purposes))
        else:
            require(not any('fresh' in pur for pur in purposes))


def verify_roots(texts, pin, org=None):
    """A chain from the pinned root on, by root.md."""
    require(1 <= len(texts) <= 256, 'token_malformed', 'root-count')
    roots = [read_root(text) for text in texts]
    require(roots[0].pin == pin, 'pin_mismatch', 'root-pin')
    for number, (before, root) in enumerate(zip([roots[0], *roots], roots), 1):
        require(root['org'] == (org or roots[0]['org']), 'pin_mismatch', 'root-organisation')
        require(root['version'] == number, 'trust_rollback', 'root-version')
        require(root.is_signed(before) and root.is_signed(root), 'signature_invalid', 'root-signatures')
    return roots


class Trust:
    """What the documents of an organisation say that begin at a pin; evidence has no `org` that it expects.

    Whether they have expired is not asked. For evidence each counts under the root that it states, for a client under
    the newest root too.
    """

    def __init__(self, roots, policy, directory, pin, now, org=None, is_evidence=False):
        self.roots, self.is_evidence = verify_roots(roots, pin, org), is_evidence
        self.org = self.roots[0]['org']
        self.policy = Document(policy, 'policy')
        self.check_signed(self.policy)
        self.directory = read_directory(directory)
        self.check_signed(self.directory)
        named = {'version': self.policy['version'], 'hash': self.policy.hash}
        require(self.directory['policy'] == named, 'trust_rollback', 'directory-policy')
        for document in (*self.roots, self.policy, self.directory):
            require(document.issued <= now + self.policy['max_skew'], 'clock_skew', 'document-issued')
        entities = self.directory['entities'].items()
        self.keys = {key['kid']: (urn, entity, key) for urn, entity in entities for key in entity['keys']}
        self.revoked = {one['kid'] for one in self.directory['revoked']}

    def stated_root(self, document):
        return self.roots[document['root_version'] - 1]

    def check_signed(self, document):
        kind = document.kind
        require(document['org'] == self.org, 'token_malformed', f'{kind}-organisation')
        require(document['root_version'] <= len(self.roots), 'trust_rollback', f'{kind}-root-version')
        root = self.stated_root(document)
        is_enough = document.is_signed(root) and (self.is_evidence or document.is_signed(self.roots[-1]))
        require(is_enough, 'signature_invalid', f'{kind}-signatures')
        require(document.is_life)
        following = self.roots[document['root_version']:][:1]
        end = min([root.expires, *(one.issued + ROOT_TAKEN for one in following)])
        is_in = root.issued - 60 <= document.issued <= end + 60
        require(is_in, 'signature_invalid', f'{kind}-root-life')

    def check_all_signatures(self):
        """`document-signatures` of evidence.md: no signature on any document may be a bad one."""
        for document in (*self.roots, self.policy, self.directory):
            for one in document.signatures:
                is_good = any(document.is_good(one, root) for root in self.roots)
                require(is_good, 'signature_invalid', 'document-signatures')

    @property
    def profile(self):
        profiles = {self.stated_root(document)['profile'] for document in (self.policy, self.directory)}
        return 'development' if 'development' in profiles else 'production'

    def key(self, kid, purpose, moment, check, grace=None):
        """Who holds a key, and its record, where it may be used; `grace` is how long past its `use_until`."""
        urn, entity, key = self.keys.get(kid, (None, None, {'pur': []}))
        require(purpose in key['pur'], 'key_unknown', check)
        is_late = moment >= key['end'] or (grace is not None and moment > key['use_until'] + grace)
        require(kid not in self.revoked and key['nbf'] <= moment and not is_late, 'key_revoked', check)
        require(key['suite'] in self.policy['suites'], 'suite_unknown', check)
        return urn, entity, key

    def is_signed(self, token):
        """Whether a token's signature is good under the record of its key, which is listed."""
        key = self.keys[token.kid][2]
        return is_signed(token.text, token.signature, token.header['alg'], key['jwk'], key['suite'])

    def is_urn(self, text):
        return text == f'urn:bulla:{self.org}' or text.startswith(f'urn:bulla:{self.org}:')
