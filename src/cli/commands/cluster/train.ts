// `tinyseek cluster train`: `tinyseek train` over ranks on threads.

import type { ClusterOptions, ClusterResult } from '../../../cluster/train-cluster.ts';
import { defineCommand } from '../../command.ts';
import { outputWidth } from '../../output.ts';
import { followRun } from '../../progress/follow-run.ts';
import { wholeNumber } from '../../run-options.ts';
import { formatBytes, plural } from '../../terminal/format.ts';
import { formatHeadedTable } from '../../terminal/table.ts';
import { prepareRun, trainOptions } from '../train.ts';

const names = 'gpipe, 1f1b, interleaved-1f1b, zb1p, zbv, dualpipe, dualpipev';

export const trainCommand = defineCommand({
  name: 'train',
  summary: 'train a model over ranks on threads of this machine',
  description: `Trains as \`tinyseek train\` does, with its options, over ranks: stages of a pipeline, experts divided among ranks,
copies that divide the optimizer state (ZeRO-1). Each rank is a thread with one thread of the engine, and messages go
through shared memory. The result is that of plain training: bit for bit for a pipeline alone, within the rounding of
float32 otherwise. It shows how the parts of a cluster fit together; on one machine, plain training is faster.`,
  options: [
    ...trainOptions,
    {
      flags: '--layout <list>',
      help: 'ranks: pp in a pipeline, ep that share the experts, dp copies',
      default: 'pp=2,ep=1,dp=1',
    },
    { flags: '--schedule <name>', help: names, default: '1f1b' },
    {
      flags: '--micro-batches <n>',
      help: 'of each pipeline in a step (default: gradAccumSteps, or the fewest that fill the pipeline)',
    },
    {
      flags: '--messages <format>',
      help: 'between experts: float32, or fp8 as in the report (FP8 to the experts, BF16 back)',
      default: 'float32',
      choices: ['float32', 'fp8'],
    },
  ],
  examples: [
    ['cluster train --layout pp=2 --schedule 1f1b --steps 50', 'two stages'],
    ['cluster train --layout pp=2,ep=2 --schedule dualpipe --micro-batches 4 --batch-size 16', 'and shared experts'],
    ['cluster train --resume runs/first --layout ep=2,dp=2', 'a run goes on in another layout'],
  ],
  run: async (options) => {
    const { layout, schedule, microBatches, messages, ...flags } = options;
    const cluster: ClusterOptions = {
      layout,
      schedule,
      messages: messages as NonNullable<ClusterOptions['messages']>,
      ...(microBatches === undefined ? {} : { microBatches: wholeNumber('--micro-batches', microBatches) }),
    };
    let result: ClusterResult | undefined;
    const keep = async (run: Promise<ClusterResult>) => {
      result = await run;
      return result;
    };
    const start = await prepareRun(flags, async () => {
      const { resumeCluster, trainCluster } = await import('../../../cluster/train-cluster.ts');
      return {
        train: (given) => keep(trainCluster({ ...given, ...cluster })),
        resumeRun: (given) => keep(resumeCluster({ ...given, ...cluster })),
      };
    });
    const output = await followRun(start);
    return { ...output, lines: [...output.lines, ...rankLines(result)] };
  },
});

/** What each rank held and sent. */
function rankLines(result: ClusterResult | undefined): string[] {
  if (result === undefined || result.ranks.length === 0) return [];
  const { layout, schedule, microBatches, ranks } = result;
  const rows = ranks.map(({ rank, peakBytes, parameterBytes, optimizerBytes, activationBytes, sentBytes }) => [
    String(rank),
    ...[peakBytes, parameterBytes, optimizerBytes, activationBytes, sentBytes].map(formatBytes),
  ]);
  return [
    '',
    `${schedule} over pp=${layout.pp}, ep=${layout.ep}, dp=${layout.dp}, ${plural(microBatches, 'micro-batch', 'micro-batches')} a pipeline`,
    ...formatHeadedTable(
      [['rank', 'peak', 'weights', 'moments', 'activations', 'sent'], ...rows],
      outputWidth(),
      [0, 1, 2, 3, 4, 5],
    ),
  ];
}
