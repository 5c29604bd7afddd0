// `tinyseek cluster trace`: which experts the tokens of held-out text choose, into a file.

import { existsSync, readFileSync } from 'node:fs';
import { UserError } from '../../../errors.ts';
import { explainFsErrors } from '../../../io/file-system.ts';
import { replaceFile } from '../../../io/replace-file.ts';
import { backendOptions } from '../../backend-option.ts';
import { defineCommand } from '../../command.ts';
import { checkpointArgument, heldOutOption, jsonOption } from '../../common-options.ts';
import { invocation, shellWord } from '../../invocation.ts';
import { wholeNumber } from '../../run-options.ts';
import { formatExact } from '../../terminal/format.ts';

export const traceCommand = defineCommand({
  name: 'trace',
  summary: 'record which experts the tokens of real text choose',
  description: `Runs a checkpoint over held-out text and writes down which experts each token chose, for
\`cluster simulate\` and \`cluster serve-plan\`. With several corpora, the trace has one text for each.`,
  arguments: [checkpointArgument],
  options: [
    { flags: '--out <file>', help: 'the trace', default: 'routing.json' },
    { flags: '--tokens <n>', help: 'tokens of each corpus', default: '4096' },
    heldOutOption,
    ...backendOptions(),
    jsonOption,
  ],
  examples: [['cluster trace runs/first --data moby-dick,code,math --out routing.json', 'three kinds of text']],
  run: async (checkpoint, { out, tokens: tokensText, data, ...flags }) => {
    const tokens = wholeNumber('--tokens', tokensText);
    refuseOther(out);
    const { recordRouting } = await import('../../../cluster/record-routing.ts');
    const { openDataset } = await import('../../open-dataset.ts');
    const { openModel } = await import('../../open-model.ts');
    const { trainedOn } = await import('../../trained-data.ts');
    const opened = await openModel(checkpoint, flags);
    const { model, config, tokenizer, path } = opened;
    const train = trainedOn(opened, data, 'cluster trace');
    const dataset = await openDataset({ ...train, tokenizer });
    const { batchSize, documentMask } = train;
    const trace = await recordRouting(model, config, dataset, { batchSize, documentMask, tokens });
    replaceFile(out, `${JSON.stringify(trace)}\n`, 'trace');
    const texts = trace.texts.map(({ domain, choices }) => ({ domain, tokens: choices[0]!.length }));
    const { experts, expertsPerToken, layers } = trace;
    return {
      json: { trace: out, checkpoint: path, experts, expertsPerToken, layers, texts },
      lines: [
        `Trace: ${out}: ${expertsPerToken} of ${experts} experts a token in ${layers.length} layers`,
        ...texts.map((text) => `  ${text.domain}: ${formatExact(text.tokens)} tokens`),
        '',
        'Plan with it:',
        { command: `${invocation()} cluster serve-plan --trace ${shellWord(out)} --phase prefill` },
      ],
    };
  },
});

/** A file that is no trace is somebody's work. */
function refuseOther(path: string): void {
  if (!existsSync(path)) return;
  const text = explainFsErrors('trace: cannot read', path, () => readFileSync(path, 'utf8'));
  if (!text.startsWith('{"format":"tinyseek-routing-'))
    throw new UserError(`trace: ${path} is there and is no trace; choose another file with --out, or delete it`);
}
