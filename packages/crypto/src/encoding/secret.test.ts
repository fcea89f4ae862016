import { inspect } from 'node:util';
import { expect, it } from '@jest/globals';
import { Secret } from './secret.js';

const KEY = [222, 173, 190, 239];
const secret = () => new Secret(Uint8Array.from(KEY));

it.each<[string, (value: Secret) => string]>([
  ['JSON', (value) => JSON.stringify({ value })],
  ['a template', (value) => `the key is ${String(value)}`],
  ['an inspector', (value) => inspect({ value }, { showHidden: true, depth: 9 })],
  ['a spread', (value) => JSON.stringify(Object.assign({}, value))],
  ['its members', (value) => JSON.stringify(Reflect.ownKeys(value))],
])('does not print in %s', (_name, print) => {
  const text = print(secret());
  expect(text).not.toMatch(/222|173|deadbeef|3q2-7w/i);
});

it('says that it is one', () => {
  expect(JSON.stringify([secret(), String(secret())])).toBe('["[secret]","[secret]"]');
});

it('gives the bytes to those who ask', () => {
  expect([...secret().reveal()]).toEqual(KEY);
});

it('overwrites the bytes it was given', () => {
  const bytes = Uint8Array.from(KEY);
  new Secret(bytes).wipe();
  expect([...bytes]).toEqual([0, 0, 0, 0]);
});
