"""Whether what was good when it was made still counts: step 15 of docs/spec/evidence.md."""
import hashlib

from evidence.documents import Trust
from evidence.strict import decode, encode, require

CHECK = 'revoked-since'


def known_hashes(directory, hashes):
    """The hash of each directory up to this one, by version; hashes of later ones say nothing."""
    last = directory['version']
    served = dict(enumerate(hashes['hashes'], hashes['from'])) if hashes else {}
    known = {version: one for version, one in served.items() if version < last}
    if hashes:
        chain = bytes(32)
        for version in range(1, last):
            require(version in known, 'trust_rollback', 'directory-chain')
            chain = hashlib.sha256(chain + decode(known[version])).digest()
        is_end = encode(chain) == directory['chain'] and known.get(last - 1) == directory.payload.get('prev')
        require(is_end, 'trust_rollback', 'directory-chain')
    elif last > 1:
        known[last - 1] = directory['prev']
    return {**known, last: directory.hash}


def newer_trust(org, documents, pin, now, hashes=None):
    """What a client verified before, from the same pin on, with the hashes of all directories before if it has them."""
    newer = Trust(**documents, pin=pin, now=now, org=org)
    return newer, known_hashes(newer.directory, hashes)


def require_one_chain(trust, newer, known):
    """Both directories stand in one chain, and so do the roots."""
    mine, theirs = trust.directory, newer.directory
    is_same = known.get(mine['version'], mine.hash) == mine.hash
    require(is_same, 'trust_rollback', CHECK)
    if mine['version'] == theirs['version'] + 1:
        require(mine['prev'] == theirs.hash, 'trust_rollback', CHECK)
    last = min(len(trust.roots), len(newer.roots)) - 1
    require(trust.roots[last].hash == newer.roots[last].hash, 'trust_rollback', CHECK)


def is_dropped(document, stated, newest):
    """Whether the newest root no longer lists enough of the keys that signed a document."""
    role = newest['roles'][document.kind]
    left = document.signers(stated) & set(role['kids'])
    return len(left) < min(stated['roles'][document.kind]['threshold'], role['threshold'])


def verdict_of(answer, newer=None):
    """The verdict beside a newer trust and the hashes it knows, if any; says whether later revocations were seen."""
    trust, later = answer.trust, None
    tokens = [answer.envelope, answer.fin, *answer.tags, *([answer.question] if answer.question else [])]
    kids, is_revoked = {token.kid for token in tokens}, False
    if newer:
        later, known = newer
        require_one_chain(trust, later, known)
        is_revoked = bool(kids & later.revoked)
        if later.directory['version'] >= trust.directory['version']:
            was, is_now = ({kid: key[0] for kid, key in one.keys.items()} for one in (trust, later))
            is_revoked = is_revoked or any(was[kid] != is_now.get(kid) for kid in kids & set(was))
    newest = max([trust.roots, later.roots if later else []], key=len)[-1]
    documents = (trust.policy, trust.directory)
    is_root = any(is_dropped(one, trust.stated_root(one), newest) for one in documents)
    if is_revoked or is_root:
        is_mine = not is_revoked and (later is None or len(trust.roots) > len(later.roots))
        return f"REVOKED SINCE {(newest if is_mine else later.directory)['issued']}"
    if later is None or later.directory['version'] <= trust.directory['version']:
        answer.not_looked_for.append(CHECK)
    return f"VALID as of {trust.directory['issued']}"
