// The studies that come with TinySeek, in the order of `tinyseek ablate --list`.

import type { Study } from '../study.ts';
import { balance } from './balance.ts';
import { balanceScope } from './balance-scope.ts';
import { experts } from './experts.ts';
import { initAndSchedule } from './init-and-schedule.ts';
import { moeVsDense } from './moe-vs-dense.ts';
import { nodeLimit } from './node-limit.ts';

export const studies: readonly Study[] = [balance, balanceScope, experts, nodeLimit, initAndSchedule, moeVsDense];
