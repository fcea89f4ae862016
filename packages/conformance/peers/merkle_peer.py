#!/usr/bin/env python3
"""Proofs of logs in Python's hashlib, by RFC 9162 sections 2.1.3.2 and 2.1.4.2, answering the conformance kit."""
import base64
import hashlib
import json
import sys


class Refused(Exception):
    """Everything that is wrong with a proof has one code."""


def require(right):
    if not right:
        raise Refused


def hash_of(text):
    raw = base64.urlsafe_b64decode(text + '=' * (-len(text) % 4))
    require(len(raw) == 32)
    return raw


def node(left, right):
    return hashlib.sha256(b'\x01' + left + right).digest()


def is_size(value):
    return type(value) is int and value >= 0


def verify_inclusion(leaf, index, head, proof):
    require(is_size(index) and is_size(head['size']) and index < head['size'])
    at, last, root = index, head['size'] - 1, hash_of(leaf)
    for sibling in map(hash_of, proof):
        require(last != 0)
        if at & 1 or at == last:
            root = node(sibling, root)
            while at and not at & 1:
                at, last = at >> 1, last >> 1
        else:
            root = node(root, sibling)
        at, last = at >> 1, last >> 1
    require(last == 0 and root == hash_of(head['root']))
    return {}


def verify_consistency(older, newer, proof):
    require(is_size(older['size']) and is_size(newer['size']) and older['size'] <= newer['size'])
    first, second, path = hash_of(older['root']), hash_of(newer['root']), [hash_of(text) for text in proof]
    if older['size'] in (0, newer['size']):
        require(not path and first == (second if older['size'] else hashlib.sha256().digest()))
        return {}
    require(path)
    if older['size'] & (older['size'] - 1) == 0:
        path.insert(0, first)
    at, last = older['size'] - 1, newer['size'] - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    old = new = path[0]
    for sibling in path[1:]:
        require(last != 0)
        if at & 1 or at == last:
            old, new = node(sibling, old), node(sibling, new)
            while at and not at & 1:
                at, last = at >> 1, last >> 1
        else:
            new = node(new, sibling)
        at, last = at >> 1, last >> 1
    require(last == 0 and old == first and new == second)
    return {}


VERIFY = {'merkle-inclusion': verify_inclusion, 'merkle-consistency': verify_consistency}


def answer(op, format='', input=None):
    if op == 'hello':
        return {'ok': {'name': 'hashlib', 'seal': [], 'open': [], 'verify': list(VERIFY)}}
    if op != 'verify' or format not in VERIFY:
        return {'unsupported': True}
    try:
        return {'ok': VERIFY[format](**input)}
    except Refused:
        return {'refused': 'log_inconsistent'}
    except Exception as error:
        return {'failed': repr(error)}


for line in sys.stdin:
    request = json.loads(line)
    print(json.dumps({'id': request.pop('id'), **answer(**request)}), flush=True)
