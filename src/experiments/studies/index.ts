// The studies that come with TinySeek, in the order of `tinyseek ablate --list`.

import type { Study } from '../study.ts';
import { attention } from './attention.ts';
import { balance } from './balance.ts';
import { balanceScope } from './balance-scope.ts';
import { breakIt } from './break-it.ts';
import { cluster } from './cluster.ts';
import { distil } from './distil.ts';
import { experts } from './experts.ts';
import { grpo } from './grpo.ts';
import { initAndSchedule } from './init-and-schedule.ts';
import { longContext } from './long-context.ts';
import { moeVsDense } from './moe-vs-dense.ts';
import { mtp } from './mtp.ts';
import { mtpAfter } from './mtp-after.ts';
import { nodeLimit } from './node-limit.ts';
import { outliers } from './outliers.ts';
import { precision } from './precision.ts';
import { reward } from './reward.ts';

export const studies: readonly Study[] = [
  balance,
  balanceScope,
  experts,
  mtp,
  nodeLimit,
  initAndSchedule,
  moeVsDense,
  attention,
  precision,
  outliers,
  breakIt,
  longContext,
  grpo,
  reward,
  distil,
  cluster,
  mtpAfter,
];
