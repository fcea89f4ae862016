import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import type { FastifyInstance } from 'fastify';

const require = createRequire(import.meta.url);

/** What the page loads of Swagger UI. */
const FILES: Readonly<Record<string, string>> = {
  'swagger-ui.css': 'text/css; charset=utf-8',
  'swagger-ui-bundle.js': 'text/javascript; charset=utf-8',
  'favicon-32x32.png': 'image/png',
};

export interface InterfacePageParts {
  /** Path of the page, without a slash at its end. */
  readonly path: string;
  /** Path of the OpenAPI document that it shows. */
  readonly document: string;
  readonly title: string;
}

/** Serves the page that shows the interface to people. Nothing of it is read before somebody asks for it. */
export function serveInterfacePage(fastify: FastifyInstance, { path, document, title }: InterfacePageParts): void {
  fastify.get(path, (_, reply) => reply.header('content-type', 'text/html; charset=utf-8').send(pageOf(path, title)));
  fastify.get(`${path}/page.js`, (_, reply) =>
    reply.header('content-type', 'text/javascript; charset=utf-8').send(scriptOf(document)),
  );
  for (const [file, type] of Object.entries(FILES)) {
    let text: Promise<Buffer> | undefined;
    fastify.get(`${path}/${file}`, async (_, reply) => {
      text ??= readFile(require.resolve(`swagger-ui-dist/${file}`));
      return reply.header('content-type', type).send(await text);
    });
  }
}

function pageOf(path: string, title: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<link rel="icon" type="image/png" href="${path}/favicon-32x32.png">
<link rel="stylesheet" href="${path}/swagger-ui.css">
<style>
body { margin: 0; background: #fafafa; }
/* Nobody can sign in a browser: what would authorise is not shown. */
.swagger-ui :is(.scheme-container, .authorization__btn) { display: none; }
/* The words about a group go below its name where both do not fit. */
.swagger-ui .opblock-tag { flex-wrap: wrap; }
.swagger-ui .opblock-tag small { flex: 1 1 18rem; }
</style>
</head>
<body>
<div id="interface"></div>
<script src="${path}/swagger-ui-bundle.js"></script>
<script src="${path}/page.js"></script>
</body>
</html>
`;
}

/** A browser has no key to sign with: a form that sends could only be refused. */
function scriptOf(document: string): string {
  return `SwaggerUIBundle({ dom_id: '#interface', url: '${document}', supportedSubmitMethods: [] });\n`;
}
