// `tinyseek serve`: a checkpoint behind an OpenAI-compatible HTTP server, until Ctrl-C.

import { UserError } from '../../errors.ts';
import { backendOptions } from '../backend-option.ts';
import { defineCommand } from '../command.ts';
import { checkpointArgument, collect } from '../common-options.ts';
import { wholeNumber } from '../run-options.ts';
import { parseWeights, weightsOption } from '../weights-option.ts';

export const serveCommand = defineCommand({
  name: 'serve',
  summary: 'serve a checkpoint over HTTP, as the OpenAI API does',
  description: `Serves a checkpoint over HTTP with the OpenAI API: /v1/models, /v1/completions, /v1/chat/completions.
Ctrl-C stops it. The API: docs/serve.md.`,
  arguments: [checkpointArgument],
  options: [
    {
      flags: '--host <address>',
      help: 'address to listen on; there is no password, so think before you open it',
      default: '127.0.0.1',
    },
    { flags: '--port <n>', help: 'port to listen on; 0 takes a free one', default: '8000' },
    {
      flags: '--allowed-host <name>',
      help: 'a name it answers to, besides those of this machine; can be repeated; * allows any',
      parse: collect,
    },
    { flags: '--slots <n>', help: 'answers generated at the same time', default: '32' },
    {
      flags: '--max-queue <n>',
      help: 'answers that may wait for a slot; more are sent away (status 429)',
      default: '256',
    },
    { flags: '--max-tokens <n>', help: 'tokens of an answer at most', default: '4096' },
    { flags: '--max-body <bytes>', help: 'size of a request at most', default: '1000000' },
    { flags: '--timeout <seconds>', help: 'time an answer may take, waiting included', default: '300' },
    weightsOption,
    ...backendOptions(),
  ],
  examples: [
    ['serve runs/first', 'at http://127.0.0.1:8000/v1'],
    ['serve runs/first --port 0 --slots 4 --max-tokens 200', 'on a free port, with less at once'],
  ],
  run: async (checkpoint, options) => {
    const { defaultLimits } = await import('../../serve/limits.ts');
    const settings = {
      host: options.host,
      port: parsePort(options.port),
      allowedHosts: options.allowedHost ?? [],
      slots: wholeNumber('--slots', options.slots),
      weights: parseWeights(options.weights),
      limits: {
        ...defaultLimits,
        maxTokens: wholeNumber('--max-tokens', options.maxTokens),
        maxQueue: wholeNumber('--max-queue', options.maxQueue),
        maxBodyBytes: wholeNumber('--max-body', options.maxBody),
        answerSeconds: parseSeconds(options.timeout),
      },
    };
    const { openModel } = await import('../open-model.ts');
    const { runServer } = await import('../run-server.ts');
    await runServer(checkpoint, await openModel(checkpoint, options), settings);
  },
});

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
