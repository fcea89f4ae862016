"""An answer file, step by step as docs/spec/evidence.md numbers them."""
import hashlib
import json

from evidence.checkpoint import NOTE, tells_heads, verify_checkpoint
from evidence.documents import COUNTER, ID, NAME, URN, VERSION, Trust
from evidence.question import QUESTION, limit_of, require_data_size, require_fits
from evidence.strict import COUNT, HASH, SAFE, TIME, TOKEN_ID, Refused, Token
from evidence.strict import decode, encode, fits, hash_of, parsed, require
from evidence.tags import is_newest, verify_tags

HOUR = 3600
FILE_BYTES, FILE_VALUES = 33_554_432, 1_049_600
FILLED = r'[\s\S]+'
COUNTS = {'prompt_tokens?': COUNT, 'completion_tokens?': COUNT, 'total_tokens?': COUNT}
FILE = {
    'text': str, 'usage': COUNTS, 'prompt?': {'name': NAME, 'version': COUNTER}, 'responder': URN,
    'verified': bool, 'evidence': {
        'root': [FILLED, 1, 256], 'policy': FILLED, 'directory': FILLED, 'tags': [FILLED, 0, 16],
        'envelope': FILLED, 'invocation?': FILLED, 'head': '[A-Za-z0-9_-]*', 'deltas': ['[A-Za-z0-9_-]*', 0, SAFE],
        'fin': FILLED, 'fresh?': [FILLED, 1, 16],
    },
}
PRM = {'id': f'prm_{ID}', 'name': NAME, 'ver': COUNTER, 'chash': HASH}
POL = {'uses': range(1, 1001), 'stream': bool, 'max_output_tokens?': VERSION}
CHAT = {
    'iss': URN, 'aud': URN, 'sub': URN, 'iat': TIME, 'nbf': TIME, 'exp': TIME,
    'jti': f'env_{ID}', 'purpose': r'chat\.invoke', 'req': TOKEN_ID, 'cnf': {'jkt': HASH},
    'pol': {**POL, 'models': [str, 1, 32]},
}
PROMPT = {**CHAT, 'purpose': r'prompt\.invoke', 'prm': PRM, 'whash': HASH, 'pol': POL}
ENVELOPES = {'bulla-envelope+jwt': PROMPT, 'bulla-chat-envelope+jwt': CHAT}
FIN = {'bulla-reply-fin+jwt': {
    'iss': URN, 'aud': URN, 'iat': TIME, 'jti': '[A-Za-z0-9_-]{21}[AQgw]',
    'purpose': r'(prompt|chat)\.reply', 'irt': {'jti': f'inv_{ID}', 'rh': HASH, 'ih': HASH}, 'env': HASH, 'prm?': PRM,
    'dir': {'ver': VERSION, 'hash': HASH}, 'head': HASH, 'n': range(2**20 + 1), 'bytes': COUNT, 'sha256': HASH,
    'finish': 'stop|length|tool_calls|error', 'model': r'[\s\S]{1,256}', 'usage': COUNTS, 'act?': TOKEN_ID,
    'err?': {'code': str, 'cause?': str, 'host?': str, 'status?': range(100, 600)},
    'checkpoint?': NOTE,
}}
HEAD = {
    'v': range(1, 2), 'iss': URN, 'irt': {'jti': f'inv_{ID}', 'rh': HASH}, 'rn': HASH, 'enc': 'A256GCM',
    'max': range(16384, 16385),
}


