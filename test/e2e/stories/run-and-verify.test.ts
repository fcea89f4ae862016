import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { bulla, type RunningCommand, startUp } from '../../bulla-command.js';
import { succeed } from './second-person.js';

// An answer that anybody can prove, until one byte of it is another.

let folder: string;
let running: RunningCommand;
let settings: Readonly<Record<string, string>>;
let answer: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bulla-s4-'));
  settings = { BULLA_HOME: join(folder, 'home') };
  running = await startUp(settings);
  const [prompt, claim] = [join(folder, 'triage.md'), join(folder, 'claim.txt')];
  await writeFile(prompt, 'Sort this claim by urgency and say why.\n\n{{claim}}\n');
  await writeFile(claim, 'Water is flowing through the ceiling. It is urgent.\n');
  await succeed(['prompt', 'push', 'claims/triage', '-f', prompt, '--label', 'production'], settings);
  answer = join(folder, 'a.json');
  const run = await succeed(['run', 'claims/triage', '--var', `claim=@${claim}`, '--json'], settings);
  await writeFile(answer, run.stdout);
});
afterAll(async () => {
  await running.stop();
  await rm(folder, { recursive: true, force: true });
});

it('says whose answer it is, to which version of which prompt, and that it is good', async () => {
  const { stdout } = await succeed(['verify', answer], settings);
  expect(stdout).toMatch(
    /VALID as of .* responder=urn:bulla:dev:svc:responder:local#[0-9a-f:]+ prompt=claims\/triage@1 model=builtin:extract/,
  );
  expect(stdout).not.toContain('✘');
});

it('is proved to somebody who has nothing but the pin', async () => {
  const pin = (await succeed(['trust', 'pin'], settings)).stdout.trim();
  const stranger = { BULLA_HOME: join(folder, 'stranger') };
  expect((await bulla(['verify', answer], stranger)).status).toBe(2);
  expect((await succeed(['verify', answer, '--pin', pin], stranger)).stdout).toContain('VALID as of');
  const wrong = `sha256:${'0'.repeat(64)}`;
  const refused = await bulla(['verify', answer, '--pin', wrong], stranger);
  expect([refused.status, refused.stderr]).toEqual([10, expect.stringContaining('pin_mismatch')]);
});

it.each([
  ['its text', /"text":"[^"]*?[a-z][^"]{3}/, 'envelope_tampered, check text'],
  ['the signature under it', /"fin":"[^"]+\.([\w-]{8})/, 'signature_invalid, check reply-signature'],
  ['the envelope', /"envelope":"[^"]+\.[^"]+\.([\w-]{8})/, 'signature_invalid, check envelope'],
  ['the tag of the label', /"tags":\["[^"]+\.[^"]+\.([\w-]{8})/, 'signature_invalid, check tag'],
])('is refused with one byte of %s flipped', async (_name, at, found) => {
  const file = await readFile(answer);
  const match = at.exec(file.toString('latin1'));
  const place = (match?.index ?? 0) + (match?.[0].length ?? 0) - 4;
  expect(place).toBeGreaterThan(0);
  file[place] = flipWithinBase64url(file[place] ?? 0);
  const changed = join(folder, 'changed.json');
  await writeFile(changed, file);
  const { status, stdout, stderr } = await bulla(['verify', changed], settings);
  expect([status, stdout.includes('VALID')]).toEqual([10, false]);
  expect(stderr).toContain(found);
});

/** A letter with one bit flipped that is a letter of base64url again: its file is still one. */
function flipWithinBase64url(letter: number): number {
  const flipped = [1, 2, 4, 8, 64].map((bit) => letter ^ bit);
  const found = flipped.find((one) => /[\w-]/.test(String.fromCharCode(one)));
  if (found === undefined) throw new Error('no such letter');
  return found;
}
