import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { actorsOf, BROUGHT_ABOUT, fitOf, isChange, refusedActorsOf, ROUTES, routesOf } from '../src/index.js';
import type { ActorType, AuditAct } from '../src/index.js';

const PAGE = readFileSync(new URL('../../../docs/spec/audit-log.md', import.meta.url), 'utf8');
const ACTS = Object.keys(BROUGHT_ABOUT) as AuditAct[];

describe('what brings an act about', () => {
  it('is the route that it bears the name of, and what the page names beside', () => {
    const beside = ACTS.flatMap((act) => {
      const others = routesOf(act).filter((name) => name !== act);
      const unasked = [...actorsOf(act)].filter((actor) => actor === 'service');
      return others.length + unasked.length === 0 ? [] : [{ act, others }];
    });
    expect(beside.length).toBeGreaterThan(10);
    for (const { act, others } of beside) {
      const row = PAGE.split('\n').find((line) => line.startsWith('| ') && line.split('|')[1]?.includes(`\`${act}\``));
      expect([act, row]).toEqual([act, expect.any(String)]);
      for (const name of others) expect(row).toContain(`\`${name}\``);
    }
  });

  it('names every part of a path, and members that the act has', () => {
    for (const act of ACTS)
      for (const name of routesOf(act)) {
        const parts = [...ROUTES[name].path.matchAll(/\{([a-z]+)\}/g)].map(([, part]) => part);
        expect([act, name, Object.keys(fitOf(act, name)?.path ?? {})]).toEqual([act, name, parts]);
      }
    expect(fitOf('prompt.create', 'prompt.delete')).toBeUndefined();
  });
});

describe('who may be named', () => {
  it.each<[AuditAct, readonly ActorType[], readonly ActorType[]]>([
    ['prompt.create', ['device'], ['vault', 'responder', 'gateway', 'device']],
    ['invocation.run', ['gateway', 'device'], ['vault', 'responder', 'gateway', 'device']],
    ['grant.move', ['vault', 'responder', 'gateway', 'device'], ['vault', 'responder', 'gateway', 'device']],
    ['wrap.delete', ['device', 'service'], ['vault', 'responder', 'gateway', 'device']],
    ['enrolment.create', ['enrolment'], ['enrolment']],
    ['organisation.create', ['bootstrap'], []],
    ['organisation.handback', ['documents'], []],
    ['grant.make', ['service'], []],
    ['log.begin', ['service'], []],
  ])('for %s is %j, and %j where it was refused', (act, done, refused) => {
    expect(new Set(actorsOf(act))).toEqual(new Set(done));
    expect(new Set(refusedActorsOf(act))).toEqual(new Set(refused));
  });

  it('is nobody for what is no act', () => {
    const none = 'moon.rise' as AuditAct;
    expect([actorsOf(none).size, refusedActorsOf(none).size]).toEqual([0, 0]);
  });
});

it('changes something, or only reads', () => {
  const of = (act: AuditAct) => isChange(act);
  expect(
    ['prompt.delete', 'wrap.delete', 'invocation.finish', 'audit.erase'].map((act) => of(act as AuditAct)),
  ).toEqual([true, true, true, true]);
  expect(['prompt.list', 'audit.bundle', 'grant.make', 'log.begin'].map((act) => of(act as AuditAct))).toEqual(
    Array(4).fill(false),
  );
});
