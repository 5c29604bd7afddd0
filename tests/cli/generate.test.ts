import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { beforeAll, describe, expect, it } from 'vitest';
import { displayWidth } from '../../src/cli/terminal/cells.ts';
import { printable } from '../../src/cli/terminal/text.ts';
import { nano, writeText } from './nano.ts';
import { type CliOptions, type ResidentOptions, runCli, runInResident, temporaryFolder } from './run-cli.ts';

const temporary = temporaryFolder();

beforeAll(async () => {
  const data = writeText(temporary.file('text.txt'));
  const small = [...nano, '--set', 'numNextnPredictLayers=1', '--set', 'maxPositionEmbeddings=97'];
  await ownProcess(['train', ...small, '--data', data, '--steps', '30', '--out', 'run']);
  await cli(['train', ...nano, '--data', data, '--steps', '1', '--out', 'no-mtp']);
});

function cli(args: readonly string[], options: ResidentOptions = {}) {
  return runInResident(args, { cwd: temporary.path, ...options });
}

function ownProcess(args: readonly string[], options: CliOptions = {}) {
  return runCli(args, { cwd: temporary.path, ...options });
}

async function json(...args: string[]) {
  const { code, stdout, stderr } = await cli(['generate', 'run', '--json', ...args]);
  expect([stderr, code]).toEqual(['', 0]);
  return JSON.parse(stdout);
}

