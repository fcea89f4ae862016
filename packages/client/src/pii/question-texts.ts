import type { AskerMessage, ChatMessage, EmbeddingsQuestion, ModelParameters } from '@bulla/crypto';

/** What is done with each text of a question; the texts come in the same order every time. */
export interface TextVisitor {
  /** @param at where it stands in the question (RFC 6901). */
  text(text: string, at: string): string;
  /** A text that a program reads: if it is JSON, its strings are what is said. */
  programText(text: string, at: string): string;
  /** A name that cannot be another. */
  fixed(text: string, at: string): void;
  /** A part without text. */
  unscannablePart(kind: string, at: string): void;
}

/** The parts of a question that hold texts. */
export interface QuestionTexts {
  readonly vars?: Readonly<Record<string, string>> | undefined;
  readonly messages?: readonly ChatMessage[] | undefined;
  readonly parameters?: ModelParameters | undefined;
}

/** The same question, each text as the visitor gives it back. */
export function mapQuestion<Texts extends QuestionTexts>(question: Texts, visit: TextVisitor): Texts {
  const { vars, messages, parameters } = question;
  return {
    ...question,
    ...(vars !== undefined && { vars: mapMembers(vars, '/vars', visit) }),
    ...(messages !== undefined && {
      messages: messages.map((message, index) => mapMessage(message, `/messages/${index}`, visit)),
    }),
    ...(parameters !== undefined && { parameters: mapParameters(parameters, visit) }),
  };
}

/** The texts of a question for embeddings. */
export function mapEmbeddings<Texts extends Pick<EmbeddingsQuestion, 'input'>>(
  question: Texts,
  visit: TextVisitor,
): Texts {
  const { input } = question;
  const mapped =
    typeof input === 'string'
      ? visit.text(input, '/input')
      : input.map((text, index) => visit.text(text, `/input/${index}`));
  return { ...question, input: mapped };
}

/** Whether the answer is asked for as JSON: what was masked is put back as its strings want it. */
export function wantsJson({ response_format: format }: ModelParameters = {}): boolean {
  return format !== undefined && format.type !== 'text';
}

function mapMembers(texts: Readonly<Record<string, string>>, at: string, visit: TextVisitor): Record<string, string> {
  const mapped = Object.entries(texts).map(([name, text]) => [name, visit.text(text, `${at}/${escapeName(name)}`)]);
  return Object.fromEntries(mapped) as Record<string, string>;
}

function mapMessage<Message extends ChatMessage | AskerMessage>(
  message: Message,
  at: string,
  visit: TextVisitor,
): Message {
  const isTool = message.role === 'tool';
  const mapped: Record<string, unknown> = { ...message };
  const read = (text: string, where: string) => (isTool ? visit.programText(text, where) : visit.text(text, where));
  const { content } = message;
  if (typeof content === 'string') mapped['content'] = read(content, `${at}/content`);
  else if (Array.isArray(content))
    mapped['content'] = content.map((part, index) => mapPart(part, `${at}/content/${index}`, read, visit));
  if (message.role !== 'assistant') return mapped as Message;
  const { refusal, tool_calls: calls } = message;
  if (typeof refusal === 'string') mapped['refusal'] = visit.text(refusal, `${at}/refusal`);
  if (Array.isArray(calls))
    mapped['tool_calls'] = calls.map(({ function: called, ...call }, index) => {
      const where = `${at}/tool_calls/${index}/function/arguments`;
      return { ...call, function: { ...called, arguments: visit.programText(called.arguments, where) } };
    });
  return mapped as Message;
}

type Part = Exclude<NonNullable<ChatMessage['content']>, string>[number];

function mapPart(part: Part, at: string, read: TextVisitor['text'], visit: TextVisitor): Part {
  if (part.type === 'text') return { ...part, text: read(part.text, `${at}/text`) };
  if (part.type === 'refusal') return { ...part, refusal: visit.text(part.refusal, `${at}/refusal`) };
  visit.unscannablePart(part.type, at);
  return part;
}

/** Words for a model stand in descriptions and schemas of tools and answers, and in what ends an answer. */
function mapParameters(parameters: ModelParameters, visit: TextVisitor): ModelParameters {
  const mapped: Record<string, unknown> = { ...parameters };
  for (const name of ['tools', 'response_format', 'stop'] as const)
    if (parameters[name] !== undefined) mapped[name] = mapValue(parameters[name], `/${name}`, visit);
  return mapped;
}

function mapValue(value: unknown, at: string, visit: TextVisitor): unknown {
  if (typeof value === 'string') return visit.text(value, at);
  if (Array.isArray(value)) return value.map((item, index) => mapValue(item, `${at}/${index}`, visit));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => {
      visit.fixed(name, at);
      return [name, mapValue(member, `${at}/${escapeName(name)}`, visit)];
    }),
  );
}

function escapeName(name: string): string {
  return name.replaceAll('~', '~0').replaceAll('/', '~1');
}
