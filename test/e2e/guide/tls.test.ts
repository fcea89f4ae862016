import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect } from '@jest/globals';
import { bulla, startUp } from '../../bulla-command.js';
import { itKeepsTo } from './guide-page.js';

// The authority and the certificate of the page are made as it says, and `bulla up` speaks TLS with them.

const hasOpenssl = spawnSync('openssl', ['version']).status === 0;
const folder = mkdtempSync(join(tmpdir(), 'bulla-guide-tls-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

(hasOpenssl ? describe : describe.skip)('with OpenSSL', () => {
  itKeepsTo({
    path: 'docs/guide/tls.md',
    says: 'makes certificates by which bulla up is found',
    walk: async (page) => {
      await page.run(page.commands, folder, {});
      expect(page.use('ts')).toContain('trustAuthorities(process.env.BULLA_CA_FILE)');
      const tls = {
        BULLA_HOME: join(folder, 'home'),
        BULLA_TLS_CERT_FILE: join(folder, 'tls.pem'),
        BULLA_TLS_KEY_FILE: join(folder, 'tls.key'),
        BULLA_CA_FILE: join(folder, 'ca.pem'),
      };
      const running = await startUp(tls);
      try {
        expect(running.stdout()).toMatch(/bulla: ready {2}vault https:\/\/127\.0\.0\.1:\d+ {2}responder https:/);
        const findings = JSON.parse((await bulla(['doctor', '--json'], tls)).stdout) as { name: string; ok: boolean }[];
        expect(findings).toContainEqual(
          expect.objectContaining({
            name: 'vault certificate',
            ok: true,
            detail: '89 days left, by Acme internal authority',
          }),
        );
      } finally {
        await running.stop();
      }
    },
  });
});
