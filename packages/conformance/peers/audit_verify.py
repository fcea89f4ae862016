#!/usr/bin/env python3
"""Verifies a whole audit log that lies in a folder as C2SP tlog-tiles has it, from docs/spec/audit-log.md alone.

    python3 audit_verify.py FOLDER --key VKEY [--older CHECKPOINT_FILE]... [--pruned N] [--witness VKEY]... [--quorum N]

Prints "ok N entries" and ends with 0, or says what is wrong and at which entry, and ends with 1. It hashes all entries
from the bottom up, and needs about 100 bytes of memory for each. Of bundles whose entries are all below N, the first index
that the log keeps by its own entry log.prune, it takes the hashes where the entries are gone.
"""
import argparse
import base64
import hashlib
import pathlib
import sys

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


class Refused(Exception):
    """What is wrong with a log, in words."""


def refuse(what):
    raise Refused(what)


def sha256(data):
    return hashlib.sha256(data).digest()


def is_signed(note, key, kind):
    """Whether a key signed a note: the text itself (1, C2SP signed-note), or a time and the text (4, tlog-cosignature)."""
    name, _, encoded = key.split('+', 2)
    kind_and_key = base64.b64decode(encoded, validate=True)
    key_id = sha256(name.encode() + b'\n' + kind_and_key)[:4]
    if kind_and_key[0] != kind or key_id.hex() != key.split('+')[1]:
        refuse('the key is not an Ed25519 key of its name')
    text, _, signatures = note.rpartition('\n\n')
    text += '\n'
    signed = False
    for line in signatures.splitlines():
        dash, signer, signature = line.split(' ')
        raw = base64.b64decode(signature, validate=True)
        if dash != '—' or signer != name or raw[:4] != key_id:
            continue
        stamp = f'cosignature/v1\ntime {int.from_bytes(raw[4:12], "big")}\n' if kind == 4 else ''
        try:
            public = Ed25519PublicKey.from_public_bytes(kind_and_key[1:])
            public.verify(raw[12 if kind == 4 else 4:], (stamp + text).encode())
            signed = True
        except InvalidSignature:
            refuse('checkpoint: the signature is not good')
    return signed


def tree_head(note, key):
    """Size and root of a checkpoint that the log signed (C2SP tlog-checkpoint)."""
    origin, size, root = note.split('\n')[:3]
    if not is_signed(note, key, 1) or origin != key.split('+')[0]:
        refuse('checkpoint: the log did not sign it')
    return int(size), base64.b64decode(root, validate=True)


def witnessed_heads(folder, key, witnesses):
    """The largest head that each witness cosigned, in the checkpoint or beside it."""
    notes = [(folder / 'checkpoint'), *sorted((folder / 'witnessed').glob('*'))]
    heads = {}
    for note in (path.read_text('utf-8') for path in notes):
        for witness in witnesses:
            if is_signed(note, witness, 4):
                heads[witness] = max(heads.get(witness, (0, b'')), tree_head(note, key))
    return heads


