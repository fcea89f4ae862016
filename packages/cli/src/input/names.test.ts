import { describe, expect, it } from '@jest/globals';
import {
  requireLabel,
  requireNameAndVersion,
  requireNamedVersion,
  requirePromptName,
  requireVersion,
  shortName,
} from './names.js';

describe('names on the command line', () => {
  it('pass where they are good', () => {
    expect([requirePromptName('claims/triage'), requireLabel('production'), requireVersion('12')]).toEqual([
      'claims/triage',
      'production',
      12,
    ]);
  });

  it.each([
    ['a prompt', () => requirePromptName('../x'), /not the name of a prompt/],
    ['a label', () => requireLabel('a/b'), /not a label/],
    ['a version', () => requireVersion('1.5'), /not a version/],
  ])('are refused where %s is called something else', (_name, read, message) => expect(read).toThrow(message));

  it('take a version as commands print it', () => {
    expect([requireVersion('v12'), requireNamedVersion('a/b'), requireNamedVersion('a/b@production')]).toEqual([
      12,
      { name: 'a/b' },
      { name: 'a/b', label: 'production' },
    ]);
    for (const text of ['a/b@3', 'a/b@v3']) expect(requireNamedVersion(text)).toEqual({ name: 'a/b', version: 3 });
    for (const [text, apart] of [['a/b@v3'], ['a/b@3'], ['a/b', '3'], ['a/b', 'v3']] as const)
      expect(requireNameAndVersion(text, apart)).toEqual({ name: 'a/b', version: 3 });
    expect(requireNameAndVersion('a/b', undefined)).toEqual({ name: 'a/b' });
  });

  it.each([
    ['a label', ['a/b@production', undefined], /a version is wanted/],
    ['a version twice', ['a/b@3', '3'], /named twice/],
    ['nothing behind the @', ['a/b@', undefined], /not a label/],
    ['the first version called v0', ['a/b', 'v0'], /not a version/],
  ] as const)('do not take %s for a version', (_name, [text, apart], message) =>
    expect(() => requireNameAndVersion(text, apart)).toThrow(message),
  );

  it.each([
    ['urn:bulla:dev:dev:dev_01m886qctxfgpsxmq4k1vvc4cy', 'this device'],
    ['urn:bulla:dev:svc:vault', 'vault'],
    ['urn:bulla:dev:svc:responder:local', 'responder local'],
    ['urn:bulla:dev:recovery', 'recovery key'],
    ['something else', 'something else'],
  ])('%s is shown as %s', (urn, shown) => {
    expect(shortName(urn, 'urn:bulla:dev:dev:dev_01m886qctxfgpsxmq4k1vvc4cy')).toBe(shown);
  });

  it('a device is shown with the person whose it is, where they have a name', () => {
    const other = 'urn:bulla:dev:dev:dev_01m88efjraftx8sw5rdg9e5866';
    const by = { self: 'urn:bulla:dev:svc:vault', personOf: (urn: string) => (urn === other ? 'Alice' : undefined) };
    expect(shortName(other, by)).toBe('dev dev_01m88efjraftx8sw5rdg9e5866 (Alice)');
    expect(shortName(other.replace('8sw5', '8sw6'), by)).toBe('dev dev_01m88efjraftx8sw6rdg9e5866');
  });
});
