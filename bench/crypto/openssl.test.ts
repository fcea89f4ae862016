import { describe, expect, it } from '@jest/globals';
import { bytesPerSecondOf, rsaSpeedsOf, secondsOf, type Speeds } from './openssl.js';

describe('what openssl speed says about RSA', () => {
  it.each([
    [
      'operations a second',
      '+F2:2:2048:2350.5:38282.6:30282.6:1935.2\n+F9:2:10.1:39691.8:2185.7\n',
      { sign: 2350.5, verify: 38282.6, encrypt: 30282.6, decrypt: 1935.2 },
    ],
    [
      'the seconds of one, of two operations',
      '+DTP:2048:private:rsa:1\n+F2:2:2048:0.000250:0.000020\n',
      { sign: 4000, verify: 50_000, encrypt: 50_000, decrypt: 4000 },
    ],
  ])('may be %s', (_name, text, speeds) => {
    const found = rsaSpeedsOf(text);
    for (const [name, value] of Object.entries(speeds)) expect(found).toHaveProperty(name, expect.closeTo(value));
  });

  it('is refused when it is about another key', () => {
    expect(() => rsaSpeedsOf('+F2:3:3072:1300.0:50000.0:40000.0:1200.0\n')).toThrow('RSA-2048');
  });
});

describe('what openssl speed says about a cipher', () => {
  it('is bytes a second', () => {
    expect(bytesPerSecondOf('+H:1024\n+F:25:AES-256-GCM:2800360106.67\n')).toBeCloseTo(2_800_360_106.67);
  });

  it('is refused when there is nothing', () => {
    expect(() => bytesPerSecondOf('+H:1024\n')).toThrow('cipher or digest');
  });
});

describe('the sum of the primitives', () => {
  const speeds: Speeds = {
    sign: 4,
    verify: 40,
    encrypt: 50,
    decrypt: 5,
    gcm: new Map([
      [1024, 1024],
      [16_384, 32_768],
    ]),
    sha256: new Map([[1024, 2048]]),
  };

  it.each([
    ['one after the other', { sign: 1, encrypt: 1 }, 0.25 + 0.02],
    ['each as often as it is done', { verify: 3, decrypt: 2 }, 0.075 + 0.4],
    ['bulk by the piece that is not larger', { gcm: 20_000 }, 20_000 / 32_768],
    ['bulk below the smallest piece', { gcm: 512, sha256: 512 }, 0.5 + 0.25],
    ['nothing', {}, 0],
  ])('counts %s', (_name, work, seconds) => expect(secondsOf(work, speeds)).toBeCloseTo(seconds));
});
