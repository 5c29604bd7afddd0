// `tinyseek generate`: continues a prompt, as it comes on a terminal or as one object for programs.

import { readFileSync } from 'node:fs';
import { UserError } from '../../errors.ts';
import { type GenerationDefaults, noDefaults } from '../../generate/generation-defaults.ts';
import { backendOptions } from '../backend-option.ts';
import { defineCommand } from '../command.ts';
import { checkpointArgument, collect, jsonOption } from '../common-options.ts';
import type { PromptPlan } from '../continue-prompt.ts';
import type { OptionsOf } from '../declared-types.ts';
import { checkpointPrecisionOption, precisionLines } from '../precision-option.ts';
import { wholeNumber } from '../run-options.ts';
import {
  defaultsLines,
  parseDrafts,
  parseMaxNewTokens,
  parseSampling,
  parseStops,
  samplingOptions,
} from '../sampling-options.ts';
import { print } from '../terminal/print.ts';
import { parseWeights, weightsOption } from '../weights-option.ts';

const generateOptions = [
  {
    flags: '--prompt <text>',
    help: 'the text to continue; - reads it from standard input, without its last newline',
    isRequired: true,
  },
  ...samplingOptions,
  { flags: '--n <count>', help: 'write so many samples, with the seeds from --seed on' },
  { flags: '--stop <text>', help: 'end before this text; can be repeated', parse: collect },
  {
    flags: '--speculative [k]',
    help: 'let the MTP module draft k tokens for each pass (1 to 3, default: 1), and compare with plain decoding',
  },
  weightsOption,
  checkpointPrecisionOption,
  ...backendOptions(),
  jsonOption,
] as const;

export const generateCommand = defineCommand({
  name: 'generate',
  summary: 'continue a prompt',
  description: `Continues a prompt. The text goes to standard output as it comes, what it cost to standard error.
A terminal shows the prompt before the text, dimmed; a file or a pipe gets the text alone.
The prompt is read as the beginning of a document.`,
  arguments: [checkpointArgument],
  options: generateOptions,
  examples: [
    ['generate runs/first --prompt "Call me"', 'a sample, as drawn while training'],
    ['generate runs/first --prompt "Call me" --temperature 0 --speculative', 'the most likely text, sooner'],
    ['generate runs/first --prompt - --n 3 --json < start.txt', 'three samples, for a program'],
  ],
  run: async (checkpoint, options) => {
    makePlan(options, '', noDefaults); // what is wrong with the options is said before the model is loaded
    const prompt = readPrompt(options.prompt);
    const { continuePrompt } = await import('../continue-prompt.ts');
    const { openModel } = await import('../open-model.ts');
    const opened = await openModel(checkpoint, options);
    print(process.stderr, [...defaultsLines(opened.defaults), ...precisionLines(opened)]);
    return continuePrompt(opened, makePlan(options, prompt, opened.defaults), options.json === true);
  },
});

/** Standard input without the newline that ends its last line, or the text itself. */
function readPrompt(prompt: string): string {
  const text = prompt === '-' ? readFileSync(0, 'utf8').replace(/\r?\n$/, '') : prompt;
  if (text === '') throw new UserError('generate: the prompt is empty; give at least one character');
  return text;
}

function makePlan(
  options: OptionsOf<typeof generateOptions>,
  prompt: string,
  defaults: GenerationDefaults,
): PromptPlan {
  const n = options.n === undefined ? 1 : wholeNumber('--n', options.n);
  const sampling = parseSampling(options, defaults);
  if (n > 1 && sampling.temperature === 0) {
    const fix = options.temperature === undefined ? 'give --temperature too' : 'drop one of them';
    throw new UserError(`--n ${n}: all samples are the same with --temperature 0; ${fix}`);
  }
  const maxNewTokens = parseMaxNewTokens(options, defaults);
  const stop = parseStops(options.stop);
  const drafts = parseDrafts(options.speculative);
  const request = { maxNewTokens, sampling, stop, topLogprobs: null };
  return { prompt, request, n, drafts, weights: parseWeights(options.weights) };
}
