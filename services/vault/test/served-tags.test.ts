import { expect, it } from '@jest/globals';
import { parseTag } from '@bulla/crypto';
import { DAY, makeSigners, NOW, tagBy } from '../../../packages/crypto/test/tags.js';
import { servedTags } from '../src/prompts/served-tags.js';

it('of a person are the newest whose key signed in time, before a newer one of a key that signed no more [guard: served-key-time]', async () => {
  const { acme, laptop } = await makeSigners();
  const from = NOW - 2 * DAY;
  const trust = await acme.publish((draft) => {
    for (const key of draft.entities[laptop.urn]?.keys ?? []) Object.assign(key, { nbf: from - DAY, use_until: from });
  });
  const tags = await Promise.all([tagBy(laptop, { iat: NOW }), tagBy(acme.author, { iat: NOW - DAY })]);
  const rows = tags.map((token) => {
    const { header, claims } = parseTag(token);
    const { iss: device_urn, name, tag: label, seq, iat, exp } = claims;
    const times = {
      created_at: new Date(iat * 1000),
      issued_at: new Date(iat * 1000),
      expires_at: new Date(exp * 1000),
    };
    return { org: 'acme', name, label, seq, sha256: '', device_urn, kid: header.kid, token, ...times };
  });
  expect(servedTags(trust, rows, NOW)).toEqual({ tokens: [tags[1]], freshUntil: NOW - DAY + trust.freshSeconds });
});
