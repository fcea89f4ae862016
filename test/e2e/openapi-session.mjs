// A session of the SDK against a running Bulla, with every request and answer held against the OpenAPI documents that
// the services serve. Arguments: the repository, and the home folder. Prints what it found as JSON.
import { pathToFileURL } from 'node:url';
import { Ajv } from 'ajv';
import addFormats from 'ajv-formats';

const [repository, folder] = process.argv.slice(2);
const load = (path) => import(pathToFileURL(`${repository}/${path}`).href);
const { Bulla, identityOf } = await load('packages/client/dist/index.js');
const { Home, IDENTITY, readKeyFile, readProfile } = await load('packages/client/dist/node/index.js');

const home = new Home(folder);
const profile = await readProfile(home);
const identity = await identityOf(await readKeyFile(home, IDENTITY));
const seen = new Map();
const faults = [];
const documents = new Map();

/** The document of the service at an origin, as it serves it. */
async function documentOf(origin) {
  if (!documents.has(origin)) {
    const document = await (await fetch(`${origin}/api/openapi.json`)).json();
    const ajv = new Ajv({ strict: false, allErrors: true });
    addFormats.default(ajv);
    ajv.addSchema({ $id: 'document', ...document });
    documents.set(origin, { document, ajv });
  }
  return documents.get(origin);
}

function operationOf(document, method, path) {
  const fits = (template) =>
    new RegExp(`^${template.replaceAll('.', '[.]').replaceAll(/\{[^}]+\}/g, '[^/]+')}$`).test(path);
  const [template] = Object.keys(document.paths)
    .filter(fits)
    .toSorted((left, right) => left.split('{').length - right.split('{').length);
  return { template, operation: document.paths[template]?.[method.toLowerCase()] };
}

/** Says what is wrong with a body, or nothing. */
function faultOf({ ajv }, schema, body) {
  const validate = ajv.compile(JSON.parse(JSON.stringify(schema).replaceAll('"#/', '"document#/')));
  return validate(body) ? undefined : ajv.errorsText(validate.errors);
}

async function checkedFetch(input, init = {}) {
  const url = new URL(input);
  const method = init.method ?? 'GET';
  const contract = await documentOf(url.origin);
  const { template, operation } = operationOf(contract.document, method, url.pathname);
  const place = `${method} ${template ?? url.pathname}`;
  const note = (fault) => fault !== undefined && faults.push(`${place}: ${fault}`);
  if (operation === undefined) note('is not in the document');
  const asked = operation?.requestBody?.content['application/json'];
  if ((init.body === undefined) !== (asked === undefined))
    note('has a body where the document has none, or none where it has one');
  else if (asked !== undefined) note(faultOf(contract, asked.schema, JSON.parse(new TextDecoder().decode(init.body))));
  const response = await fetch(input, init);
  const answered = operation?.responses?.[response.status];
  const type = response.headers.get('content-type')?.split(';')[0];
  if (answered === undefined) note(`answered ${response.status}, which is not in the document`);
  else if (answered.content === undefined)
    note(type === undefined ? undefined : `answered ${response.status} with a body`);
  else if (answered.content[type] === undefined) note(`answered ${response.status} as ${type}`);
  else if (type.endsWith('json')) note(faultOf(contract, answered.content[type].schema, await response.clone().json()));
  const key = `${place} ${response.status}`;
  seen.set(key, (seen.get(key) ?? 0) + 1);
  return response;
}

const bulla = await Bulla.connect({ url: profile.vaultUrl, identity, pin: profile.pin, fetch: checkedFetch });
const draft = (text) => ({
  content: {
    messages: [{ role: 'user', content: `${text} {{x}}` }],
    vars: { x: { type: 'string', max: 100 } },
    model: { name: 'default' },
  },
  acceptsMessages: false,
});
const refused = async (work) => {
  try {
    await work();
    faults.push('something that must be refused was not');
  } catch (error) {
    if (error.name.endsWith('Error') && error.code === undefined) throw error;
  }
};
await bulla.prompts.push('openapi/session', 'text', draft('One.'), ['production']);
await bulla.prompts.push('openapi/session', 'text', draft('Two.'), ['staging']);
for await (const prompt of bulla.prompts.list('openapi/')) void prompt;
await bulla.prompts.history('openapi/session');
await bulla.prompts.read('openapi/session', { version: 1 });
await bulla.prompts.moveLabel('openapi/session', 'staging', 1);
await bulla.prompts.deleteLabel('openapi/session', 'staging');
await bulla.prompt('openapi/session').run({ x: 'A word.' });
for await (const event of bulla.prompt('openapi/session').stream({ x: 'A word.' })) void event;
await refused(() => bulla.prompt('openapi/session').run({}));
await refused(() => bulla.prompt('openapi/session', { label: 'nowhere' }).run({ x: 'A word.' }));
await refused(() => bulla.prompts.get('openapi/nothing'));
await bulla.prompts.delete('openapi/session');

// The control: an answer without one of its members, and a request with one more, must be found wrong.
const contract = await documentOf(new URL(profile.vaultUrl).origin);
const { operation } = operationOf(contract.document, 'POST', '/api/v1/prompts');
const good = { id: 'prm_01kb2w6r7hf0fvc1m1x3q8p0z5', name: 'a', type: 'text' };
const asks = operation.requestBody.content['application/json'].schema;
const control = [good, { ...good, more: 1 }, { id: good.id, name: 'a' }].map(
  (body) => faultOf(contract, asks, body) === undefined,
);
process.stdout.write(JSON.stringify({ faults, control, seen: [...seen] }));
