import { BullaError } from '@bulla/client';
import { describe, expect, it } from '@jest/globals';
import { hintOf } from './hints.js';

const stale = (check: string) => new BullaError('label_stale', { message: 'why', origin: 'client', check });

describe('a hint', () => {
  it('is left out where the error itself says what to do, and holds the key that was met', () => {
    const adopt = { kind: 'adopt', name: 'a/b', label: 'production' } as const;
    expect(
      hintOf(new BullaError('trust_rollback', { message: 'why', origin: 'client', details: adopt }), {}),
    ).toBeUndefined();
    const key = { kind: 'key', fingerprint: '0000:1111' } as const;
    const changed = new BullaError('responder_key_changed', { message: 'why', origin: 'client', details: key });
    expect(hintOf(changed, {})).toContain('bulla trust accept responder --fingerprint 0000:1111');
  });

  it('names the command where nobody proves which version came before', () => {
    expect(hintOf(stale('label-history'), { subject: 'claims/triage', label: 'production' })).toBe(
      'name the version: `bulla prompt history claims/triage` lists them, then: bulla prompt promote claims/triage VERSION --label production',
    );
    expect(hintOf(stale('tag-sequence'), { subject: 'claims/triage' })).toContain('look again');
  });

  it.each(['directory-fresh', 'tag-fresh'])('names the renewer where nobody says what is the newest: %s', (check) => {
    const error = new BullaError('trust_expired', { message: 'why', origin: 'client', check });
    expect(hintOf(error, {})).toContain('the renewer has been quiet');
  });

  it.each([
    [undefined, undefined, 'start it with `bulla up`'],
    [503, undefined, 'something answers there'],
    [503, { kind: 'unsigned', code: 'overloaded' }, 'something answers there'],
    [400, { kind: 'unsigned', code: 'open_failed' }, 'the listed key file'],
  ] as const)('tells a service that is not there from one that answers: status %s', (status, details, hint) => {
    const error = new BullaError('transport_failed', { message: 'why', origin: 'client', status, details });
    expect(hintOf(error, {})).toContain(hint);
  });
});
