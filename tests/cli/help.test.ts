import { readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it } from 'vitest';
import { nano } from './nano.ts';
import { runCli, runInResident, temporaryFolder } from './run-cli.ts';

const temporary = temporaryFolder();

const commands = [
  [],
  ['train'],
  ['sft'],
  ['eval'],
  ['score'],
  ['generate'],
  ['chat'],
  ['serve'],
  ['params'],
  ['cost'],
  ['doctor'],
  ['bench'],
  ['bench', 'step'],
  ['bench', 'generate'],
  ['bench', 'ops'],
  ['report'],
  ['export'],
  ['import'],
  ['ablate'],
  ['cluster'],
  ['cluster', 'schedule'],
  ['cluster', 'simulate'],
  ['cluster', 'trace'],
  ['cluster', 'eplb'],
  ['cluster', 'serve-plan'],
  ['data'],
  ['data', 'list'],
  ['data', 'show'],
  ['data', 'tokenize'],
];

describe('help (contract)', () => {
  it.each(commands.map((command) => [['tinyseek', ...command].join(' '), command] as const))(
    'of %s stays as it is',
    async (_name, command) => {
      const { code, stdout, stderr } = await runInResident([...command, '--help']);
      expect(stdout).toMatchSnapshot();
      expect(stderr).toBe('');
      expect(code).toBe(0);
    },
  );

  it('is printed to standard error when there is no command, with exit code 2', async () => {
    const { code, stdout, stderr } = await runCli([]);
    expect(stderr).toContain('Usage: tinyseek');
    expect(stdout).toBe('');
    expect(code).toBe(2);
  });

  it('has a version next to it, that of the package', async () => {
    const file = readFileSync(resolve(import.meta.dirname, '../../package.json'), 'utf8');
    const { version }: { version: string } = JSON.parse(file);
    expect(await runCli(['--version'])).toEqual({ code: 0, stdout: `${version}\n`, stderr: '' });
  });
});

describe('wrong usage', () => {
  it.each([
    [['trian'], "unknown command 'trian'", 'train'],
    [['train', '--stps', '3'], "unknown option '--stps'", '--steps'],
    [['data', 'lst'], "unknown command 'lst'", 'list'],
    [['eval'], "missing required argument 'checkpoint'", ''],
    [['generate', 'x'], "required option '--prompt <text>' not specified", ''],
    [['params', 'extra'], 'too many arguments', ''],
    [['score', 'x', '--text', 'a', '--ids', '1'], 'cannot be used with', '--ids'],
    [['train', '--resume', 'a', '--out', 'b'], 'cannot be used with', '--out'],
  ])('%j is one message with the nearest name, and exit code 2', async (args, message, nearest) => {
    const { code, stdout, stderr } = await runInResident(args);
    expect(stderr).toMatch(/^tinyseek: /);
    expect(stderr).toContain(message);
    expect(stderr).toContain(nearest);
    expect(stdout).toBe('');
    expect(code).toBe(2);
  });
});

describe('start-up', () => {
  /** Runs a command and tells whether it had loaded TF.js, which Node loads as CommonJS, by its end. */
  async function loadsTensorFlow(args: readonly string[]): Promise<boolean> {
    const preload = temporary.file('preload.mjs');
    writeFileSync(
      preload,
      `import { createRequire } from 'node:module';
      const { cache } = createRequire(import.meta.url);
      process.on('exit', () => console.error(Object.keys(cache).some((file) => file.includes('@tensorflow'))));`,
    );
    const { stderr } = await runCli(args, { env: { NODE_OPTIONS: `--import ${pathToFileURL(preload).href}` } });
    return stderr.trimEnd().endsWith('true');
  }

  it('never loads TF.js for what computes nothing', async () => {
    for (const args of [
      ['--help'],
      ['train', '--help'],
      ['data', 'list'],
      ['report', 'none'],
      ['ablate', '--list'],
      ['train', '--backend', 'none'],
    ]) {
      expect([args, await loadsTensorFlow(args)]).toEqual([args, false]);
    }
  });

  it('does load it for training', async () => {
    const out = temporary.file('one-step');
    expect(await loadsTensorFlow(['train', '--data', 'addition', '--steps', '1', '--out', out, ...nano])).toBe(true);
  });

  /** Runs a command and tells whether the charts were loaded, which are an ES module. */
  async function loadsCharts(args: readonly string[]): Promise<boolean> {
    const preload = temporary.file('preload-hooks.mjs');
    const hooks = `import { writeSync } from 'node:fs';
      export function load(url, context, next) {
        if (url.endsWith('/report/plot.js')) writeSync(2, 'charts are loaded\\n');
        return next(url, context);
      }`;
    writeFileSync(
      preload,
      `import { register } from 'node:module'; register(${JSON.stringify(`data:text/javascript,${encodeURIComponent(hooks)}`)});`,
    );
    const { stderr } = await runCli(args, { env: { NODE_OPTIONS: `--import ${pathToFileURL(preload).href}` } });
    return stderr.includes('charts are loaded');
  }

  it('loads the charts for a report, and only when it is drawn', async () => {
    const run = temporary.file('run');
    for (const [args, expected] of [
      [['--help'], false],
      [['train', '--backend', 'none'], false],
      [['report', 'none'], false],
      [['ablate', '--list'], false],
      [['train', '--data', 'addition', '--steps', '1', '--out', run, ...nano], true],
      [['report', run], true],
    ] as const) {
      expect([args, await loadsCharts(args)]).toEqual([args, expected]);
    }
  });
});
