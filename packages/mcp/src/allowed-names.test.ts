import { describe, expect, it } from '@jest/globals';
import { AllowedNames } from './allowed-names.js';

describe('allowed names', () => {
  const allowed = new AllowedNames(['letters/answer', 'claims/*']);

  it.each([
    ['letters/answer', true],
    ['claims/triage', true],
    ['claims/late/triage', true],
    ['letters/answer2', false],
    ['letters', false],
    ['claims', false],
    ['claimsx/triage', false],
    ['', false],
  ])('%s: %s', (name, expected) => {
    expect(allowed.has(name)).toBe(expected);
  });

  it('are said in words, and found below their beginnings', () => {
    expect(allowed.inWords).toBe('letters/answer, claims/*');
    expect(allowed.prefixes).toEqual(['letters/answer', 'claims/']);
  });

  it('are some [guard: mcp-allow-given]', () => {
    expect(() => new AllowedNames([])).toThrow('no name is allowed');
  });

  it.each(['*', '/*', 'claims/', 'Claims', '**/x', 'claims/*/x', ' '])('are not %j', (rule) => {
    expect(() => new AllowedNames([rule])).toThrow('a rule is the name');
  });

  it('are names or folders [guard: mcp-allow-form]', () => {
    expect(() => new AllowedNames(['claims/**'])).toThrow('a rule is the name');
  });
});
