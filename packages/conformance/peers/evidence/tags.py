"""Tags of a position, and who says that it was the newest, by docs/spec/tag.md, freshness.md and evidence.md."""
import re

from evidence.documents import COUNTER, DAY, ID, NAME, URN, VERSION, WORD
from evidence.strict import HASH, TIME, Refused, Token, hash_of, require, stringify

TAG = {'bulla-tag+jwt': {
    'iss': URN, 'aud': URN, 'sub': URN, 'name': NAME, 'tag': WORD,
    'ver': range(2**31), 'chash': f'({HASH})?', 'seq': COUNTER, 'prev': f'({HASH})?', 'iat': TIME, 'exp': TIME,
    'purpose': r'prompt\.tag',
}}
FRESH = {'bulla-fresh+jwt': {
    'iss': URN, 'aud': URN, 'name': NAME, 'tag': WORD, 'seq': COUNTER, 'pos': HASH,
    'dir': {'ver': VERSION, 'hash': HASH}, 'iat': TIME, 'exp': TIME, 'purpose': r'tag\.fresh',
}}
POSITION = ('name', 'tag', 'seq', 'sub', 'ver', 'chash', 'prev')


def read_tag(token):
    tag = Token(token, TAG, 4096)
    require((tag['ver'] == 0) == (tag['chash'] == '') and (tag['seq'] > 1 or tag['prev'] == ''))
    return tag


def position(tag):
    return [tag[name] for name in POSITION]


def by_prefix(rules, name):
    fitting = [prefix for prefix in rules if prefix == '*' or name.startswith(prefix)]
    best = max(fitting, key=lambda prefix: -1 if prefix == '*' else len(prefix), default=None)
    return rules.get(best, [])


def may_move(entity, tag, policy):
    """Whether an entity may move this label: by its rule, or without one as an author of the name."""
    rule = policy['labels'].get(tag['tag'])
    is_author = rule is not None or 'author' in entity['roles']
    groups = rule['groups'] if rule else by_prefix(policy['authors'], tag['name'])
    return entity['kind'] == 'device' and is_author and bool(set(groups) & set(entity['groups']))


def why_passed_over(tag, trust, moment):
    """Steps 5 to 9 of tag.md for one tag: why it does not count, or nothing."""
    try:
        urn, entity, key = trust.key(tag.kid, 'tag', moment, 'tag-key')
    except Refused as refused:
        return refused.code
    require(trust.is_signed(tag), 'signature_invalid', 'tag-signature')
    require(tag['iss'] == urn, 'envelope_tampered', 'tag-issuer')
    if not may_move(entity, tag, trust.policy):
        return 'forbidden'
    if tag['iat'] > moment + trust.policy['max_skew']:
        return 'later'
    return 'key_revoked' if tag['iat'] > key['use_until'] + 300 else None


def users_of(tags, trust):
    return {trust.keys[tag.kid][1]['user'] for tag in tags}


def threshold_of(tags, trust):
    return trust.policy['labels'].get(tags[0]['tag'], {}).get('threshold', 1)


def verify_tags(tokens, prm, trust, moment):
    """Steps 1 to 13 of tag.md as evidence makes them, and what the tags have to show: gives those that count."""
    require(1 <= len(tokens) <= 16, 'token_malformed', 'tag-count')
    tags = [read_tag(token) for token in tokens]
    whys = []
    for tag in tags:
        require(tag['aud'] == f'urn:bulla:{trust.org}', 'envelope_tampered', 'tag-audience')
        is_prompt = re.fullmatch(f'urn:bulla:{trust.org}:prompt:prm_{ID}', tag['sub'])
        require(is_prompt, 'envelope_tampered', 'tag-prompt')
        require((tag['name'], tag['tag']) == (prm['name'], tags[0]['tag']), 'envelope_tampered', 'tag-name')
        require(0 < tag['exp'] - tag['iat'] <= 365 * DAY, 'token_malformed', 'tag-life')
        whys.append(why_passed_over(tag, trust, moment))
    require(all(position(tag) == position(tags[0]) for tag in tags), 'envelope_tampered', 'tag-equal')
    good = [tag for tag, why in zip(tags, whys) if why is None]
    if len(users_of(good, trust)) < threshold_of(tags, trust):
        require('key_unknown' not in whys, 'key_unknown', 'tag-key')
        raise Refused('forbidden', 'tag-time' if 'later' in whys else 'tag-threshold')
    require(tags[0]['ver'] > 0, 'label_not_found', 'tag-deleted')
    shown = tags[0]
    require(shown['sub'] == f"urn:bulla:{trust.org}:prompt:{prm['id']}", 'envelope_tampered', 'tag-prompt')
    if not (shown['tag'] == 'latest' and shown['ver'] > prm['ver']):
        is_shown = (shown['ver'], shown['chash']) == (prm['ver'], prm['chash'])
        require(is_shown, 'envelope_tampered', 'tag-version')
    return tags, good


def verify_fresh(token, shown, trust, moment):
    """A renewer's word for this position, by steps 1 to 12 of freshness.md."""
    word = Token(token, FRESH, 4096)
    known = {trust.directory['version']: trust.directory.hash}
    if 'prev' in trust.directory.payload:
        known[trust.directory['version'] - 1] = trust.directory['prev']
    version = word['dir']['ver']
    require(version <= trust.directory['version'], 'key_unknown', 'fresh-newer')
    urn, _, key = trust.key(word.kid, 'fresh', moment, 'fresh-key')
    require(trust.is_signed(word), 'signature_invalid', 'fresh-signature')
    require(word['iss'] == urn, 'envelope_tampered', 'fresh-issuer')
    require(word['aud'] == f'urn:bulla:{trust.org}', 'envelope_tampered', 'fresh-audience')
    require(0 < word['exp'] - word['iat'] <= 7 * DAY, 'token_malformed', 'fresh-life')
    require(word['iat'] < key['use_until'], 'key_revoked', 'fresh-key-time')
    require(word['iat'] <= moment + trust.policy['max_skew'], 'clock_skew', 'fresh-issued')
    end = min(word['exp'], word['iat'] + fresh_seconds(trust))
    require(moment < end, 'trust_expired', 'fresh-expiry')
    require(version in known, 'trust_rollback', 'fresh-chain')
    require(known[version] == word['dir']['hash'], 'trust_rollback', 'fresh-fork')
    pos = hash_of(stringify(position(shown)).encode())
    said = (word['name'], word['tag'], word['seq'], word['pos'])
    require(said == (shown['name'], shown['tag'], shown['seq'], pos), 'envelope_tampered', 'fresh-position')


def fresh_seconds(trust):
    return trust.policy.payload.get('fresh_days', 7) * DAY


def is_newest(good, words, trust, moment):
    """Whether the tags themselves or a renewer say that the position was the newest at this moment."""
    lately = [tag for tag in good if moment <= tag['iat'] + fresh_seconds(trust)]
    if len(users_of(lately, trust)) >= threshold_of(good, trust):
        return True
    for word in words:
        try:
            verify_fresh(word, good[0], trust, moment)
            return True
        except Refused:
            continue
    return False
