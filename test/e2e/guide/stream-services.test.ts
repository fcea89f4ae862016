import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, it } from '@jest/globals';
import { faultsOf } from './named-command.js';
import { GuidePage } from './guide-page.js';

// The stream as a service: what the unit and the service of the guide start is a command that there is.

const repository = resolve(import.meta.dirname, '../../..');
const read = (path: string): string => readFileSync(join(repository, path), 'utf8');
const FOLDER = { unit: '/var/lib/bulla-stream/siem', service: '/stream/siem' };

it('starts a command that there is, from the unit', async () => {
  const [, command = ''] =
    /^ExecStart=\S+ packages\/cli\/bin\/bulla\.js (.*)$/m.exec(read('deploy/bulla-stream.service')) ?? [];
  expect(command).toContain(`audit stream --to syslog+tls://siem.example:6514`);
  expect(command).toContain(`--state ${FOLDER.unit}`);
  expect(await faultsOf(command.split(' '))).toEqual([]);
});

it('starts a command that there is, from the service beside the others, in a folder that the image has', async () => {
  const yaml = new GuidePage('docs/guide/audit.md').blocks.find(({ language }) => language === 'yaml')?.text ?? '';
  const [, list = ''] = /^ {4}command: \[(.*)\]$/m.exec(yaml) ?? [];
  const args = list.split(', ').map((word) => word.replaceAll('"', ''));
  expect(args.slice(0, 2)).toEqual(['audit', 'stream']);
  expect(args).toContain(FOLDER.service);
  expect(await faultsOf(args)).toEqual([]);
  expect(read('deploy/cli.Dockerfile')).toMatch(/install -d -o bulla -g bulla -m 0700 .*\/stream /);
  const compose = read('deploy/compose.yaml');
  for (const part of [
    '&hardened',
    'image: bulla-cli',
    'BULLA_URL: "http://vault:4100"',
    'network_mode: service:responder',
  ])
    expect(compose).toContain(part);
});
