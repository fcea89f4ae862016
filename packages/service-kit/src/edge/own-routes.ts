import type { Health, ServiceIndex } from '@bulla/contract';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyReply } from 'fastify';
import type { Readiness } from '../observe/health.js';
import { indexPage } from './index-page.js';
import { serveInterfacePage } from './interface-page.js';
import { openapiDocument } from '../route/openapi.js';
import type { ServiceName } from '../route/route-table.js';
import { entryOf } from '../route/route-table.js';

const JSON_TEXT = 'application/json; charset=utf-8';
const HTML = 'text/html; charset=utf-8';
const STATUSES = { ok: 200, sealed: 423, unavailable: 503 } as const satisfies Record<Health['status'], number>;

export interface OwnRouteParts {
  readonly service: ServiceName;
  readonly version: string;
  readonly readiness: Readiness;
}

/** Health and the description of the interface, which every service answers alike and to anybody. */
export function answerAboutItself(app: NestFastifyApplication, { service, version, readiness }: OwnRouteParts): void {
  const fastify = app.getHttpAdapter().getInstance();
  // Balancers ask by HEAD too.
  const method = ['GET', 'HEAD'];
  const alive: Health = { status: 'ok', checks: [] };
  fastify.route({ method, url: entryOf('health.live').path, handler: (_, reply) => sendHealth(reply, alive) });
  fastify.route({
    method,
    url: entryOf('health.ready').path,
    handler: async (_, reply) => sendHealth(reply, await readiness.check()),
  });
  const index: ServiceIndex = {
    service,
    version,
    docs: entryOf('interface.page').path,
    openapi: entryOf('interface.document').path,
    health: entryOf('health.ready').path,
  };
  const page = indexPage(index);
  fastify.get(entryOf('interface.index').path, (request, reply) => {
    // What a browser asks for; everybody else gets data.
    const isForPeople = request.headers.accept?.includes('text/html') === true;
    void reply.header('vary', 'accept').header('content-type', isForPeople ? HTML : JSON_TEXT);
    return reply.send(isForPeople ? page : JSON.stringify(index));
  });
  // A description of some hundred schemas: most services are never asked for it.
  let document: string | undefined;
  fastify.get(index.openapi, (_, reply) => {
    document ??= JSON.stringify(openapiDocument(service, version));
    return reply.header('content-type', JSON_TEXT).send(document);
  });
  serveInterfacePage(fastify, { path: index.docs, document: index.openapi, title: `Bulla ${service}` });
}

function sendHealth(reply: FastifyReply, health: Health): FastifyReply {
  return reply.status(STATUSES[health.status]).send(health);
}
