import { readdirSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { patternOf, readTranscript } from './transcript.js';
import type { Running } from './world.js';
import { World } from './world.js';

const folder = new URL('./scripts/', import.meta.url);
const scripts = readdirSync(folder).filter((name) => name.endsWith('.txt'));

/** What verifying says of the checkpoint that an answer carries. */
const TOLD = /^✔ checkpoint {11}bulla\/[0-9a-f]{16}\/dev\/responder:local\/audit\/1 had \d+ entr(?:y|ies)\n/gm;

let world: World;
let running: Running;
beforeEach(async () => {
  world = await World.make();
  running = await world.up('organisation');
  await world.file('triage.md', 'Sort this claim by urgency and say why.\n\n{{claim}}\n');
  await world.file('better.md', 'Sort this claim by urgency. Water is always urgent.\n\n{{claim}}\n');
  await world.file(
    'chat.md',
    '---\ntype: chat\n# kept, like every byte\nvars: {claim: {max: 100}, locale: {default: en}}\n---\n# system\nYou are careful.\n\n# user\n\n{{claim}} in {{locale}}\n',
  );
  await world.file('wrong.md', '---\nmodle: gpt\n---\nHello\n');
  await world.file('nul.md', 'one\u0000two');
  await world.file('huge.md', 'a'.repeat(8 * 1024 * 1024));
  await world.file('large.md', 'a'.repeat(262_000));
  await world.file('claim.txt', 'Water is flowing through the ceiling. It is urgent.\n');
  const policy = JSON.parse((await world.bulla(['policy', 'show'])).stdout) as Record<string, unknown>;
  const twoOf = (threshold: number) => ({ groups: ['grp:authors'], threshold });
  await world.file('protected.json', JSON.stringify({ ...policy, labels: { audited: twoOf(2) } }));
  await world.file('wrong.json', JSON.stringify({ ...policy, labels: { production: twoOf(17) } }));
  // The author of a policy does not choose its version.
  await world.file('chosen.json', JSON.stringify({ ...policy, version: 99 }));
  await world.file('binary', new Uint8Array([0xff, 0xfe]));
});
afterEach(async () => {
  await running.stop();
  await world.remove();
});

describe('transcripts', () => {
  it.each(scripts)('%s is what the commands print', async (script: string) => {
    const steps = readTranscript(new URL(script, folder), world.folder);
    expect(steps.length).toBeGreaterThan(0);
    let hinted: string[] = [];
    for (const { line, argv: written, stdin, stdout, stderr, code } of steps) {
      const argv = written.flatMap((word) => (word === 'HINTED' ? hinted : [word]));
      const ended = await world.bulla(argv, { stdin });
      const at = `${script}:${line} bulla ${argv.join(' ')}`;
      // Two versions are of one second, or of two; the log of the responder had a checkpoint when it answered, or none yet.
      const [printed, said] = [ended.stdout, ended.stderr].map((text) =>
        text.replaceAll(/^- (written .*)\n\+ written .*$/gm, '  $1').replaceAll(TOLD, ''),
      );
      expect({ at, code: ended.code, stderr: said }).toEqual({
        at,
        code,
        stderr: expect.stringMatching(patternOf(stderr)),
      });
      expect({ at, stdout: printed }).toEqual({ at, stdout: expect.stringMatching(patternOf(stdout)) });
      hinted = /^bulla: hint: .*: bulla (.*)$/m.exec(ended.stderr)?.[1]?.split(' ') ?? [];
    }
  });
});
