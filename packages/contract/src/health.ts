import * as z from 'zod';

/** Whether a service works, and what it depends on; names of things, never addresses. */
export const Health = z
  .strictObject({
    status: z.enum(['ok', 'unavailable']),
    checks: z.array(z.strictObject({ name: z.string().regex(/^[a-z][a-z-]{0,31}$/), ok: z.boolean() })).max(32),
  })
  .meta({ id: 'Health' });
export type Health = z.infer<typeof Health>;

/** The description of the whole interface (OpenAPI 3.0). */
export const OpenApiDocument = z.looseObject({ openapi: z.string().regex(/^3\.0\.[0-9]$/) });
