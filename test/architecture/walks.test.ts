import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { prepareHome } from '../bulla-process.js';
import { type MappedFunction, type Trace, trace } from './tracer.js';

const repository = resolve(import.meta.dirname, '../..');
const map = readFileSync(join(repository, 'ARCHITECTURE.md'), 'utf8');
const STEP = /^\d+\. `(?<path>[^`]+)` `(?<name>[^`]+)`/gm;

/** The steps of a walk: what stands under its heading as a numbered list. */
function stepsOf(heading: string): MappedFunction[] {
  const section = map.split(/^## /m).find((part) => part.startsWith(heading)) ?? '';
  return [...section.matchAll(STEP)].map(({ groups }) => ({
    path: groups?.['path'] ?? '',
    name: groups?.['name'] ?? '',
  }));
}

const save = stepsOf('The walk of one save');
const run = stepsOf('The walk of one run');
const labels = (steps: readonly MappedFunction[]): string[] => steps.map(({ path, name }) => `${path} ${name}`);
/** Is there, built, and never entered: the control that a trace does not just repeat what it was asked for. */
const control: MappedFunction = { path: 'packages/client/src/labels/labels.ts', name: 'noSuchFunction' };
const unused: MappedFunction = { path: 'services/vault/src/sharing/sharing.service.ts', name: 'add' };

describe('the walks on the map', () => {
  let folder: string;
  let traced: Trace;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'bulla-walk-'));
    await prepareHome(join(folder, 'home'));
    const script = join(repository, 'test/architecture/walk.mjs');
    traced = await trace(script, [repository, join(folder, 'home')], [...save, ...run, control, unused]);
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it('are long enough to be walks', () => {
    expect(save.length).toBeGreaterThan(15);
    expect(run.length).toBeGreaterThan(20);
  });

  it.each(labels([...save, ...run]))('name a file that is there: %s', (label) => {
    expect(existsSync(join(repository, label.split(' ')[0] ?? ''))).toBe(true);
  });

  it('name functions that are there, and the tracer says so of one that is not', () => {
    expect(traced.missing).toEqual(labels([control]));
  });

  it('pass through the functions of one save in this order', () => {
    expect(firstEntries('begin save', 'begin run', save)).toEqual(labels(save));
  });

  it('pass through the functions of one run in this order', () => {
    expect(firstEntries('begin run', 'end', run)).toEqual(labels(run));
  });

  it('do not pass through a function that neither uses', () => {
    expect(traced.entered).not.toContain(labels([unused])[0]);
  });

  /** The steps in the order in which each was entered first between two marks. */
  function firstEntries(from: string, to: string, steps: readonly MappedFunction[]): string[] {
    const between = traced.entered.slice(traced.entered.indexOf(from), traced.entered.indexOf(to));
    return [...new Set(between)].filter((label) => labels(steps).includes(label));
  }
});
