import { describe, expect, it } from '@jest/globals';
import { RemoteRootKey } from '../src/managed/root-key/remote-root-key.js';

/** A provider that gives back what it is given, whatever key it is: nothing but the check value tells it from another. */
class OpenHanded extends RemoteRootKey {
  readonly name = 'openbao';
  readonly kid = 'root:openbao:open';
  readonly standIn = undefined;
  asked = 0;

  override async wrap(kek: Uint8Array): Promise<string> {
    this.asked += 1;
    return Buffer.from(kek).toString('hex');
  }

  override async unwrap(wrapped: string): Promise<Uint8Array> {
    return new Uint8Array(Buffer.from(wrapped, 'hex'));
  }

  override async close(): Promise<void> {}
}

describe('a root key that is elsewhere', () => {
  it('is known by the bytes that it gives back, and by nothing less [guard: remote-check]', async () => {
    const key = new OpenHanded();
    const value = await key.makeCheck();
    const [wrapped = '', hash = ''] = value.split(' ');
    expect(await key.verifyCheck(value)).toBe(true);
    for (const other of [
      `${'00'.repeat(32)} ${hash}`,
      `${wrapped.slice(2)} ${hash}`,
      `${wrapped} ${hash.slice(0, -4)}`,
      wrapped,
      '',
    ])
      expect(await key.verifyCheck(other)).toBe(false);
  });

  it('is not asked anew by everybody who asks whether it is there', async () => {
    const key = new OpenHanded();
    for (let times = 0; times < 5; times++) await key.health();
    expect(key.asked).toBe(1);
  });
});
