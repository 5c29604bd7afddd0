// `tinyseek params`: what a model of this shape holds and costs.

import type { ParameterCounts } from '../../config/counts.ts';
import { defineCommand } from '../command.ts';
import { jsonOption } from '../common-options.ts';
import { memoryTable } from '../memory-table.ts';
import { outputWidth } from '../output.ts';
import { modelOptions } from '../run-options.ts';
import { formatCount, formatExact } from '../terminal/format.ts';
import { formatTable } from '../terminal/table.ts';

export const paramsCommand = defineCommand({
  name: 'params',
  summary: 'count parameters, cache, FLOPs and memory of a model',
  description:
    'Counts the parameters, the key/value cache and the FLOPs per token of a model, and the memory of a training step, ' +
    'without building it.',
  options: [...modelOptions, jsonOption],
  examples: [
    ['params', 'preset tiny'],
    ['params --preset deepseek-v3', 'the released model'],
    ['params --set nRoutedExperts=32 --set kvLoraRank=48', 'what a change costs'],
  ],
  run: async (options) => {
    const { countParameters } = await import('../../config/counts.ts');
    const { resolveOptions } = await import('../config-file.ts');
    const { preset, model, train } = resolveOptions(options);
    const counts = countParameters(model, train.seqLen);
    const { memoryLedger } = await import('../../memory/ledger.ts');
    const ledger = await memoryLedger({ model, train });
    const { batchSize, seqLen, gradAccumSteps } = train;
    const parts = gradAccumSteps === 1 ? '' : ` in ${gradAccumSteps} parts`;
    const lines = [
      `Preset ${preset}`,
      '',
      ...formatTable(rows(counts, seqLen), outputWidth(), [1]),
      '',
      `Memory of a training step of ${batchSize} x ${seqLen} tokens${parts} at its peak, on one thread of the engine`,
      '',
      ...memoryTable({ predicted: ledger }),
    ];
    return { json: { ...counts, memory: { batchSize, seqLen, gradAccumSteps, ...ledger } }, lines };
  },
});

function rows(counts: ParameterCounts, seqLen: number): string[][] {
  const { kvCacheElementsPerTokenPerLayer: latent, mhaCacheElementsPerTokenPerLayer: full } = counts;
  const { mhaCacheWithRotaryElementsPerTokenPerLayer: withRotary } = counts;
  const times = (numbers: number) => `${(numbers / latent).toPrecision(3)} times as many`;
  const row = (label: string, value: number, note = '') => [label, formatExact(value), note];
  const rounded = (label: string, value: number) => row(label, value, value < 1000 ? '' : formatCount(value));
  return [
    rounded('Parameters', counts.total),
    rounded('  active per token', counts.active),
    rounded('  active, without the embedding', counts.activeWithoutEmbedding),
    rounded('  more in the MTP modules', counts.mtp),
    row('Cache, numbers per token and layer', latent),
    row('  with multi-head attention', full, `${times(full)}; keys without their rotary part`),
    row('  with multi-head attention', withRotary, `${times(withRotary)}; keys with their rotary part`),
    rounded(`Training FLOPs per token, length ${seqLen}`, counts.flopsPerToken),
  ];
}
