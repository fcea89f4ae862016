import type { AddressInfo } from 'node:net';
import { createServer } from 'node:tls';
import { testCertificate } from '@bulla/testkit';
import { describe, expect, it } from '@jest/globals';
import { inspectCertificate } from './certificate-inspection.js';

const nowMs = Date.now();

describe('the certificate of a service', () => {
  it('that nobody here trusts is named as that, with what mends it', async () => {
    const server = createServer(testCertificate('here'));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const found = await inspectCertificate('vault', `https://127.0.0.1:${port}`, { nowMs });
    server.close();
    expect(found).toMatchObject({ name: 'vault certificate', ok: false, detail: expect.any(String) });
    expect(await inspectCertificate('vault', `https://127.0.0.1:${port}`, { nowMs })).toBeUndefined();
  });

  it('is not asked for at an address without TLS', async () => {
    expect(await inspectCertificate('vault', 'http://127.0.0.1:1', { nowMs })).toBeUndefined();
  });
});
