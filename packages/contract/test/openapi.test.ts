import { expect, it } from '@jest/globals';
import { ROUTES } from '@bulla/contract';
import type { Route } from '@bulla/contract';
import { Validator } from '@seriousme/openapi-schema-validator';
import * as z from 'zod';

const routes = Object.entries<Route>(ROUTES);

/** What OpenAPI 3.0 makes of a schema, with the parts that bear a name of their own. */
function describeSchema(schema: z.ZodType, io: 'input' | 'output', schemas: Record<string, unknown>): unknown {
  const { definitions, ...described } = z.toJSONSchema(schema, { target: 'openapi-3.0', io });
  Object.assign(schemas, definitions);
  return described;
}

function documentOf() {
  const schemas: Record<string, unknown> = {};
  const paths: Record<string, Record<string, unknown>> = {};
  for (const [name, route] of routes) {
    const parameters = (['params', 'query', 'headers'] as const).flatMap((part) =>
      Object.entries(route[part]?.shape ?? {}).map(([key, schema]) => ({
        name: key,
        in: { params: 'path', query: 'query', headers: 'header' }[part],
        required: part === 'params',
        schema: describeSchema(schema as z.ZodType, 'input', schemas),
      })),
    );
    const body = route.body && describeSchema(route.body, 'input', schemas);
    const answer = route.response && describeSchema(route.response, 'output', schemas);
    (paths[route.path] ??= {})[route.method.toLowerCase()] = {
      operationId: name,
      summary: route.summary,
      parameters,
      ...(body === undefined ? {} : { requestBody: { content: { 'application/json': { schema: body } } } }),
      responses: {
        [route.status]: {
          description: 'the answer',
          ...(answer === undefined ? {} : { content: { 'application/json': { schema: answer } } }),
        },
      },
    };
    if (route.event) describeSchema(route.event, 'output', schemas);
  }
  const document = { openapi: '3.0.4', info: { title: 'Bulla', version: '1' }, paths, components: { schemas } };
  return JSON.parse(JSON.stringify(document).replaceAll('#/definitions/', '#/components/schemas/')) as typeof document;
}

it('is a valid OpenAPI 3.0 document', async () => {
  const result = await new Validator().validate(documentOf());
  expect(result.errors ?? []).toEqual([]);
  expect(result.valid).toBe(true);
});

it.each([
  ['/api/v1/prompts', 'limit', { type: 'integer', minimum: 1, maximum: 200 }],
  ['/api/v1/prompts/{id}/versions/{n}', 'n', { type: 'integer', minimum: 1, maximum: 2_147_483_647 }],
  ['/api/v1/prompts/{id}/grants', 'version', { type: 'integer', minimum: 1, maximum: 2_147_483_647 }],
])('describes in %s the number %s as a number', (path, name, schema) => {
  const described = documentOf().paths[path]?.['get'] as { parameters: { name: string }[] } | undefined;
  expect(described?.parameters.find((parameter) => parameter.name === name)).toMatchObject({ schema });
});

it('gives every body a name, and each name one shape', () => {
  const ids = routes.flatMap(([, { body, response }]) => [body?.meta()?.['id'], response?.meta()?.['id']]);
  const unnamed = routes.filter(
    ([, { body, response }]) => (body && !body.meta()?.['id']) || (response && !response.meta()?.['id']),
  );
  expect(unnamed.map(([name]) => name)).toEqual(['interface.document']);
  expect(ids.filter(Boolean).length).toBeGreaterThan(25);
});
