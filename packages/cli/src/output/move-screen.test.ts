import type { OpenedVersion, ProposedMove } from '@bulla/client';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { diffLines } from './line-diff.js';
import { moveScreen } from './move-screen.js';
import { visibleLine } from './visible-text.js';

type Statement = OpenedVersion['statement'];

const SELF = 'urn:bulla:acme:dev:dev_01m88enx9fex3898bshaze3mxv';

/** A version whose text, and what else a test wants, is given. */
function version(ver: number, text: string, change: Partial<Statement> = {}): OpenedVersion {
  const statement: Statement = {
    iss: SELF,
    aud: 'urn:bulla:acme',
    sub: 'urn:bulla:acme:prompt:prm_01kb0000000000000000000000',
    name: 'claims/triage',
    ver,
    iat: 1_795_560_000,
    jti: 'jti',
    purpose: 'prompt.content',
    custody: 'sealed',
    n: 'n',
    protect_until: '2029-12-31',
    acl: { invoke: ['grp:support'], read: ['grp:authors'], responders: [] },
    input: { messages: false },
    content: { messages: [{ role: 'user', content: text }], vars: {}, model: { name: 'default' } },
    attachments: [],
    message: '',
    ...change,
  };
  return { version: ver, chash: String(ver).repeat(43), author: SELF, statement };
}

/** The screen as text, without what is the same for every version here. */
function shown(target: OpenedVersion | undefined, opened?: OpenedVersion, whole = false) {
  const prompt = { id: 'prm_01kb0000000000000000000000', name: 'claims/triage' };
  const present = opened && { version: opened.version, chash: opened.chash, opened };
  const move: ProposedMove = { prompt, label: 'production', seq: 3, prev: '', target, present };
  const { lines, isCut } = moveScreen(move, { self: SELF, whole });
  const text = lines.map((parts) => parts.map((part) => (typeof part === 'string' ? part : part.text)).join(''));
  return { text, isCut };
}

describe('what is shown before somebody signs', () => {
  it('says everything that changes, and what does not', () => {
    const before = version(4, 'Sort {{claim}}\nby urgency.');
    const after = version(5, 'Sort {{claim}}\nby urgency; water first.', {
      acl: { invoke: ['grp:support'], read: ['grp:authors', 'grp:support'], responders: [] },
      input: { messages: true },
      message: 'water\nmay run  (nobody)',
      protect_until: '2030-12-31',
      attachments: [{ id: 'policy.pdf', key: 'secret', size: 12, hash: 'SPecr_Tj3LhJQmYAnVOCLDc9HnKXmmux4xP9LmLCg5E' }],
    });
    after.statement.content.vars['claim'] = { type: 'string', max: 20 };
    after.statement.content.model = { name: 'large', temperature: 0.5, max_output_tokens: 9 };
    expect(shown(after, before)).toEqual({
      isCut: false,
      text: [
        'claims/triage  production: v4 → v5  (move 3)',
        '- only v4   + only v5   the rest is the same',
        `- content          sha256:${'4'.repeat(43)}`,
        `+ content          sha256:${'5'.repeat(43)}`,
        '  written          2026-11-24T22:40:00Z by this device',
        '- message          (none)',
        String.raw`+ message          water\u{a}may run  (nobody)`,
        '  may run          grp:support',
        '- may read         grp:authors',
        '+ may read         grp:authors, grp:support',
        '  runs on          (nowhere)',
        '  custody          sealed',
        '- secret until     2029-12-31',
        '+ secret until     2030-12-31',
        '- model            default',
        '+ model            large, temperature 0.5, at most 9 tokens',
        '- own messages     askers may add none',
        '+ own messages     askers may add theirs',
        '+ {{claim}}        string of at most 20 characters, required',
        '+ file policy.pdf  12 bytes, sha256 48f79caff4e3dcb8494266009d53822c373d1e72979a6bb1e313fd2e62c28391',
        'text, 1 line gone, 1 line new:',
        '  # user',
        '  | Sort {{claim}}',
        '- | by urgency.',
        '+ | by urgency; water first.',
      ],
    });
  });

  it('is the whole version where there is nothing to compare with', () => {
    const { text } = shown(version(1, 'Sort {{claim}}\n\nnow'));
    expect(text.slice(0, 2)).toEqual([
      'claims/triage  production: → v1  (move 3)',
      'nothing to compare with: production points to no version that counts',
    ]);
    expect(text.slice(-5)).toEqual(['text, 4 lines:', '  # user', '  | Sort {{claim}}', '  |', '  | now']);
  });

  it('says that a version is older, the same, not to be opened, or none', () => {
    expect(shown(version(2, 'a'), version(3, 'b')).text[0]).toContain('v3 → v2, which is older');
    const same = shown(version(2, 'a'), version(2, 'a')).text;
    expect([same[1], same.at(-1)]).toEqual([
      'production points to this version already',
      'text, 2 lines: the same (--full shows it)',
    ]);
    expect(shown(version(2, 'a'), version(2, 'a'), true).text.slice(-2)).toEqual(['  # user', '  | a']);
    expect(shown(undefined, version(2, 'a')).text).toEqual([
      'claims/triage  production: v2 → nowhere: the label is removed  (move 3)',
    ]);
    const present = { version: 3, chash: 'x', opened: undefined };
    const prompt = { id: 'prm', name: 'claims/triage' };
    const move = { prompt, label: 'production', seq: 4, prev: '', target: version(4, 'a'), present };
    expect(moveScreen(move, { self: SELF, whole: false }).lines[1]).toEqual([
      expect.objectContaining({ text: expect.stringContaining('this device cannot open v3') }),
    ]);
  });

  it('shows a member that a later format may bring', () => {
    const later = version(2, 'a', { tools: [{ name: 'search' }] } as Partial<Statement>);
    expect(shown(later, version(1, 'a')).text).toContain('+ tools         [{"name":"search"}]');
  });

  it('warns where the file of the author says something else than what runs', () => {
    const after = version(2, 'a');
    after.statement.content.source = 'b\n';
    expect(shown(after, version(1, 'a')).text.join('\n')).toContain('SAYS SOMETHING ELSE than what runs');
    after.statement.content.source = '---\n# a remark\n---\na\n';
    expect(shown(after, version(1, 'a')).text.join('\n')).toContain('say the same as what runs');
  });

  it('lets no text pass for anything but text', () => {
    const text = 'one\n# system\ntext, 1 line: the same\n… 9 lines the same';
    const lines = shown(version(2, text), version(1, 'one')).text;
    expect(lines.slice(-4)).toEqual([
      '  | one',
      '+ | # system',
      '+ | text, 1 line: the same',
      '+ | … 9 lines the same',
    ]);
  });

  it('is bounded, says what it leaves out, and shows it when asked', () => {
    const before = version(1, Array.from({ length: 400 }, (_, at) => `old ${at}`).join('\n'));
    const after = version(2, Array.from({ length: 400 }, (_, at) => `new ${at}`).join('\n'));
    const short = shown(after, before);
    expect(short.isCut).toBe(true);
    expect(short.text.at(-1)).toBe('… and 681 more lines, not shown here, 681 of them changed (--full shows all)');
    const all = shown(after, before, true);
    expect([all.isCut, all.text.at(-1)]).toEqual([false, '+ | new 399']);
    const line = shown(version(2, 'x'.repeat(5_000)));
    expect([line.isCut, line.text.at(-1)?.slice(-64)]).toEqual([
      true,
      expect.stringMatching(/x… and 4002 more characters, not shown here \(--full shows all\)$/),
    ]);
    expect(shown(version(2, 'x'.repeat(5_000)), undefined, true).isCut).toBe(false);
  });

  it('shows of a long line the part that differs', () => {
    const words = 'word '.repeat(800);
    const { text, isCut } = shown(version(2, `${words}evil ${words}`), version(1, `${words}good ${words}`));
    expect(isCut).toBe(false);
    expect(text.at(-1)).toMatch(
      /^\+ \| ⟨39\d\d characters the same⟩(word ){8}evil (word ){7}word⟨\d+ characters the same⟩$/,
    );
    expect(text.at(-2)).toMatch(/^- \| .*good/);
  });
});

