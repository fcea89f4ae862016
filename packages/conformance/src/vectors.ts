import { readdirSync, readFileSync } from 'node:fs';
import type { Fields, Operation } from './protocol.js';

/** What an operation must end with. */
export type Expected = { readonly ok: Fields } | { readonly refused: string; readonly check?: string };

/** One request and its right answer. */
export interface Vector {
  /** `<file>/<number>`: stays what it is. */
  readonly id: string;
  readonly format: string;
  readonly op: Operation;
  /** Says what is wrong with it, if anything is. */
  readonly name: string;
  readonly input: Fields;
  readonly expected: Expected;
}

/** Something that is to be sealed by one implementation and opened by another. */
export interface Crossing {
  readonly id: string;
  readonly format: string;
  readonly name: string;
  /** What the sealer gets. */
  readonly seal: Fields;
  /** What the opener gets, beside all that the sealer answered. */
  readonly open: Fields;
  /** What the opener must answer. */
  readonly ok: Fields;
}

interface VectorFile {
  readonly format: string;
  /** What cases name as `@name`, so that a key stands once in a file. */
  readonly values: Fields;
  readonly cases: readonly Omit<Vector, 'id' | 'format'>[];
}
interface CrossingFile {
  readonly values: Fields;
  readonly cases: readonly Omit<Crossing, 'id'>[];
}

const FOLDER = new URL('../vectors/', import.meta.url);
const CROSSINGS = 'crossings.json';

/** All vectors of this package. */
export function readVectors(): Vector[] {
  return readdirSync(FOLDER)
    .filter((file) => file.endsWith('.json') && file !== CROSSINGS)
    .toSorted()
    .flatMap((file) => {
      const { format, values, cases } = read(file) as VectorFile;
      return cases.map((one, index) => ({
        ...one,
        id: idOf(file, index),
        format,
        input: withValues(one.input, values),
      }));
    });
}

/** What implementations seal for each other: every sealed format, to every suite. */
export function readCrossings(): Crossing[] {
  const { values, cases } = read(CROSSINGS) as CrossingFile;
  return cases.map((one, index) => ({
    ...one,
    id: idOf(CROSSINGS, index),
    seal: withValues(one.seal, values),
    open: withValues(one.open, values),
  }));
}

function read(file: string): unknown {
  return JSON.parse(readFileSync(new URL(file, FOLDER), 'utf8'));
}

function idOf(file: string, index: number): string {
  return `${file.replace('.json', '')}/${index + 1}`;
}

function withValues(fields: Fields, values: Fields): Fields {
  return Object.fromEntries(
    Object.entries(fields).map(([name, field]) => {
      if (typeof field !== 'string' || !field.startsWith('@')) return [name, field];
      const value = values[field.slice(1)];
      if (value === undefined) throw new Error(`no value is called ${field}`);
      return [name, value];
    }),
  );
}