def values_in(value):
    """How many JSON values a value is, itself among them."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return 1 + sum(values_in(one) for one in inner)


class Answer:
    """What the steps find, for those after them: a method for each step that takes more than a line."""

    def __init__(self, file, pin, now):
        self.pin, self.now, self.not_looked_for = pin, now, []
        self.file = self.form(file)
        self.shown = self.file['evidence']

    def form(self, file):
        """1. answer-form."""
        try:
            raw = file.encode()
            require(len(raw) <= FILE_BYTES + 1, 'payload_too_large')
            require(raw.endswith(b'\n'))
            value = parsed(raw[:-1])
            require(values_in(value) - 1 <= FILE_VALUES)
            require(fits(value, FILE))
            return value
        except UnicodeEncodeError:
            raise Refused('token_malformed', 'answer-form') from None
        except Refused as refused:
            raise Refused(refused.code, 'answer-form') from None

    def verify(self):
        """Steps 2 to 14; what fails without a check of its own is told by the name of its step."""
        steps = {
            'trust': self.trust_is_pinned,
            'document-signatures': lambda: self.trust.check_all_signatures(),
            'signatures': self.read_signed,
            'envelope': self.envelope_holds,
            'deltas': self.read_deltas,
            'reply': self.reply_holds,
            'checkpoint': self.checkpoint_holds,
            'policy': self.policy_counts,
            'asker': self.asker_may,
            'version': self.version_counts,
            'tags': self.tags_suffice,
            'question': self.question_holds,
            'text': self.front_is_true,
        }
        for name, step in steps.items():
            try:
                step()
            except Refused as refused:
                raise Refused(refused.code, refused.check or name) from None

    def trust_is_pinned(self):
        """2. trust: a key that is none and a version that does not fit mean here that the file was changed."""
        codes = {'key_invalid': 'token_malformed', 'trust_rollback': 'envelope_tampered'}
        documents = (self.shown[name] for name in ('root', 'policy', 'directory'))
        try:
            self.trust = Trust(*documents, self.pin, self.now, is_evidence=True)
        except Refused as refused:
            raise Refused(codes.get(refused.code, refused.code), refused.check) from None

    def read_deltas(self):
        """6. deltas."""
        self.deltas = [decode(delta) for delta in self.shown['deltas']]

    def policy_counts(self):
        """8. policy."""
        is_in_time = self.trust.policy.expires + 60 > self.envelope['iat']
        require(is_in_time, 'trust_expired', 'policy-expired')

    def read_signed(self):
        """4. signatures: a key that is not listed is told where it is looked up."""
        self.envelope = Token(self.shown['envelope'], ENVELOPES, 16384)
        self.fin = Token(self.shown['fin'], FIN, 8192)
        self.is_chat = self.envelope.typ == 'bulla-chat-envelope+jwt'
        require(('err' in self.fin.claims) == (self.fin['finish'] == 'error'))
        require(('prm' in self.fin.claims) == (self.fin['purpose'] == 'prompt.reply'))
        for name, token in (('envelope', self.envelope), ('reply', self.fin)):
            is_good = token.kid not in self.trust.keys or self.trust.is_signed(token)
            require(is_good, 'signature_invalid', f'{name}-signature')

    def envelope_holds(self):
        """5. envelope: steps 2 to 9 of envelope.md, with the audience that it names."""
        envelope, trust = self.envelope, self.trust
        moment = min(envelope['exp'], self.fin['iat'])
        urn, entity, _ = trust.key(envelope.kid, 'envelope', moment, 'envelope-key', 300)
        is_vault = envelope['iss'] == urn and entity['kind'] == 'vault'
        require(is_vault, 'envelope_tampered', 'envelope-issuer')
        is_here = trust.is_urn(envelope['aud']) and trust.is_urn(envelope['sub'])
        require(is_here, 'envelope_tampered', 'envelope-organisation')
        is_life = 0 < envelope['exp'] - envelope['iat'] <= 300 and envelope['nbf'] < envelope['exp']
        require(is_life, 'envelope_tampered', 'envelope-life')
        is_begun = max(envelope['iat'], envelope['nbf']) <= moment + 60
        require(is_begun, 'clock_skew', 'envelope-times')
        require(self.fin['iat'] <= envelope['exp'] + HOUR, 'envelope_expired', 'envelope-times')

    def reply_holds(self):
        """7. reply: steps 1 and 5 to 13 of frames.md, and the time of the directory."""
        fin, envelope, trust = self.fin, self.envelope, self.trust
        raw = decode(self.shown['head'])
        require(len(raw) <= 1024, 'payload_too_large')
        head = parsed(raw)
        require(fits(head, HEAD))
        urn, _, key = trust.keys.get(fin.kid, (None, None, {'pur': []}))
        is_its = urn == envelope['aud'] and 'reply' in key['pur']
        require(is_its, 'responder_key_changed', 'reply-key')
        trust.key(fin.kid, 'reply', fin['iat'], 'reply-key')
        self.reply_is_to(head)
        require(fin['head'] == hash_of(raw), 'envelope_tampered', 'reply-head')
        self.transcript_is_signed()
        require(fin['iat'] <= self.now + 60, 'clock_skew', 'reply-time')
        require(fin['iat'] <= key['use_until'] + HOUR + 300, 'key_revoked', 'reply-key-time')
        mine = {'ver': trust.directory['version'], 'hash': trust.directory.hash}
        require(fin['dir'] == mine, 'envelope_tampered', 'reply-directory')
        is_in_life = trust.directory.issued - 60 <= fin['iat'] <= trust.directory.expires + HOUR
        require(is_in_life, 'envelope_tampered', 'reply-time')

    def checkpoint_holds(self):
        """7. checkpoint: step 14 of frames.md."""
        if 'checkpoint' in self.fin.claims:
            verify_checkpoint(self.fin['checkpoint'], self.fin['iss'], self.trust)
        elif tells_heads(self.trust.directory, self.fin['iss'], self.trust.revoked):
            self.not_looked_for.append('checkpoint')

    def reply_is_to(self, head):
        """Steps 8 to 10 of frames.md."""
        fin, envelope = self.fin, self.envelope
        question = self.shown.get('invocation')
        mine, theirs = fin.claims.get('prm', {}), envelope.claims.get('prm', {})
        purpose = envelope['purpose'].replace('invoke', 'reply')
        checks = [
            ('reply-issuer', fin['iss'] == head['iss'] == envelope['aud']),
            ('reply-audience', fin['aud'] == envelope['sub']),
            ('reply-purpose', fin['purpose'] == purpose),
            ('reply-question-id', fin['irt']['jti'] == head['irt']['jti']),
            ('reply-question-sealed', fin['irt']['rh'] == head['irt']['rh']),
            ('reply-question-signed', question is None or fin['irt']['ih'] == hash_of(question.encode())),
            ('reply-envelope', fin['env'] == envelope.hash),
            ('reply-prompt-id', mine.get('id') == theirs.get('id')),
            ('reply-prompt-name', mine.get('name') == theirs.get('name')),
            ('reply-prompt-version', mine.get('ver') == theirs.get('ver')),
            ('reply-content', mine.get('chash') == theirs.get('chash')),
        ]
        for check, is_right in checks:
            require(is_right, 'envelope_tampered', check)

    def transcript_is_signed(self):
        """Step 11 of frames.md."""
        total = sum(len(delta) + 4 for delta in self.deltas)
        require(len(self.deltas) <= 2**20 and total <= 33_554_432, 'payload_too_large')
        require(self.fin['n'] == len(self.deltas), 'envelope_tampered', 'reply-frame-count')
        count = sum(len(delta) for delta in self.deltas)
        require(self.fin['bytes'] == count, 'envelope_tampered', 'reply-bytes')
        digest = hashlib.sha256()
        for delta in self.deltas:
            digest.update(len(delta).to_bytes(4, 'big') + delta)
        require(self.fin['sha256'] == encode(digest.digest()), 'envelope_tampered', 'reply-transcript')

    def asker_may(self):
        """9. asker."""
        entity = self.trust.directory['entities'].get(self.envelope['sub'])
        require(entity is not None and entity['kind'] == 'device', 'forbidden', 'asker-listed')
        require('invoker' in entity['roles'], 'forbidden', 'asker-role')
        jkt = self.envelope['cnf']['jkt']
        urn, _, _ = self.trust.key(jkt, 'invoke', self.envelope['iat'], 'asker-key', 300)
        require(urn == self.envelope['sub'], 'envelope_tampered', 'asker-key')

    def version_counts(self):
        """10. version."""
        if self.is_chat:
            return
        sub = f"urn:bulla:{self.trust.org}:prompt:{self.fin['prm']['id']}"
        below = [one['below'] for one in self.trust.directory['withdrawn'] if one['sub'] == sub]
        require(all(self.fin['prm']['ver'] >= one for one in below), 'forbidden', 'version-withdrawn')

    def tags_suffice(self):
        """11. tags and 12. newest."""
        self.tags = []
        if self.is_chat:
            require(self.shown['tags'] == [], 'token_malformed', 'tag-count')
            return
        self.tags, good = verify_tags(self.shown['tags'], self.fin['prm'], self.trust, self.fin['iat'])
        if not is_newest(good, self.shown.get('fresh', []), self.trust, self.envelope['iat']):
            self.not_looked_for.append('newest')

    def question_holds(self):
        """13. question: steps 3 to 10 of invocation.md."""
        self.question = None
        if 'invocation' not in self.shown:
            self.not_looked_for.append('question')
            return
        question = self.question = Token(self.shown['invocation'], QUESTION, limit_of(self.envelope)[0])
        require_data_size(question)
        moment = min(self.fin['iat'], question['exp'])
        require(question.kid in self.trust.keys, 'key_unknown', 'invocation-key')
        require(self.trust.is_signed(question), 'signature_invalid', 'invocation-signature')
        self.question_fits(question, moment)
        urn, entity, _ = self.trust.key(question.kid, 'invoke', moment, 'asker-key', 300)
        require(question['iss'] == urn, 'envelope_tampered', 'asker-issuer')
        require('invoker' in entity['roles'], 'forbidden', 'asker-role')
        require(question['jti'] == self.fin['irt']['jti'], 'envelope_tampered', 'invocation-id')
        is_act = question.claims.get('act') == self.fin.claims.get('act')
        require(is_act, 'envelope_tampered', 'reply-act')

    def question_fits(self, question, moment):
        """Steps 5 to 8 of invocation.md."""
        envelope, directory = self.envelope, self.trust.directory
        require_fits(question, envelope, envelope['aud'])
        require(question['iat'] <= moment + 60, 'clock_skew', 'invocation-time')
        version = question['dir']['ver']
        require(version <= directory['version'], 'trust_expired', 'asker-directory')
        is_same = version < directory['version'] or question['dir']['hash'] == directory.hash
        require(is_same, 'envelope_tampered', 'asker-directory')
        require(question.kid == envelope['cnf']['jkt'], 'envelope_tampered', 'asker-key')
        require(question['iss'] == envelope['sub'], 'envelope_tampered', 'asker')

    def front_is_true(self):
        """14. text, usage, prompt and responder."""
        fin, file = self.fin, self.file
        require(file['text'] == text_of(b''.join(self.deltas)), 'envelope_tampered', 'text')
        require(file['usage'] == fin['usage'], 'envelope_tampered', 'usage')
        prompt = None if self.is_chat else {'name': fin['prm']['name'], 'version': fin['prm']['ver']}
        require(file.get('prompt') == prompt, 'envelope_tampered', 'prompt')
        require(file['responder'] == fin['iss'], 'envelope_tampered', 'responder')



def text_of(ndjson):
    """What the choice with index 0 says in every line, joined."""
    try:
        lines = [json.loads(line) for line in ndjson.decode().split('\n') if line]
        firsts = [one for line in lines for one in line.get('choices', []) if one.get('index', 0) == 0]
        pieces = [one.get('delta', {}).get('content') for one in firsts]
        return ''.join(piece for piece in pieces if piece is not None)
    except (ValueError, TypeError, AttributeError):
        raise Refused('envelope_tampered', 'text') from None
