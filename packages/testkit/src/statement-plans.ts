import pg from 'pg';

/** A node of `explain (analyze, format json)`; times `loops`. */
interface PlanNode {
  readonly 'Node Type': string;
  readonly 'Relation Name'?: string;
  readonly 'Index Name'?: string;
  readonly 'Actual Rows'?: number;
  readonly 'Actual Loops'?: number;
  readonly 'Rows Removed by Filter'?: number;
  readonly 'Rows Removed by Index Recheck'?: number;
  readonly Plans?: readonly PlanNode[];
}

/** What the name of a month's partition has beyond that of its table. */
const PARTITION = /_\d{4}_\d{2}$/;

/** A statement as a service sends it. */
export interface Sent {
  readonly text: string;
  readonly values: readonly unknown[];
}

export type PlanMode = 'force_custom_plan' | 'force_generic_plan';

/**
 * Notes the statements that this process sends to any PostgreSQL while some work goes on.
 * @param schema only those that name it
 */
export async function statementsOf(schema: string, work: () => Promise<unknown>): Promise<Sent[]> {
  const sent = new Map<string, Sent>();
  const query: unknown = Reflect.get(pg.Client.prototype, 'query');
  const noting = function (this: pg.Client, ...of: unknown[]) {
    const [first, second] = of;
    const { text, values = [] } =
      typeof first === 'string' ? { text: first, values: second as readonly unknown[] } : (first as Sent);
    if (text.includes(`"${schema}".`)) sent.set(text, { text, values });
    return (query as (...all: unknown[]) => unknown).apply(this, of);
  };
  Object.assign(pg.Client.prototype, { query: noting });
  try {
    await work();
  } finally {
    Object.assign(pg.Client.prototype, { query });
  }
  return [...sent.values()];
}

/**
 * Runs a statement as the server runs a prepared one, and takes back what it did.
 * @returns what of it grows with a table: whole tables that it reads, and more rows than one answer can need
 */
export async function growthOf(
  client: pg.ClientBase,
  { text, values }: Sent,
  { mode, tables, rowsMax }: { mode: PlanMode; tables: readonly string[]; rowsMax: number },
): Promise<string[]> {
  await client.query('begin');
  try {
    await client.query(`set local plan_cache_mode = ${mode}`);
    await client.query(`prepare asked as ${text}`);
    const given = values.length === 0 ? '' : `(${values.map(literalOf).join(', ')})`;
    const { rows } = await client.query<{ 'QUERY PLAN': [{ Plan: PlanNode }] }>(
      `explain (analyze, format json) execute asked${given}`,
    );
    const plan = rows[0]?.['QUERY PLAN'][0].Plan;
    if (plan === undefined) throw new Error('the server explained nothing');
    return faultsOf([...nodesOf(plan)], tables, rowsMax);
  } finally {
    await client.query('rollback');
    await client.query('deallocate all');
  }
}

function faultsOf(nodes: readonly PlanNode[], tables: readonly string[], rowsMax: number): string[] {
  return nodes.flatMap((node) => {
    const { 'Node Type': type, 'Relation Name': relation = '', 'Index Name': index = '' } = node;
    const table = relation.replace(PARTITION, '');
    const what = `${type} ${relation}${index === '' ? '' : ` by ${index}`}`.trim();
    if (type === 'Seq Scan' && tables.includes(table)) return [`${what} reads the whole table`];
    const rows = rowsOf(node);
    return rows > rowsMax ? [`${what} takes ${rows} rows`] : [];
  });
}

/** What a node has looked at, over all its turns. */
function rowsOf(node: PlanNode): number {
  const { 'Actual Rows': actual = 0, 'Actual Loops': loops = 1 } = node;
  return (actual + (node['Rows Removed by Filter'] ?? 0) + (node['Rows Removed by Index Recheck'] ?? 0)) * loops;
}

function* nodesOf(plan: PlanNode): Generator<PlanNode> {
  yield plan;
  for (const node of plan.Plans ?? []) yield* nodesOf(node);
}

/** As text, which takes the type of where it goes. */
function literalOf(value: unknown): string {
  if (value === null || value === undefined) return 'null';
  if (Array.isArray(value)) return pg.escapeLiteral(`{${value.map((item) => JSON.stringify(item)).join(',')}}`);
  if (value instanceof Date) return pg.escapeLiteral(value.toISOString());
  return pg.escapeLiteral(typeof value === 'string' ? value : JSON.stringify(value));
}
