import * as z from 'zod';

/** Whether a service works, and what it depends on; names of things, never addresses. */
export const Health = z
  .strictObject({
    status: z
      .enum(['ok', 'sealed', 'unavailable'])
      .meta({ description: 'ok; sealed where only the root key is missing; unavailable.', example: 'ok' }),
    checks: z
      .array(
        z.strictObject({
          name: z
            .string()
            .regex(/^[a-z][a-z-]{0,31}$/)
            .meta({ description: 'What is needed.', example: 'database' }),
          ok: z.boolean().meta({ description: 'Whether it is there.', example: true }),
        }),
      )
      .max(32)
      .describe('What the service depends on; nothing where it says only that it lives.'),
  })
  .meta({ id: 'Health' });
export type Health = z.infer<typeof Health>;

/** The description of the whole interface (OpenAPI 3.0). */
export const OpenApiDocument = z.looseObject({
  openapi: z
    .string()
    .regex(/^3\.0\.[0-9]$/)
    .meta({ description: 'The version of OpenAPI.', example: '3.0.4' }),
});

const path = (description: string, example: string) =>
  z
    .string()
    .regex(/^\/[a-z./-]{1,63}$/)
    .meta({ description, example });

/** What a service is, and where to read on. */
export const ServiceIndex = z
  .strictObject({
    service: z.enum(['vault', 'responder']).meta({ description: 'Which service this is.', example: 'vault' }),
    version: z
      .string()
      .regex(/^[0-9A-Za-z.+-]{1,64}$/)
      .meta({ description: 'Its version.', example: '0.1.0' }),
    docs: path('The interface, as a page to read.', '/api/docs'),
    openapi: path('The interface, as an OpenAPI document.', '/api/openapi.json'),
    health: path('Whether the service can take requests.', '/health/ready'),
  })
  .meta({ id: 'ServiceIndex' });
export type ServiceIndex = z.infer<typeof ServiceIndex>;
