import { describe, expect, it } from '@jest/globals';
import { obstacle, thisMachine } from '../../scripts/supported-machine.mjs';

const linux = { platform: 'linux', arch: 'x64', nodeVersion: '18.0.0', glibc: true };

describe('supported machine', () => {
  it.each([
    ['Linux on x64 with any Node', linux],
    ['Linux on arm64 with any Node', { ...linux, arch: 'arm64' }],
    ['macOS with Node 24.7', { ...linux, platform: 'darwin', arch: 'arm64', glibc: false, nodeVersion: '24.7.0' }],
    ['macOS with Node 26', { ...linux, platform: 'darwin', arch: 'arm64', glibc: false, nodeVersion: '26.0.0' }],
    ['musl Linux with its own Node 24', { ...linux, glibc: false, nodeVersion: '24.21.0' }],
    ['the machine that runs this test', thisMachine()],
  ])('may be %s', (_name, machine) => expect(obstacle(machine)).toBeUndefined());

  it.each([
    ['macOS with an older Node', { ...linux, platform: 'darwin', nodeVersion: '24.6.9' }, /macOS .* 24\.7 .* 24\.6\.9/],
    ['Windows without WSL 2', { ...linux, platform: 'win32', nodeVersion: '24.21.0' }, /WSL 2/],
    ['musl Linux with an older Node', { ...linux, glibc: false }, /linux-x64 .* 24\.7/],
    ['another processor with an older Node', { ...linux, arch: 'riscv64' }, /linux-riscv64 .* 24\.7/],
  ])('is not %s, and says what is missing', (_name, machine, message) => expect(obstacle(machine)).toMatch(message));
});
