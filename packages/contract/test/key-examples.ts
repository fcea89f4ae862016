import { job, kid, time } from './example-names.js';

const rootKid = 'root:file:3f9ac0d15e7b2846';
export const jobExample = {
  id: job,
  what: 'root',
  state: 'waiting',
  target: rootKid,
  total: 7,
  done: 3,
  trouble: 'processes_without_key',
  created_at: time,
  changed_at: time,
  ended_at: null,
};
export const keyInTokenExample = { kid, stand_in: 'SoftHSM' };
export const rootKeyExample = {
  kid: rootKid,
  state: 'deactivated',
  objects: 4,
  processes: { with: 2, without: 0 },
  stand_in: 'SoftHSM 2.6',
  created_at: time,
  activated_at: time,
  deactivated_at: time,
};
export const kekExample = {
  version: 7,
  state: 'active',
  root: rootKid,
  data_keys: 12,
  uses: 1024,
  created_at: time,
  activated_at: time,
  deactivated_at: null,
  destroyed_at: null,
  due_at: time,
};
