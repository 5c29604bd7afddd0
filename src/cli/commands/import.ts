// `tinyseek import`: another program's folder as a checkpoint of ours.

import { defineCommand } from '../command.ts';
import { jsonOption } from '../common-options.ts';
import { invocation, shellWord } from '../invocation.ts';
import { formatCount } from '../terminal/format.ts';

export const importCommand = defineCommand({
  name: 'import',
  summary: 'turn a Hugging Face folder into a checkpoint',
  description:
    'Reads a deepseek_v3 folder (F32, BF16, F16 or block-scaled FP8; in one file or sharded) and writes it as a checkpoint.',
  arguments: [{ syntax: '<dir>', help: 'folder with config.json, tokenizer.json and model.safetensors or its index' }],
  options: [
    { flags: '--out <dir>', help: 'checkpoint folder to write; it must not exist yet, or be empty', isRequired: true },
    jsonOption,
  ],
  examples: [
    ['import tiny-random-deepseek-v3 --out imported', 'into a folder for the other commands'],
    ['score imported --text "Once upon a time"', 'see it work'],
  ],
  run: async (source, { out }) => {
    const { importModel } = await import('../../interchange/import-model.ts');
    const { warn } = await import('../open-model.ts');
    const { parameters, bytes, files, warnings, config } = importModel(source, out);
    warn(warnings);
    const mtp = config.numNextnPredictLayers;
    return {
      json: { out, parameters, bytes, mtpLayers: mtp, files },
      lines: [
        `Wrote ${out}: ${formatCount(parameters)} parameters, ${mtp === 0 ? 'no MTP module' : `MTP depth ${mtp}`}, F32`,
        'Try it:',
        { command: `${invocation()} score ${shellWord(out)} --text 'Once upon a time'` },
      ],
    };
  },
});
