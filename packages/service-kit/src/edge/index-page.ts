import type { ServiceIndex } from '@bulla/contract';

const ABOUT: Readonly<Record<ServiceIndex['service'], string>> = {
  vault:
    'It keeps prompts that were sealed on the machines of their authors, which it cannot read, and issues the signed envelopes by which they are run.',
  responder:
    'It opens the prompts of the envelopes that come to it, runs them against a model, and answers with a sealed and signed reply.',
};

/**
 * The page at `/`, for people who come by with a browser. It holds nothing from outside, so nothing is escaped.
 */
export function indexPage({ service, version, docs, openapi, health }: ServiceIndex): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Bulla ${service}</title>
<style>
:root { color-scheme: light dark; font: 1rem/1.6 system-ui, sans-serif; }
body { max-width: 36rem; margin: 12vh auto; padding: 0 1.25rem; }
h1 { font-size: 1.75rem; line-height: 1.2; margin: 0 0 0.75rem; }
h1 small { font-size: 1rem; font-weight: normal; opacity: 0.75; }
dl { margin: 2rem 0 0; display: grid; gap: 0.75rem; }
dd { margin: 0; opacity: 0.85; }
a { font-weight: 600; }
</style>
</head>
<body>
<main>
<h1>Bulla ${service} <small>${version}</small></h1>
<p>${ABOUT[service]}</p>
<dl>
<div><dt><a href="${docs}">${docs}</a></dt><dd>The interface: every request, every answer, every problem.</dd></div>
<div><dt><a href="${openapi}">${openapi}</a></dt><dd>The same for programs, as OpenAPI 3.0.</dd></div>
<div><dt><a href="${health}">${health}</a></dt><dd>Whether this service can take requests now.</dd></div>
</dl>
</main>
</body>
</html>
`;
}
