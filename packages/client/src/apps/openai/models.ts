import { bullaError } from '../../connection/errors.js';
import { callHeaders } from '../app-answer.js';
import type { AppCall } from '../app-call.js';
import type { AppResponse } from '../app-request.js';
import { promptNamed } from '../app-question.js';

/** A model in OpenAI's shape; since when it is there, nobody says. */
interface Model {
  readonly id: string;
  readonly object: 'model';
  readonly created: 0;
  readonly owned_by: string;
}

/** `GET /models`: those of the responder where this device may chat, and every prompt that it sees. */
export async function answerModels(call: AppCall): Promise<AppResponse> {
  const [models, prompts] = await Promise.all([modelsOf(call), promptsOf(call)]);
  return respond(call, { object: 'list', data: [...models, ...prompts] });
}

/** `GET /models/{id}`. @throws {BullaError} not_found */
export async function answerModel(call: AppCall): Promise<AppResponse> {
  const { id, bulla } = call;
  const prompt = promptNamed(id);
  if (prompt !== undefined) {
    await bulla.prompts.get(prompt.name);
    return respond(call, await promptModel(call, id));
  }
  const models = await modelsOf(call);
  const found = models.find((one) => one.id === id);
  if (found !== undefined) return respond(call, found);
  throw bullaError('not_found', { message: 'the responder lists no such model', origin: 'client' });
}

async function modelsOf({ bulla, options }: AppCall): Promise<Model[]> {
  if (!(await bulla.mayChat())) return [];
  const { data, responder } = await bulla.models(options.responder);
  return data.map(({ name }) => ({ id: name, object: 'model', created: 0, owned_by: responder }));
}

async function promptsOf(call: AppCall): Promise<Model[]> {
  const models: Model[] = [];
  for await (const { name } of call.bulla.prompts.list()) models.push(await promptModel(call, `prompt:${name}`));
  return models;
}

async function promptModel({ bulla, options }: AppCall, id: string): Promise<Model> {
  return { id, object: 'model', created: 0, owned_by: await bulla.responder(options.responder) };
}

function respond(call: AppCall, body: object): AppResponse {
  return {
    status: 200,
    headers: { 'content-type': 'application/json', ...callHeaders(call) },
    body: JSON.stringify(body),
  };
}