def path_of(level, index, width):
    digits = str(index).zfill(-(-len(str(index)) // 3) * 3)
    groups = [digits[at:at + 3] for at in range(0, len(digits), 3)]
    place = '/'.join([*(f'x{group}' for group in groups[:-1]), groups[-1]])
    return f'tile/{level}/{place}' + ('' if width == 256 else f'.p/{width}')


def read_tile(folder, level, index, width):
    """A tile that is not full may have been deleted once the full one is there."""
    for path in (path_of(level, index, width), path_of(level, index, 256)):
        if (folder / path).is_file():
            whole = (folder / path).read_bytes()
            return whole if path_of(level, index, width) == path else first_of(whole, level, width)
    each = 256 ** (0 if level == 'entries' else level)
    first = index * 256 * each
    return refuse(f'{path_of(level, index, width)} is missing: entries {first} to {first + width * each - 1}')


def first_of(whole, level, width):
    """As many hashes or entries of a full tile."""
    end = 0
    for _ in range(width):
        end += 32 if level != 'entries' else 2 + int.from_bytes(whole[end:end + 2], 'big')
    return whole[:end]


def leaves_of(folder, first, width, pruned):
    """Hashes of the entries of a bundle; the first that is not there, or not right before it, is named at once."""
    if first + 256 <= pruned and not (folder / path_of('entries', first // 256, 256)).is_file():
        tile = read_tile(folder, 0, first // 256, width)
        return [tile[at:at + 32] for at in range(0, width * 32, 32)]
    bundle, at, leaves = read_tile(folder, 'entries', first // 256, width), 0, []
    while len(leaves) < width and at + 2 <= len(bundle):
        end = at + 2 + int.from_bytes(bundle[at:at + 2], 'big')
        if end > len(bundle):
            break
        leaves.append(sha256(b'\x00' + bundle[at + 2:end]))
        at = end
    if len(leaves) < width:
        tile = read_tile(folder, 0, first // 256, width)
        right = (digest == tile[index * 32:index * 32 + 32] for index, digest in enumerate(leaves))
        wrong = next((index for index, good in enumerate(right) if not good), len(leaves))
        refuse(f'entry {first + wrong}: it is not there, or does not have its hash')
    if at < len(bundle):
        refuse(f'entry {first + width - 1}: something follows it')
    return leaves


def root_of(hashes):
    """RFC 6962: nodes over pairs, level by level; a last one without a sibling goes up as it is."""
    while len(hashes) > 1:
        pairs = [sha256(b'\x01' + hashes[at] + hashes[at + 1]) for at in range(0, len(hashes) - 1, 2)]
        hashes = pairs + hashes[len(hashes) - len(hashes) % 2:]
    return hashes[0] if hashes else sha256(b'')


def compare_tiles(folder, leaves):
    """Every tile with what the entries lead to, from the leaves up."""
    row, level = leaves, 0
    while row:
        for index in range(0, -(-len(row) // 256)):
            due = row[index * 256:index * 256 + 256]
            tile = read_tile(folder, level, index, len(due))
            for at, digest in enumerate(due):
                if tile[at * 32:at * 32 + 32] != digest:
                    return level, index * 256 + at
            if len(tile) != len(due) * 32:
                return level, index * 256
        row = [root_of(row[at:at + 256]) for at in range(0, len(row) - 255, 256)]
        level += 1
    return None


def verified_leaves(folder, size, root, pruned=0):
    """Hashes of all entries, which lead to every tile and to the root."""
    leaves = []
    while len(leaves) < size:
        first, width = len(leaves), min(256, size - len(leaves))
        leaves.extend(leaves_of(folder, first, width, pruned))
    wrong = compare_tiles(folder, leaves)
    entries_are_good = root_of(leaves) == root
    if wrong is not None:
        level, index = wrong
        first, last = index * 256 ** level, (index + 1) * 256 ** level - 1
        if level == 0 and not entries_are_good:
            refuse(f'entry {index}: it does not have its hash')
        refuse(f'tile of entries {first // 256 * 256} to {min(last // 256 * 256 + 255, size - 1)}: a hash was changed')
    if not entries_are_good:
        refuse('root: the entries do not lead to the root of the checkpoint')
    return leaves


def verify():
    parser = argparse.ArgumentParser()
    parser.add_argument('folder', type=pathlib.Path)
    parser.add_argument('--key', required=True)
    parser.add_argument('--older', action='append', default=[], type=pathlib.Path)
    parser.add_argument('--pruned', default=0, type=int)
    parser.add_argument('--witness', action='append', default=[])
    parser.add_argument('--quorum', type=int, default=0)
    given = parser.parse_args()
    size, root = tree_head((given.folder / 'checkpoint').read_text('utf-8'), given.key)
    seen = witnessed_heads(given.folder, given.key, given.witness)
    if len(seen) < given.quorum:
        refuse(f'quorum: {len(seen)} of {given.quorum} witnesses')
    older = [*(tree_head(file.read_text('utf-8'), given.key) for file in given.older), *seen.values()]
    for older_size, older_root in older:
        if older_size > size:
            refuse(f'rollback: the log has {size} entries now and had {older_size} before')
        if older_size == size and older_root != root:
            refuse(f'fork: the log has two trees of {size} entries')
    leaves = verified_leaves(given.folder, size, root, given.pruned)
    for older_size, older_root in older:
        if root_of(leaves[:older_size]) != older_root:
            refuse(f'fork: the log does not begin with the {older_size} entries that it had')
    sizes = sorted((head[0] for head in seen.values()), reverse=True)
    witnessed = f', witnessed to {sizes[given.quorum - 1]}' if given.quorum else ''
    print(f'ok {size} entries{witnessed}')


if __name__ == '__main__':
    try:
        verify()
    except Refused as refused:
        print(f'refused: {refused}')
        sys.exit(1)
