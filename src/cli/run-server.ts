// A checkpoint behind the server, until Ctrl-C. Everything it says goes to standard error.

import { basename, resolve } from 'node:path';
import { countParameters } from '../config/counts.ts';
import type { WeightFormat } from '../engine/weight-formats.ts';
import { createGenerator } from '../generate/batch/batch-generator.ts';
import { openPromptFormat } from '../generate/chat/prompt-format.ts';
import { createDecoder } from '../generate/decoder/create-decoder.ts';
import { describeDefaults } from '../generate/generation-defaults.ts';
import type { ServeLimits } from '../serve/limits.ts';
import type { ServedModel } from '../serve/served-model.ts';
import { type RunningServer, startServer } from '../serve/server.ts';
import { exitInterrupted, onInterrupt } from './interrupt.ts';
import type { OpenedModel } from './open-model.ts';
import { logRequest } from './request-log.ts';
import { formatBytes, formatCount, formatDuration, formatExact, plural } from './terminal/format.ts';
import { columnsOf, type Line, print } from './terminal/print.ts';
import { formatTable } from './terminal/table.ts';

export interface ServerSettings {
  readonly host: string;
  readonly port: number;
  readonly allowedHosts: readonly string[];
  readonly slots: number;
  readonly weights: WeightFormat;
  readonly limits: ServeLimits;
}

const graceSeconds = 10;

async function createServedModel(
  name: string,
  opened: OpenedModel,
  { slots, weights }: ServerSettings,
): Promise<ServedModel> {
  const { model, config, tokenizer, defaults, path } = opened;
  const prompts = await openPromptFormat(path, tokenizer);
  const decoder = createDecoder(model, { slots, weights });
  return {
    id: name,
    created: Math.floor(Date.now() / 1000),
    tokenizer,
    prompts,
    defaults,
    contextLength: config.maxPositionEmbeddings,
    generator: createGenerator(decoder, tokenizer),
    slots,
  };
}

const isLoopback = (host: string) => /^(localhost|127(\.\d+){3}|::1)$/.test(host);

function curlLine(url: string): string {
  const body = '{"prompt": "Once upon a time", "max_tokens": 32}';
  return `curl ${url}/v1/completions -H 'content-type: application/json' -d '${body}'`;
}

function banner(
  url: string,
  opened: OpenedModel,
  model: ServedModel,
  { host, limits, weights }: ServerSettings,
): Line[] {
  const { total, active } = countParameters(opened.config);
  const chat =
    model.prompts.chat.kind === 'template'
      ? 'the chat template of the checkpoint'
      : 'a plain transcript: the checkpoint has no (default) chat template';
  const sampling = describeDefaults(model.defaults);
  const rows = [
    [
      'Model',
      `${model.id}, ${formatCount(total)} parameters, ${formatCount(active)} active per token, from ${opened.path}`,
    ],
    ['Context', `${formatExact(model.contextLength)} tokens, prompt and answer together`],
    ['At once', `${plural(model.slots, 'answer')}; ${formatExact(limits.maxQueue)} more may wait`],
    [
      'Limits',
      `${plural(Math.min(limits.maxTokens, model.contextLength), 'token')} and ${formatDuration(limits.answerSeconds)} an answer, ${formatBytes(limits.maxBodyBytes)} a request`,
    ],
    ['Chat', chat],
    ...(weights === 'float32' ? [] : [['Weights', `kept in ${weights}`]]),
    ...(sampling === null
      ? []
      : [['Sampling', `${sampling}, unless a request says otherwise (generation_config.json)`]]),
  ];
  const warning = `warning: whoever can reach ${host} can use it: there are no passwords and no encryption`;
  return [
    `Serving at ${url}/v1`,
    ...formatTable(rows, columnsOf(process.stderr)),
    ...(isLoopback(host) ? [] : [warning]),
    '',
    'Try:',
    { command: curlLine(url) },
    'Ctrl-C stops.',
    '',
  ];
}

/** Waits for Ctrl-C or a request of the system to end; the second one ends the process. */
function interrupted(): Promise<void> {
  return new Promise((done) => {
    onInterrupt(process, { first: done, second: () => process.exit(exitInterrupted) });
  });
}

async function stop(server: RunningServer, { generator }: ServedModel): Promise<void> {
  const waiting =
    server.active === 0
      ? ''
      : `: ${plural(server.active, 'request')} may take ${graceSeconds}s more; Ctrl-C again ends at once`;
  print(process.stderr, [`Stopping${waiting}`]);
  await server.close(graceSeconds);
  await generator.dispose();
}

/** Serves a model under the name of the folder it was asked for by, until it is interrupted. */
export async function runServer(checkpoint: string, opened: OpenedModel, settings: ServerSettings): Promise<void> {
  const model = await createServedModel(basename(resolve(checkpoint)), opened, settings);
  const server = await startServer(model, { ...settings, onRequest: logRequest });
  print(process.stderr, banner(server.url, opened, model, settings));
  await interrupted();
  await stop(server, model);
  opened.model.dispose();
}
