import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from '@jest/globals';
import { findAddresses, plannedUrls, urlHost } from './addresses.js';

const ANY = { BULLA_HOST: '127.0.0.1', BULLA_VAULT_PORT: 0, BULLA_RESPONDER_PORT: 0, BULLA_METRICS_PORT: 0 };

describe('addresses', () => {
  it('are known before anything listens, and each port is another', async () => {
    const { vaultPort, responderPort, metricsPorts, vaultUrl, responderUrl } = await findAddresses(ANY);
    expect(new Set([vaultPort, responderPort, metricsPorts.vault, metricsPorts.responder]).size).toBe(4);
    expect([vaultUrl, responderUrl]).toEqual([`http://127.0.0.1:${vaultPort}`, `http://127.0.0.1:${responderPort}`]);
  });

  it('put the metrics of the responder on the next port', async () => {
    const { metricsPorts } = await findAddresses(ANY);
    const again = await findAddresses({ ...ANY, BULLA_METRICS_PORT: metricsPorts.vault }).catch(() => undefined);
    expect(again?.metricsPorts ?? { vault: metricsPorts.vault, responder: metricsPorts.vault + 1 }).toEqual({
      vault: metricsPorts.vault,
      responder: metricsPorts.vault + 1,
    });
  });

  it('name the port that is in use, and the setting that changes it', async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const { port } = other.address() as AddressInfo;
    await expect(findAddresses({ ...ANY, BULLA_RESPONDER_PORT: port })).rejects.toMatchObject({
      exitCode: 1,
      message: `port ${port} is in use; stop what listens there, or set BULLA_RESPONDER_PORT to another port`,
    });
    const planned = plannedUrls({ ...ANY, BULLA_RESPONDER_PORT: port });
    await expect(planned).resolves.toMatchObject({ responderUrl: `http://127.0.0.1:${port}` });
    await new Promise((resolve) => other.close(resolve));
  });

  it('can be planned without a look at what listens there, with a free port for each 0', async () => {
    const { vaultUrl, responderUrl } = await plannedUrls(ANY);
    expect([vaultUrl, responderUrl]).toEqual(Array(2).fill(expect.stringMatching(/^http:\/\/127\.0\.0\.1:[1-9]\d*$/)));
    expect(vaultUrl).not.toBe(responderUrl);
    const same = plannedUrls({ ...ANY, BULLA_VAULT_PORT: 5001, BULLA_RESPONDER_PORT: 5001 });
    await expect(same).rejects.toMatchObject({ exitCode: 78 });
  });

  it.each([
    [
      'two services on one port',
      { BULLA_VAULT_PORT: 5001, BULLA_RESPONDER_PORT: 5001 },
      'BULLA_RESPONDER_PORT and BULLA_VAULT_PORT both come to port 5001; expected different ports',
    ],
    [
      'the next port of the metrics',
      { BULLA_VAULT_PORT: 5002, BULLA_METRICS_PORT: 5001 },
      'BULLA_METRICS_PORT and BULLA_VAULT_PORT both come to port 5002; expected different ports',
    ],
    [
      'metrics without a next port',
      { BULLA_METRICS_PORT: 65_535 },
      'BULLA_METRICS_PORT: expected at most 65534, since the next port is used too',
    ],
    [
      'an address of another machine',
      { BULLA_HOST: '192.0.2.1' },
      'BULLA_HOST: cannot listen on 192.0.2.1 (EADDRNOTAVAIL); expected an address of this machine',
    ],
  ])('refuse %s as a bad setting', async (_name, wanted, message) => {
    await expect(findAddresses({ ...ANY, ...wanted })).rejects.toMatchObject({ exitCode: 78, message });
  });

  it.each([
    ['0.0.0.0', '127.0.0.1'],
    ['::', '127.0.0.1'],
    ['::1', '[::1]'],
    ['localhost', 'localhost'],
    ['10.0.0.5', '10.0.0.5'],
  ])('listening on %s is reached at %s', (host, name) => expect(urlHost(host)).toBe(name));
});
