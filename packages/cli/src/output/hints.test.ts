import { BullaError } from '@bulla/client';
import { describe, expect, it } from '@jest/globals';
import { hintOf } from './hints.js';

const stale = (check: string) => new BullaError('label_stale', { message: 'why', origin: 'client', check });

describe('a hint', () => {
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
    [undefined, 'cannot reach http://127.0.0.1:4100; is it running?', 'start it with `bulla up`'],
    [503, 'the vault at http://127.0.0.1:4100 answered 503 to a public document', 'something answers there'],
    [400, 'the answer is not signed; it says: What was sent could not be opened. (open_failed)', 'the listed key file'],
  ])('tells a service that is not there from one that answers: status %s', (status, message, hint) => {
    expect(hintOf(new BullaError('transport_failed', { message, origin: 'client', status }), {})).toContain(hint);
  });
});