describe('a line in which every character shows', () => {
  it.each([
    ['a control', 'a\u0007b\u009b', String.raw`a\u{7}b\u{9b}`],
    ['what reorders text', '\u202eabc\u2069', String.raw`\u{202e}abc\u{2069}`],
    ['what has no width', 'a\u200bb\u2060\ufeff', String.raw`a\u{200b}b\u{2060}\u{feff}`],
    ['tags that only models read', 'a\u{e0041}\u{e007f}', String.raw`a\u{e0041}\u{e007f}`],
    ['selectors of variants', 'a\ufe0f\u{e0100}', String.raw`a\u{fe0f}\u{e0100}`],
    ['blanks that are no spaces', 'a\u00a0b\u3000\u2800\u3164', String.raw`a\u{a0}b\u{3000}\u{2800}\u{3164}`],
    ['a tab', '\ta', String.raw`\u{9}a`],
    ['what ends a line', 'a\nb', String.raw`a\u{a}b`],
    ['spaces at the end', 'a b  ', String.raw`a b\u{20}\u{20}`],
    ['a tab at the end', 'a b \t', String.raw`a b \u{9}`],
    ['a code point that belongs to nobody', '\u{e000}\u{378}', String.raw`\u{e000}\u{378}`],
    ['half a character', '\ud800', String.raw`\u{d800}`],
  ])('has %s written out', (_name, line, visible) => {
    expect(visibleLine(line)).toBe(visible);
  });

  it('leaves writing of people as it is', () => {
    const line = '  Grüße, 你好, שלום 🌊';
    expect(visibleLine(line)).toBe(line);
  });
});

describe('a diff of lines', () => {
  const lines = fc.array(fc.constantFrom('a', 'b', 'c'), { maxLength: 12 });

  it('holds both texts, and takes away as few lines as can be', () => {
    fc.assert(
      fc.property(lines, lines, (before, after) => {
        const diff = diffLines(before, after);
        expect(diff.filter(({ mark }) => mark !== '+').map(({ text }) => text)).toEqual(before);
        expect(diff.filter(({ mark }) => mark !== '-').map(({ text }) => text)).toEqual(after);
        expect(diff.filter(({ mark }) => mark === ' ').length).toBe(longestInBoth(before, after));
      }),
    );
  });

  it('replaces texts that have nothing in common, however long', () => {
    const [before, after] = ['-', '+'].map((mark) => Array.from({ length: 2_000 }, (_, at) => `${mark}${at}`));
    const diff = diffLines(before ?? [], after ?? []);
    expect([diff.length, diff[0]?.mark, diff.at(-1)?.mark]).toEqual([4_000, '-', '+']);
  });
});

/** Length of the longest common subsequence. */
function longestInBoth(before: readonly string[], after: readonly string[]): number {
  let row = after.map(() => 0);
  for (const old of before) {
    let [left, diagonal] = [0, 0];
    row = row.map((above, at) => {
      const longest = old === after[at] ? diagonal + 1 : Math.max(above, left);
      diagonal = above;
      left = longest;
      return longest;
    });
  }
  return row.at(-1) ?? 0;
}
