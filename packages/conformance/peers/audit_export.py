#!/usr/bin/env python3
"""Verifies numbered logs in exports from the pin of the organisation on, from docs/spec/audit-log.md: what it says of
several logs of a service. Documents are verified as answer files have them, single logs by audit_verify.py.

    python3 audit_export.py --pin PIN --now SECONDS FOLDER...

Writes one line of JSON for each folder: `valid`; of each log that is shown or named, by service and number, its `origin`,
how many of its entries count, and what is `refused` about it; and `older`, services of which a newer log is known. What
acts there are it does not know, and it looks at nothing that shows who asked, or that others saw before.
"""
import argparse
import base64
import hashlib
import json
import pathlib
import re
import sys
from datetime import datetime

sys.dont_write_bytecode = True  # the folder that holds this is source

import audit_verify
from evidence.documents import ORG, Trust
from evidence.strict import Refused, decode, encode, fits, require

NUMBER = '[1-9][0-9]{0,8}'
HEAD = {'origin': r'[!-~]{1,256}', 'size': range(2**53), 'root': '[A-Za-z0-9_-]{43}'}
NOTE = {**HEAD, 'line': '\u2014 [!-~]{1,256} [A-Za-z0-9+/]{91}='}
BEFORE = [{'log': range(1, 10**9), 'note': lambda value: value is None or fits(value, NOTE)}, 0, 80]
ENTRY = {
    'v': range(1, 2), 'id': 'aud_[0-7][0-9a-hjkmnp-tv-z]{25}', 't': str, 'org': ORG, 'act': r'[a-z-]+\.[a-z-]+',
    'res': 'ok|denied|error', 'why?': str, 'who': dict, 'req?': str, 'ev?': str, 'obj': dict, 'rid?': str,
}
LATE_CLOCK = 180


class Name:
    """An origin, taken apart; `pin` is None in the old form."""

    def __init__(self, origin):
        numbered = re.fullmatch(rf'bulla/([0-9a-f]{{16}})/({ORG})/([a-z0-9:-]{{1,128}})/audit/({NUMBER})', origin)
        old = re.fullmatch(rf'(urn:bulla:{ORG}:svc:[a-z0-9:-]{{1,128}})/audit/({NUMBER})', origin)
        require(numbered or old, 'token_malformed', 'bundle-form')
        self.origin = origin
        if numbered:
            self.pin, org, service, number = numbered.groups()
            self.urn, self.number = f'urn:bulla:{org}:svc:{service}', int(number)
        else:
            self.pin, (self.urn, number) = None, old.groups()
            self.number = int(number)


class Export:
    """A folder, with the newest directory first."""

    def __init__(self, folder, pin, now):
        self.folder, self.pin, self.now = folder, pin, now
        index = json.loads((folder / 'bundle.json').read_text('utf-8'))
        self.org = index['org']
        roots = [(folder / f'trust/root-{at}.json').read_text('utf-8') for at in range(1, 1 + self.count('root'))]
        self.trusts = [self.trust(roots, version) for version in range(self.count('directory'), 0, -1)]
        self.logs = []
        for one in index['logs']:
            name = Name(one['origin'])
            require(name.urn == one['urn'] and f'urn:bulla:{self.org}:svc:' in name.urn, check='bundle-form')
            self.logs.append((name, folder / one['path']))

    def count(self, kind):
        return len(list((self.folder / 'trust').glob(f'{kind}-*.json')))

    def trust(self, roots, version):
        directory = (self.folder / f'trust/directory-{version}.json').read_text('utf-8')
        stated = json.loads(decode(json.loads(directory)['payload']))['policy']['version']
        policy = (self.folder / f'trust/policy-{stated}.json').read_text('utf-8')
        is_earlier = version < self.count('directory')
        return Trust(roots, policy, directory, self.pin, self.now, self.org, is_evidence=is_earlier)

    def records(self, urn):
        """The keys of checkpoints of a service, in any directory."""
        listed = (trust.directory['entities'].get(urn, {'keys': []})['keys'] for trust in self.trusts)
        return [key for keys in listed for key in keys if key['pur'] == ['checkpoint']]

    def keys(self, name, own=True):
        """Those that sign this log, or all others of its service, as keys of C2SP signed-note for its name."""
        log = None if name.pin is None else name.number
        right = {key['kid']: key for key in self.records(name.urn) if (key.get('log') == log) == own}
        return [vkey(name.origin, key['jwk']) for key in right.values()]

    def highest(self, urn):
        """The number of the newest log that the newest directory lists a key for."""
        listed = self.trusts[0].directory['entities'].get(urn, {'keys': []})['keys']
        return max((key.get('log', 0) for key in listed), default=0)


def vkey(name, jwk):
    raw = b'\x01' + decode(jwk['x'])
    key_id = hashlib.sha256(name.encode() + b'\n' + raw).digest()[:4]
    return f'{name}+{key_id.hex()}+{base64.b64encode(raw).decode()}'


def is_signed(note, keys):
    """Whether one of these signed; a bad signature in the name of one is refused."""
    try:
        return any([audit_verify.is_signed(note, key, 1) for key in keys])
    except audit_verify.Refused:
        raise Refused('signature_invalid') from None


def require_signed(export, name, note, without_key):
    """A log vouches for a note by a key of its own number. `without_key`: what a key is that nobody lists."""
    if is_signed(note, export.keys(name)):
        return
    require(not is_signed(note, export.keys(name, own=False)), 'log_inconsistent', 'log-key')
    require(without_key == 'told', 'key_unknown')


