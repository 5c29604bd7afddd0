// `tinyseek serve`: a checkpoint behind an OpenAI-compatible HTTP server, until Ctrl-C.

import { basename, resolve } from 'node:path';
import { countParameters } from '../../config/counts.ts';
import { UserError } from '../../errors.ts';
import { createGenerator } from '../../generate/batch-generator.ts';
import { createDecoder } from '../../generate/create-decoder.ts';
import { openPromptFormat } from '../../generate/prompt-format.ts';
import { defaultLimits, type ServeLimits } from '../../serve/limits.ts';
import type { ServedModel } from '../../serve/served-model.ts';
import { type RunningServer, startServer } from '../../serve/server.ts';
import type { BackendFlags } from '../backend-option.ts';
import { exitInterrupted, onInterrupt } from '../interrupt.ts';
import { type OpenedModel, openModel } from '../open-model.ts';
import { logRequest } from '../request-log.ts';
import { wholeNumber } from '../run-options.ts';
import { formatBytes, formatCount, formatDuration, formatExact, plural } from '../terminal/format.ts';
import { columnsOf, type Line, print } from '../terminal/print.ts';
import { formatTable } from '../terminal/table.ts';

export interface ServeFlags extends BackendFlags {
  readonly host: string;
  readonly port: string;
  readonly slots: string;
  readonly maxTokens: string;
  readonly maxQueue: string;
  readonly maxBody: string;
  readonly timeout: string;
}

interface Settings {
  readonly host: string;
  readonly port: number;
  readonly slots: number;
  readonly limits: ServeLimits;
}

const graceSeconds = 10;
// A timer of Node counts milliseconds in 31 bits.
const mostSeconds = 2_000_000;

function parsePort(text: string): number {
  const port = Number(text);
  if (/^\d+$/.test(text) && port <= 65_535) return port;
  throw new UserError(`--port: expected a port from 1 to 65535, or 0 for a free one, found ${JSON.stringify(text)}`);
}

function parseSeconds(text: string): number {
  const seconds = wholeNumber('--timeout', text);
  if (seconds <= mostSeconds) return seconds;
  throw new UserError(`--timeout: expected at most ${mostSeconds} seconds, found ${seconds}`);
}

function parseSettings(flags: ServeFlags): Settings {
  return {
    host: flags.host,
    port: parsePort(flags.port),
    slots: wholeNumber('--slots', flags.slots),
    limits: {
      ...defaultLimits,
      maxTokens: wholeNumber('--max-tokens', flags.maxTokens),
      maxQueue: wholeNumber('--max-queue', flags.maxQueue),
      maxBodyBytes: wholeNumber('--max-body', flags.maxBody),
      answerSeconds: parseSeconds(flags.timeout),
    },
  };
}

function createServedModel(name: string, { model, config, tokenizer, path }: OpenedModel, slots: number): ServedModel {
  const decoder = createDecoder(model, { slots });
  return {
    id: name,
    created: Math.floor(Date.now() / 1000),
    tokenizer,
    prompts: openPromptFormat(path, tokenizer),
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

function banner(url: string, opened: OpenedModel, model: ServedModel, { host, limits }: Settings): Line[] {
  const { total, active } = countParameters(opened.config);
  const chat =
    model.prompts.chat.kind === 'template'
      ? 'the chat template of the checkpoint'
      : 'a plain transcript: the checkpoint has no chat template';
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

/** Serves a checkpoint until it is interrupted. Everything it says goes to standard error. */
export async function serve(checkpoint: string, flags: ServeFlags): Promise<void> {
  const settings = parseSettings(flags);
  const opened = await openModel(checkpoint, flags);
  const model = createServedModel(basename(resolve(checkpoint)), opened, settings.slots);
  const server = await startServer(model, { ...settings, onRequest: logRequest });
  print(process.stderr, banner(server.url, opened, model, settings));
  await interrupted();
  await stop(server, model);
  opened.model.dispose();
}
