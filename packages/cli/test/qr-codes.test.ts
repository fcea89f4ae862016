import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import jsqr from 'jsqr';
import { World } from './world.js';

/** Pixels of a module: a reader needs more than one. */
const SCALE = 4;
const LIGHT_HALVES: Readonly<Record<string, readonly [boolean, boolean]>> = {
  '█': [true, true],
  '▀': [true, false],
  '▄': [false, true],
  ' ': [false, false],
};

/** Always the same keys: whether this reader finds every code there is, is not what is tried here. */
const PUBLIC_KEYS = `-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEd87T/wfwaHMLfvxfetIH1HCsdTBi
PeHuhRdPWcwBuEEbMdruyKf2b2OwNCuoLETZsygIuR2q2KOAi2Z81K0ckA==
-----END PUBLIC KEY-----
-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAECOHjE7hdK9E63qF1HjeJ9Sbd2duf
rjW/lZJhGWNA1nGZwtlVMhUINY08azXsSCnxUK2fyu5MS67JTrxj79qLyQ==
-----END PUBLIC KEY-----
`;

let world: World;
beforeAll(async () => {
  world = await World.make();
  await world.file('alice.pub.pem', PUBLIC_KEYS);
});
afterAll(() => world.remove());

/** What a camera reads from lines of half blocks, light on dark; null if there is no code. */
function scanned(lines: readonly string[]): string | null {
  const rows = lines.flatMap((line) =>
    [0, 1].map((half) => Array.from(line, (one) => LIGHT_HALVES[one]?.[half] ?? false)),
  );
  const [width, height] = [(rows[0]?.length ?? 0) * SCALE, rows.length * SCALE];
  const pixels = new Uint8ClampedArray(width * height * 4).fill(255);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const isLight = rows[Math.floor(y / SCALE)]?.[Math.floor(x / SCALE)] ?? false;
      pixels.fill(isLight ? 255 : 0, (y * width + x) * 4, (y * width + x) * 4 + 3);
    }
  }
  return jsqr.default(pixels, width, height)?.data ?? null;
}

/** The codes of an output, each in its lines. */
const codesOf = (stdout: string) =>
  [...stdout.matchAll(/(?:^[█▀▄ ]{20,}\n)+/gm)].map(([code]) => code.trimEnd().split('\n'));

describe('bulla keys fingerprint --qr', () => {
  it('prints codes that hold the fingerprints beside them', async () => {
    const { code, stdout, stderr } = await world.bulla(['keys', 'fingerprint', world.path('alice.pub.pem'), '--qr']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const printed = [...stdout.matchAll(/^(?:signing|sealing) {2}([0-9a-f]{4}(?::[0-9a-f]{4}){7})$/gm)];
    expect(printed).toHaveLength(2);
    expect(codesOf(stdout).map(scanned)).toEqual(printed.map(([, hex]) => `bulla-fingerprint:${hex ?? ''}`));
  });

  it('would not pass with a code that cannot be read', async () => {
    const { stdout } = await world.bulla(['keys', 'fingerprint', world.path('alice.pub.pem'), '--qr']);
    const [lines = []] = codesOf(stdout);
    expect(scanned(lines)).not.toBeNull();
    expect(scanned(lines.map((line, row) => (row < 12 ? line.replaceAll('█', ' ') : line)))).toBeNull();
  });

  it('is no part of what is printed without it', async () => {
    const { stdout } = await world.bulla(['keys', 'fingerprint', world.path('alice.pub.pem')]);
    expect(codesOf(stdout)).toEqual([]);
  });
});
