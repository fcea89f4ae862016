import { describe, expect, it } from '@jest/globals';
import type { RouteName } from '@bulla/contract';
import { commandLine } from './api-line.js';
import type { ServiceName } from './route-table.js';
import { entryOf } from './route-table.js';

describe('the line that sends a request', () => {
  it.each<[RouteName, ServiceName, string]>([
    ['prompt.list', 'vault', 'bulla api GET /api/v1/prompts'],
    ['prompt.find', 'vault', 'bulla api GET /api/v1/prompts/by-name -f name=claims/triage'],
    ['directory.hashes', 'vault', 'bulla api GET /.well-known/bulla/acme/directory/hashes -f from=1'],
    ['organisation.resume', 'vault', 'bulla api POST /api/v1/organisations/acme/resume -F directory=3'],
    ['root.publish', 'vault', 'bulla api PUT /api/v1/organisations/acme/root/3 --input body.json --if-match 3'],
    ['health.live', 'vault', 'bulla api GET /health/live'],
    ['health.live', 'responder', 'bulla api GET /health/live --responder urn:bulla:acme:svc:responder:eu1'],
    ['invocation.run', 'responder', 'bulla api POST /api/v1/invocations --input body.json'],
  ])('%s at the %s', (name, service, line) => {
    expect(commandLine(entryOf(name), service)).toBe(line);
  });

  it('quotes what a shell would take apart', () => {
    expect(commandLine(entryOf('label.move'), 'vault')).toMatch(/ -F tags='\["[\w.-]+"\]' --if-match 3$/);
  });
});
