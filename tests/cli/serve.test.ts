// The command itself, with a model: what it prints, that clients do not disturb each other, and how it ends.

import OpenAI from 'openai';
import { beforeAll, describe, expect, it } from 'vitest';
import { nano, writeText } from './nano.ts';
import { type RunningCli, runInResident, startCli, temporaryFolder } from './run-cli.ts';

const temporary = temporaryFolder();

beforeAll(async () => {
  const data = writeText(temporary.file('text.txt'));
  await runInResident(['train', ...nano, '--data', data, '--steps', '5', '--out', 'whales'], { cwd: temporary.path });
});

async function serve(...args: string[]): Promise<{ cli: RunningCli; client: OpenAI }> {
  const cli = startCli(['serve', 'whales', '--port', '0', ...args], { cwd: temporary.path });
  await cli.until('Ctrl-C stops.');
  const url = /^Serving at (\S+)$/m.exec(cli.stderr())?.[1];
  return { cli, client: new OpenAI({ baseURL: url!, apiKey: 'none', maxRetries: 0 }) };
}

describe('tinyseek serve', () => {
  it('says where, what and how much, answers, logs, and ends at a signal', async () => {
    const { cli, client } = await serve('--slots', '3', '--max-tokens', '7');
    expect(cli.stderr()).toMatch(/^Model +whales, .* parameters, .* active per token, from whales.checkpoints.step-/m);
    expect(cli.stderr()).toMatch(/^At once +3 answers; 256 more may wait$/m);
    expect(cli.stderr()).toMatch(/^Chat +a plain transcript/m);
    expect(cli.stderr()).toMatch(/^Try:\n {2}curl http:\/\/127\.0\.0\.1:\d+\/v1\/completions /m);
    const { usage } = await client.completions.create({ model: 'whales', prompt: 'Whale', max_tokens: 5 });
    expect(usage?.prompt_tokens).toBe(6);
    await expect(client.completions.create({ model: 'other', prompt: 'a' })).rejects.toThrow(OpenAI.NotFoundError);
    await cli.until('does not exist');
    cli.child.kill('SIGTERM');
    const { code, stdout, stderr } = await cli.result;
    expect(stderr).toMatch(/^\d\d:\d\d:\d\d POST \/v1\/completions 200, 6 \+ \d tokens, [\d.]+ s$/m);
    expect(stderr).toMatch(/POST \/v1\/completions 404, .* s: The model "other" does not exist/);
    expect(stderr).toMatch(/^Stopping$/m);
    expect([code, stdout]).toEqual([0, '']);
  });

  it('gives each of 64 clients at once what it gets alone', async () => {
    const { cli, client } = await serve('--slots', '7');
    const ask = async (i: number) => {
      const request = { model: 'whales', prompt: `Whale ${i} swims`, seed: i, max_tokens: 5 + (i % 11), logprobs: 2 };
      const { choices, usage } = await client.completions.create(request);
      return [choices[0]?.text, choices[0]?.finish_reason, choices[0]?.logprobs?.tokens, usage];
    };
    const together = await Promise.all(Array.from({ length: 64 }, (_, i) => ask(i)));
    for (const [i, answer] of together.entries()) expect(await ask(i)).toEqual(answer);
    cli.child.kill('SIGINT');
    expect((await cli.result).code).toBe(0);
  });

  it.each([
    [['--port', '70000'], /^tinyseek: --port: expected a port from 1 to 65535, or 0 for a free one, found "70000"\n$/],
    [['--timeout', '0'], /^tinyseek: --timeout: expected a whole number from 1 on/],
    [['--slots', 'many'], /^tinyseek: --slots: expected a whole number from 1 on/],
    [['--host', '192.0.2.1'], /tinyseek: serve: cannot listen on 192\.0\.2\.1 port 8000: this machine does not have/],
  ])('refuses %j with one message', async (args, message) => {
    const { code, stdout, stderr } = await runInResident(['serve', 'whales', ...args], { cwd: temporary.path });
    expect(stderr).toMatch(message);
    expect([code, stdout]).toEqual([1, '']);
  });
});
