// `tinyseek cluster`: pipelines, expert parallelism and redundant experts, planned and simulated; training over ranks.

import { defineGroup } from '../../command.ts';
import { eplbCommand } from './eplb.ts';
import { scheduleCommand } from './schedule.ts';
import { servePlanCommand } from './serve-plan.ts';
import { simulateCommand } from './simulate.ts';
import { traceCommand } from './trace.ts';
import { trainCommand } from './train.ts';

export const clusterCommand = defineGroup({
  name: 'cluster',
  summary: 'train over ranks on threads; plan and simulate training and serving on many GPUs',
  description:
    'Trains over ranks on threads, lays out pipelines, simulates them on the cluster of the report, and plans where experts live.',
  commands: [trainCommand, scheduleCommand, simulateCommand, traceCommand, eplbCommand, servePlanCommand],
});
