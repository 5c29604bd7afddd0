// `tinyseek chat`: a conversation with a model.

import { type GenerationDefaults, noDefaults } from '../../generate/generation-defaults.ts';
import { backendOptions } from '../backend-option.ts';
import { defineCommand } from '../command.ts';
import { checkpointArgument } from '../common-options.ts';
import { parseDrafts, parseMaxNewTokens, parseSampling, samplingOptions } from '../sampling-options.ts';
import { parseWeights, weightsOption } from '../weights-option.ts';

export const chatCommand = defineCommand({
  name: 'chat',
  summary: 'talk to a model',
  description: `Talks to a model, with the whole conversation as its prompt. Lines that begin with / are commands: try /help.
Ctrl-C stops an answer, Ctrl-D leaves. A model without a chat template gets a transcript to carry on.`,
  arguments: [checkpointArgument],
  options: [
    ...samplingOptions,
    { flags: '--system <text>', help: 'a text before the conversation' },
    {
      flags: '--speculative [k]',
      help: 'let the MTP module draft k tokens for each pass (1 to 3, default: 1)',
    },
    weightsOption,
    ...backendOptions(),
  ],
  examples: [['chat runs/first', 'the newest checkpoint of a run']],
  run: async (checkpoint, options) => {
    const settingsWith = (defaults: GenerationDefaults) => {
      return { maxNewTokens: parseMaxNewTokens(options, defaults), sampling: parseSampling(options, defaults) };
    };
    settingsWith(noDefaults); // what is wrong with the options is said before the model is loaded
    const drafts = parseDrafts(options.speculative);
    const weights = parseWeights(options.weights);
    const { converse } = await import('../chat/converse.ts');
    const { openModel } = await import('../open-model.ts');
    const opened = await openModel(checkpoint, options);
    await converse(opened, { settings: settingsWith(opened.defaults), drafts, weights, system: options.system });
  },
});
