import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { openapiDocument } from '../route/openapi.js';
import { OpenapiContract } from './openapi.js';

const contract = new OpenapiContract(openapiDocument('vault', '1'));
const json = { 'content-type': 'application/json; charset=utf-8' };
const problem = { 'content-type': 'application/problem+json; charset=utf-8' };
const notFound = {
  type: 'urn:bulla:problem:not_found',
  title: 'x',
  status: 404,
  code: 'not_found',
  request_id: 'r',
  origin: 'vault',
  retryable: false,
};

describe('an answer that fits the document', () => {
  it.each([
    ['a body', 'GET', '/api/v1/prompts?limit=1', 200, json, { data: [], next_cursor: null }],
    ['no body', 'DELETE', '/api/v1/prompts/prm_x', 204, {}, undefined],
    ['a problem', 'GET', '/api/v1/prompts/by-name?name=a', 404, problem, notFound],
    ['a problem where there is no path', 'GET', '/api/v1/runs', 404, problem, notFound],
  ])('passes with %s', (_name, method, path, status, headers, body) => {
    expect(() => contract.check(method, path, { status, headers, body })).not.toThrow();
  });
});

describe('an answer that does not fit the document', () => {
  it.each([
    [
      'a member too many',
      'GET',
      '/api/v1/prompts',
      200,
      json,
      { data: [], next_cursor: null, x: 1 },
      /additional properties/,
    ],
    ['a member of another type', 'GET', '/api/v1/prompts', 200, json, { data: [], next_cursor: 7 }, /next_cursor/],
    ['a status that it does not have', 'GET', '/api/v1/prompts', 299, json, {}, /which the document does not have/],
    ['another media type', 'GET', '/api/v1/prompts', 200, { 'content-type': 'text/plain' }, 'x', /as "text\/plain"/],
    ['no media type', 'GET', '/api/v1/prompts', 200, {}, 'x', /as ""/],
    ['a body where there is none', 'DELETE', '/api/v1/prompts/prm_x', 204, json, {}, /with a body/],
    ['no problem where there is no path', 'GET', '/api/v1/runs', 404, json, {}, /does not fit Problem/],
  ])('is refused for %s', (_name, method, path, status, headers, body, message) => {
    expect(() => contract.check(method, path, { status, headers, body })).toThrow(message);
  });
});

describe('a problem', () => {
  const edge = { ...notFound, type: 'urn:bulla:problem:overloaded', status: 503, code: 'overloaded' };

  it('is refused where its operation does not declare it, and taken anywhere if it is of the edge', () => {
    const undeclared = { ...notFound, type: 'urn:bulla:problem:label_not_found', code: 'label_not_found' };
    const path = '/api/v1/prompts/by-name?name=a';
    const check = (body: { status: number }) =>
      contract.check('GET', path, { status: body.status, headers: problem, body });
    expect(() => check(undeclared)).toThrow(/code must be equal to one of the allowed values/);
    expect(() => check(edge)).not.toThrow();
  });

  it('is noted with its service and operation, or as one of the edge', () => {
    const folder = mkdtempSync(join(tmpdir(), 'bulla-noted-'));
    const noteTo = join(folder, 'problems.txt');
    const noting = new OpenapiContract(openapiDocument('vault', '1'), { noteTo });
    for (const body of [notFound, edge])
      noting.check('GET', '/api/v1/prompts/by-name?name=a', { status: body.status, headers: problem, body });
    noting.check('GET', '/api/v1/prompts', { status: 200, headers: json, body: { data: [], next_cursor: null } });
    expect(readFileSync(noteTo, 'utf8')).toBe('vault prompt.find not_found\nvault edge overloaded\n');
    rmSync(folder, { recursive: true });
  });
});