def require_name(export, name):
    pin = export.trusts[0].roots[0].pin.removeprefix('sha256:')[:16]
    require(name.pin in (None, pin), 'log_inconsistent', 'origin')
    lowest = min((key['log'] for key in export.records(name.urn) if 'log' in key), default=None)
    is_old = name.pin is None and lowest is not None and name.number >= lowest
    require(not is_old, 'log_inconsistent', 'log-key')


def entries_in(folder, size):
    """The entries as they were written; that they are those of the tree is shown before."""
    for first in range(0, size, 256):
        bundle = audit_verify.read_tile(folder, 'entries', first // 256, min(256, size - first))
        while bundle:
            end = 2 + int.from_bytes(bundle[:2], 'big')
            yield bundle[2:end]
            bundle = bundle[end:]


def lower_in(before, name):
    """What entry 0 says of each lower number: None, or its note."""
    if name.pin is None:
        require((before is None) == (name.number == 1) and (before is None or fits(before, HEAD)))
        notes = {} if before is None else {name.number - 1: before}
    else:
        require(fits(before, BEFORE) and [one['log'] for one in before] == list(range(1, name.number)))
        notes = {one['log']: one['note'] for one in before}
    for number, note in notes.items():
        if note is not None:
            own = Name(note['origin'])
            require((own.urn, own.number) == (name.urn, number) and own.pin in (None, name.pin))
    return notes


def read_entries(export, name, folder, size, counts):
    """Each entry that counts is one of this log, at its place. Says what entry 0 says of lower numbers."""
    lower = {}
    for index, text in zip(range(counts), entries_in(folder, size)):
        try:
            entry = json.loads(text.decode())
            require(fits(entry, ENTRY) and entry['org'] == export.org)
            written = datetime.fromisoformat(entry['t'].replace('Z', '+00:00')).timestamp()
            require(written <= export.now + LATE_CLOCK)
            require((entry['act'] == 'log.begin' and entry['res'] == 'ok') == (index == 0))
            if index == 0:
                require(entry['obj'].get('log') == name.number and set(entry['obj']) <= {'log', 'before'})
                lower = lower_in(entry['obj'].get('before'), name)
        except (ValueError, Refused):
            raise Refused('token_malformed', 'entry-form') from None
    return lower


def require_tree(size, root, leaves):
    begins = encode(audit_verify.root_of(leaves[:size])) == root
    require(begins, 'log_inconsistent', 'fork')


def judge_shown(export, name, folder, said):
    """What is found of a log, and what it says of lower numbers if it is good."""
    require_name(export, name)
    note = (folder / 'checkpoint').read_text('utf-8')
    require_signed(export, name, note, 'refused')
    origin, size, root = note.split('\n')[:3]
    require(origin == name.origin, 'token_malformed')
    size = int(size)
    leaves = audit_verify.verified_leaves(folder, size, base64.b64decode(root))
    heads = [one for one in said if one is not None]
    for head in heads:
        if head['size'] <= size:
            require_tree(head['size'], head['root'], leaves)
    counts = 0 if len(heads) < len(said) else min([size, *(head['size'] for head in heads)])
    lower = read_entries(export, name, folder, size, counts)
    for one in lower.values():
        if one is not None and 'line' in one:
            text = f"{one['origin']}\n{one['size']}\n{base64.b64encode(decode(one['root'])).decode()}\n"
            require_signed(export, Name(one['origin']), f"{text}\n{one['line']}\n", 'told')
    found = {'origin': name.origin, 'counts': counts}
    if any(head['size'] > size for head in heads):
        found.update(refused='log_inconsistent', check='lost')
    elif counts < size:
        found.update(refused='log_inconsistent', check='late')
    return found, lower


def judge_service(export, urn):
    """The newest log first, since each says what was signed of those below it."""
    waiting = {name.origin: (name, folder) for name, folder in export.logs if name.urn == urn}
    newest = max(name.number for name, _ in waiting.values())
    known, found = [], []
    while waiting:
        name, folder = waiting.pop(max(waiting, key=lambda origin: waiting[origin][0].number))
        notes = [said[name.number] for said in known if name.number in said]
        # A log of this number and another name is another log.
        said = [note if note is not None and note['origin'] == name.origin else None for note in notes]
        if folder is None:
            found.insert(0, {'origin': name.origin, 'counts': 0, 'refused': 'log_inconsistent', 'check': 'lost'})
            continue
        try:
            verdict, lower = judge_shown(export, name, folder, said)
        except Refused as refused:
            lower = {}
            verdict = {'origin': name.origin, 'refused': refused.code}
            verdict.update({'check': refused.check} if refused.check else {})
        except audit_verify.Refused as refused:
            what = str(refused).split()[0].rstrip(':')
            lower, verdict = {}, {'origin': name.origin, 'refused': 'log_inconsistent', 'check': what}
        found.insert(0, verdict)
        known.append(lower)
        for note in lower.values():
            if note is not None and note['origin'] not in waiting:
                waiting[note['origin']] = (Name(note['origin']), None)
    highest = export.highest(urn)
    older = [{'service': urn, 'newest': newest, 'known': highest}] if highest > newest else []
    return found, older


def judge(folder, pin, now):
    try:
        export, logs, older = Export(folder, pin, now), [], []
        for urn in dict.fromkeys(name.urn for name, _ in export.logs):
            found, newer = judge_service(export, urn)
            logs, older = logs + found, older + newer
    except Refused as refused:
        return {'refused': refused.code, **({'check': refused.check} if refused.check else {})}
    return {'valid': bool(logs) and not any('refused' in one for one in logs), 'logs': logs, 'older': older}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('folders', nargs='+', type=pathlib.Path)
    parser.add_argument('--pin', required=True)
    parser.add_argument('--now', required=True, type=int)
    given = parser.parse_args()
    for folder in given.folders:
        print(json.dumps(judge(folder, given.pin, given.now)), flush=True)


main()