describe('generate', () => {
  it('writes the text to standard output, and what it cost to standard error', async () => {
    const args = ['generate', 'run', '--prompt', 'Whale', '--max-new-tokens', '11'];
    const { code, stdout, stderr } = await ownProcess(args);
    const { text, ids } = await json('--prompt', 'Whale', '--max-new-tokens', '11');
    expect(stdout).toBe(`${text}\n`);
    expect(ids).toHaveLength(11);
    expect(stderr).toMatch(/^\n11 tokens, .* tokens\/s, prompt read in \d+\.\d+ s\n$/);
    expect(code).toBe(0);
  });

  it('gives programs one object', async () => {
    expect(await json('--prompt', 'Whale', '--max-new-tokens', '5')).toEqual({
      text: expect.any(String),
      ids: expect.any(Array),
      finishReason: 'length',
      tokensPerSecond: expect.any(Number),
      prefillSeconds: expect.any(Number),
      forwardPasses: 5,
      acceptanceRate: null,
      precision: 'float32',
    });
  });

  it('writes the same with drafts, at temperature 0, and says what they saved', async () => {
    const args = ['--prompt', 'Whale', '--temperature', '0', '--max-new-tokens', '23'];
    const plain = await json(...args);
    for (const drafts of [[], ['2'], ['3']]) {
      const result = await json(...args, '--speculative', ...drafts);
      expect(result.ids).toEqual(plain.ids);
      expect(result.plain.forwardPasses).toBe(plain.forwardPasses);
      expect(result.forwardPasses).toBeLessThanOrEqual(plain.forwardPasses);
      expect(result.acceptanceRate).toBeGreaterThanOrEqual(0);
    }
    const { stderr } = await cli(['generate', 'run', ...args, '--speculative']);
    expect(stderr).toMatch(/plain +\S+( [kM])? +23 +1\.00 +-\n1 draft +/);
    expect(stderr).toMatch(/of the main model saved .* the same text\n$/);
  });

  it('writes several samples, of which each has its seed', async () => {
    const { samples, text } = await json('--prompt', 'Whale', '--n', '3', '--seed', '5', '--max-new-tokens', '7');
    expect(samples.map(({ seed }: { seed: number }) => seed)).toEqual([5, 6, 7]);
    expect(text).toBe(samples[0].text);
    const single = await json('--prompt', 'Whale', '--seed', '6', '--max-new-tokens', '7');
    expect(single.ids).toEqual(samples[1].ids);
  });

  describe('on a terminal', () => {
    const args = ['--max-new-tokens', '11'];
    const dim = (text: string) => `\x1b[2m${text}\x1b[22m`;
    const words = (text: string) => text.split(/\s+/).filter((word) => word !== '');
    /** What a model writes, as a terminal shows it. */
    const shown = (text: string) => words(printable(text));

    it('puts the prompt before the text, dimmed, whether it comes as an option, from a file, or with drafts', async () => {
      const { text } = await json('--prompt', 'A white wh', ...args);
      for (const [options, input] of [
        [['--prompt', 'A white wh'], ''],
        [['--prompt', '-'], 'A white wh\n'],
      ] as const) {
        const { stdout } = await ownProcess(['generate', 'run', ...options, ...args], { columns: 40, input });
        expect(stdout).toContain(`${dim('A')} ${dim('white')} ${dim('wh')}`);
        expect(words(stripVTControlCharacters(stdout)).join('')).toBe(shown(`A white wh${text}`).join(''));
      }
      const greedy = ['--prompt', 'A white wh', '--temperature', '0', ...args];
      const drafted = await cli(['generate', 'run', ...greedy, '--speculative'], { columns: 40 });
      expect(drafted.stdout).toContain(`${dim('A')} ${dim('white')} ${dim('wh')}`);
    });

    it('puts it before each of several samples, and keeps its lines', async () => {
      const options = ['--prompt', 'One line\n\nand anoth', '--n', '2', ...args];
      const { samples } = await json(...options);
      const { stdout } = await cli(['generate', 'run', ...options], { columns: 40 });
      const [before, ...parts] = stdout.split(/--- \d of 2, seed \d\n/);
      expect([before, parts.length]).toEqual(['', 2]);
      parts.forEach((part, i) => {
        expect(part.startsWith(`${dim('One')} ${dim('line')}\n\n${dim('and')} ${dim('anoth')}`)).toBe(true);
        expect(words(stripVTControlCharacters(part)).join('')).toBe(
          shown(`One line and anoth${samples[i].text}`).join(''),
        );
      });
    });

    it('puts it in brackets where there are no colours', async () => {
      const env = { NO_COLOR: '1' };
      const { stdout } = await cli(['generate', 'run', '--prompt', 'A white wh', ...args], { columns: 40, env });
      expect(stdout.startsWith('[A white wh]')).toBe(true);
      expect(stdout).not.toContain('\x1b');
    });

    it('breaks at words', async () => {
      const prompt = 'whales that swim and sing in the wide and open sea ';
      const { stdout } = await cli(['generate', 'run', '--prompt', prompt, ...args], {
        columns: 21,
        env: { NO_COLOR: '1' },
      });
      expect(stdout).toMatch(/^\[whales that swim and\nsing in the wide and\nopen sea/);
    });

    it('prints nothing of a prompt that is too long', async () => {
      const { stdout, stderr } = await cli(['generate', 'run', '--prompt', 'x'.repeat(97)], { columns: 40 });
      expect([stdout, stderr]).toEqual(['', expect.stringMatching(/^tinyseek: .*98 tokens/s)]);
    });

    it('has nothing to do with --json', async () => {
      const options = ['generate', 'run', '--json', '--prompt', 'A white wh', ...args];
      const { stdout } = await cli(options, { columns: 40 });
      expect(JSON.parse(stdout).ids).toEqual((await json('--prompt', 'A white wh', ...args)).ids);
    });
  });

  it('reads the prompt from standard input, without its last newline', async () => {
    const args = ['--max-new-tokens', '5', '--json'];
    const { stdout } = await ownProcess(['generate', 'run', '--prompt', '-', ...args], { input: 'Whale\n' });
    expect(JSON.parse(stdout).ids).toEqual((await json('--prompt', 'Whale', ...args)).ids);
  });

  it('ends at a stop string, and at the end of the context', async () => {
    const { text } = await json('--prompt', 'Whale', '--max-new-tokens', '20');
    const stop = Array.from<string>(text).slice(3, 5).join('');
    const stopped = await json('--prompt', 'Whale', '--max-new-tokens', '20', '--stop', 'nowhere', '--stop', stop);
    expect(stopped.text).toBe(text.slice(0, text.indexOf(stop)));
    expect(stopped.finishReason).toBe('stop');
    const { stderr } = await cli(['generate', 'run', '--prompt', 'Whale', '--max-new-tokens', '200']);
    expect(stderr).toMatch(/stopped at the end of the context of 97 tokens/);
  });

  it.each([
    [['--prompt', ''], /prompt is empty/],
    [['--prompt', 'x'.repeat(97)], /98 tokens, and the context ends at 97/],
    [['--prompt', 'x', '--temperature', 'warm'], /--temperature: expected a number, found "warm"/],
    [['--prompt', 'x', '--temperature', '-1'], /temperature must be 0/],
    [['--prompt', 'x', '--top-p', '0'], /topP must be above 0/],
    [['--prompt', 'x', '--top-k', '1.5'], /topK must be a whole number/],
    [['--prompt', 'x', '--temperature', '0', '--top-k', '5'], /--top-k has no effect with --temperature 0/],
    [['--prompt', 'x', '--temperature', '0', '--n', '2'], /--n 2: all samples are the same/],
    [['--prompt', 'x', '--n', '0'], /--n: expected a whole number from 1 on/],
    [['--prompt', 'x', '--max-new-tokens', 'all'], /--max-new-tokens: expected a whole number/],
    [['--prompt', 'x', '--stop', ''], /--stop: expected a text/],
    [['--prompt', 'x', '--speculative', '4'], /at most 3 drafts, found 4/],
  ])('says in one message what is wrong with %j', async (args, message) => {
    const { code, stdout, stderr } = await cli(['generate', 'run', ...args]);
    expect(stderr).toMatch(/^tinyseek: .*\n$/);
    expect(stderr).toMatch(message);
    expect([stdout, code]).toEqual(['', 1]);
  });

  it('names a checkpoint without an MTP module, or without anything', async () => {
    const speculative = await cli(['generate', 'no-mtp', '--prompt', 'x', '--speculative']);
    expect(speculative.stderr).toMatch(/^tinyseek: .*without an MTP module.*\n$/);
    expect((await cli(['generate', join('run', 'none'), '--prompt', 'x'])).stderr).toMatch(/does not exist/);
  });
});

describe('chat', () => {
  it('answers lines from a pipe: answers on standard output, the rest on standard error', async () => {
    const input = 'Whale\n/set max-new-tokens 3\nAgain\n/quit\nnot read\n';
    const { code, stdout, stderr } = await ownProcess(['chat', 'run', '--max-new-tokens', '5', '--temperature', '0'], {
      input,
    });
    expect(stderr).toMatch(/parameters, 97 tokens of context\n.*no chat template/);
    expect(stderr).toMatch(/\(5 tokens, .*\nmax-new-tokens is 3 now\.\n\(3 tokens, [^\n]*\n$/);
    expect(stdout.length).toBeGreaterThan(2);
    expect(code).toBe(0);
  });

  it('breaks answers at words on a terminal, also where the lines come from a pipe', async () => {
    const args = ['chat', 'run', '--max-new-tokens', '40', '--temperature', '0'];
    const input = 'Whale\n';
    const [piped, shown] = [await ownProcess(args, { input }), await ownProcess(args, { input, columns: 20 })];
    const words = (text: string) => printable(text).split(/\s+/);
    expect(words(shown.stdout).join('')).toBe(words(piped.stdout).join(''));
    for (const line of shown.stdout.split('\n')) {
      expect(displayWidth(line) <= 20 || displayWidth(words(line)[0]!) > 20).toBe(true);
    }
    expect(shown.stderr).toContain('It has no chat\ntemplate:');
  });
});
