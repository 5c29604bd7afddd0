// `tinyseek eval`: a checkpoint on held-out text, measured as training does at the end of a run.

import { UserError } from '../../errors.ts';
import type { TrainConfig } from '../../config/train-config.ts';
import type { EvalResult } from '../../train/events.ts';
import { type BackendFlags, backendOptions } from '../backend-option.ts';
import { defineCommand } from '../command.ts';
import { checkpointArgument, heldOutOption, jsonOption } from '../common-options.ts';
import { type TaskFlags, taskOptions } from '../task-options.ts';
import { maxVioMeaning } from '../glossary.ts';
import type { OpenedModel } from '../open-model.ts';
import { outputWidth } from '../output.ts';
import { checkpointPrecisionOption, precisionLines, type PrecisionFlag } from '../precision-option.ts';
import { formatExact } from '../terminal/format.ts';
import { formatTable } from '../terminal/table.ts';

export const evalCommand = defineCommand({
  name: 'eval',
  summary: 'measure a checkpoint on held-out text, or on tasks',
  description:
    'Measures a checkpoint on held-out text: loss, perplexity, bits per byte, expert load. With --tasks it answers problems.',
  arguments: [checkpointArgument],
  options: [heldOutOption, ...taskOptions, checkpointPrecisionOption, ...backendOptions(), jsonOption],
  examples: [
    ['eval runs/first', 'the newest checkpoint of a run'],
    ['eval runs/first --data code --json', 'on other text, for a program'],
    ['eval runs/first --tasks chain,addition --samples 8', 'answers to problems, eight to each'],
  ],
  /** On the held-out part of its own data, or of other data with the same split settings. */
  run: async (checkpoint, options) => {
    const { tasks } = options;
    if (tasks !== undefined) return evaluateOnTasks(checkpoint, tasks, options);
    (await import('../evaluate-tasks.ts')).refuseWithoutTasks(options);
    const { openDataset } = await import('../open-dataset.ts');
    const { evaluate } = await import('../../train/evaluate.ts');
    const { openModel } = await import('../open-model.ts');
    const { trainedOn } = await import('../trained-data.ts');
    const opened = await openModel(checkpoint, options);
    const { model, tokenizer, precision } = opened;
    const train = trainedOn(opened, options.data, 'eval');
    const dataset = await openDataset({ ...train, tokenizer });
    const result = await evaluate(model, dataset, { batchSize: train.batchSize, documentMask: train.documentMask });
    if (result === null) throw new Error('internal: an evaluation without a signal was interrupted');
    const { loss, perplexity, bitsPerByte, mtpLoss, maxVioGlobal, avgVioGlobal, tokens } = result;
    return {
      json: { loss, perplexity, bitsPerByte, mtpLoss, maxVioGlobal, avgVioGlobal, tokens, precision },
      lines: lines(train, opened, result),
    };
  },
});

async function evaluateOnTasks(
  checkpoint: string,
  tasks: string,
  options: TaskFlags & BackendFlags & PrecisionFlag & { data?: string },
) {
  if (options.data !== undefined) {
    throw new UserError('--data: text to measure on, and --tasks asks problems; give one of the two');
  }
  const { evaluateTasks } = await import('../evaluate-tasks.ts');
  const { openModel } = await import('../open-model.ts');
  return evaluateTasks(await openModel(checkpoint, options), tasks, options);
}

function lines(train: TrainConfig, opened: OpenedModel, result: EvalResult): string[] {
  const mtp = result.mtpLoss.map((loss, depth) => [`MTP loss, depth ${depth + 1}`, loss.toFixed(4)]);
  const several = result.domains.length > 1 ? result.domains : [];
  const domains = several.map(({ name, bitsPerByte }) => [`  ${name}, bits per byte`, bitsPerByte.toFixed(4)]);
  const rows = [
    ['Loss, nats per token', result.loss.toFixed(4)],
    ['Perplexity', result.perplexity.toFixed(2)],
    ['Bits per byte', result.bitsPerByte.toFixed(4)],
    ...domains,
    ...mtp,
    ['MaxVio, global', result.maxVioGlobal.toFixed(3)],
    ['AvgVio, global', result.avgVioGlobal.toFixed(3)],
    ['Tokens', formatExact(result.tokens)],
  ];
  return [
    `Checkpoint ${opened.path}`,
    `Held-out text of ${train.data}`,
    ...precisionLines(opened),
    '',
    ...formatTable(rows, outputWidth(), [1]),
    '',
    maxVioMeaning,
  ];
}
