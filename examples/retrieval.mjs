// An ordinary app of LangChain.js: it finds the paragraph that is nearest to a question and asks a model about it. Embeddings
// and answer both come by OPENAI_BASE_URL. `npm ci --prefix examples` installs LangChain.
import { ChatPromptTemplate } from '@langchain/core/prompts';
import { StringOutputParser } from '@langchain/core/output_parsers';
import { ChatOpenAI, OpenAIEmbeddings } from '@langchain/openai';

const PARAGRAPHS = [
  'Claims for water are urgent as long as it flows.',
  'Claims for glass are paid without an expert up to 500 francs.',
  'Claims for theft need the number of the police report.',
];
const QUESTION = 'Claims for water: when are they urgent?';
const model = process.env.OPENAI_MODEL ?? 'default';

const embeddings = new OpenAIEmbeddings({ model });
const [vectors, asked] = await Promise.all([embeddings.embedDocuments(PARAGRAPHS), embeddings.embedQuery(QUESTION)]);
const length = (vector) => Math.hypot(...vector);
const likeness = (vector) =>
  vector.reduce((sum, value, index) => sum + value * asked[index], 0) / (length(vector) * length(asked));
const nearest = vectors.map((vector, index) => [likeness(vector), PARAGRAPHS[index]]).toSorted(([a], [b]) => b - a);
const [[, context]] = nearest;
console.log(`nearest: ${context}`);

const prompt = ChatPromptTemplate.fromMessages([
  ['system', 'Answer by this paragraph alone: {context}'],
  ['user', '{question}'],
]);
const chain = prompt.pipe(new ChatOpenAI({ model, temperature: 0 })).pipe(new StringOutputParser());
for await (const piece of await chain.stream({ context, question: QUESTION })) process.stdout.write(piece);
process.stdout.write('\n');
