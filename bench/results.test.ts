import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { repository } from '../scripts/workspaces.mjs';
import { withSection } from './results.js';

const section = (name: string, body: string) => `<!-- bench:${name} -->\n\n${body}\n\n<!-- /bench:${name} -->\n`;
const load = section('load', '# Load\n\n| a | b |');
const timing = section('timing', '# Timing');

describe('results', () => {
  it('are replaced for one bench and kept for the others', () => {
    expect(withSection(`${load}\n${timing}`, 'load', '# Load\n\nanew\n')).toBe(
      `${section('load', '# Load\n\nanew')}\n${timing}`,
    );
  });

  it('come in one order, whichever was measured first', () => {
    const crypto = section('crypto', '# Crypto');
    expect(withSection(`${load}\n${timing}`, 'crypto', '# Crypto')).toBe(`${load}\n${crypto}\n${timing}`);
    expect(withSection(timing, 'load', '# Load\n\n| a | b |')).toBe(`${load}\n${timing}`);
    expect(withSection('', 'timing', '# Timing')).toBe(timing);
  });

  it('stay the same when the same is kept again', () => {
    expect(withSection(load, 'load', '# Load\n\n| a | b |')).toBe(load);
  });

  it.each([
    ['text that is in no section', `what somebody wrote\n${load}`, 'what somebody wrote'],
    ['a section that does not end', load.replace('/bench:load', 'bench:lost'), 'does not end'],
    ['two sections of one name', load + load, 'in no section'],
  ])('are not overwritten where they have %s', (_name, text, reason) => {
    expect(() => withSection(text, 'timing', '# Timing')).toThrow(reason);
  });

  it('stand in the repository in sections', () => {
    const text = readFileSync(`${repository}/bench/RESULTS.md`, 'utf8');
    expect(text).toContain('<!-- bench:load -->');
    expect(withSection(text, 'load', 'anew')).toContain('anew');
  });
});
