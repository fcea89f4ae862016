#!/usr/bin/python3
"""Answer files, on python3-cryptography from the pin on, written from docs/spec, answering the conformance kit.

Protocol: one JSON object a line in, one out; see packages/conformance/README.md.
"""
import json
import sys

sys.dont_write_bytecode = True  # the folder that holds this is source

from evidence.answer import Answer
from evidence.since import newer_trust, verdict_of
from evidence.strict import Refused


def verify_evidence(file, pin, now):
    Answer(file, pin, now).verify()
    return {}


def verify_verdict(file, pin, now, newer=None):
    newer = newer_trust(**newer, pin=pin, now=now) if newer else None
    answer = Answer(file, pin, now)
    answer.verify()
    verdict = verdict_of(answer, newer)
    return {'verdict': verdict, 'profile': answer.trust.profile, 'not_looked_for': answer.not_looked_for}


FORMATS = {'evidence': verify_evidence, 'verdict': verify_verdict}


def answer(op, format='', input=None):
    if op == 'hello':
        return {'ok': {'name': 'answer files in Python', 'seal': [], 'open': [], 'verify': list(FORMATS)}}
    if op != 'verify' or format not in FORMATS:
        return {'unsupported': True}
    try:
        return {'ok': FORMATS[format](**input)}
    except Refused as refused:
        return {'refused': refused.code, **({'check': refused.check} if refused.check else {})}
    except Exception as error:
        return {'failed': repr(error)}


for line in sys.stdin:
    request = json.loads(line)
    print(json.dumps({'id': request.pop('id'), **answer(**request)}), flush=True)
