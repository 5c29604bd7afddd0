import { mkdirSync, realpathSync, writeFileSync } from 'node:fs';
import { delimiter, dirname, join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Call, invocation, shellWord } from '../../src/cli/invocation.ts';
import { runCli, temporaryFolder } from './run-cli.ts';

const temporary = temporaryFolder();
const checkout = resolve(import.meta.dirname, '../..');

/** A file in the temporary folder, empty, with the folders around it. */
function file(...names: string[]): string {
  const path = join(temporary.path, ...names);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, '');
  return path;
}

/** A call of a package in that folder, with nothing of it on the path. */
function call(root: string, changes: Partial<Call> = {}): Call {
  return { root, script: join(root, 'dist/cli/main.js'), cwd: root, env: { PATH: '/nowhere' }, ...changes };
}

describe('a suggested command begins with what the reader types', () => {
  it('in a checkout: npx tinyseek, whether npm started it (npm start) or Node', () => {
    file('checkout', 'package.json');
    const root = join(temporary.path, 'checkout');
    for (const env of [{}, { npm_command: 'start' }, { npm_command: 'run-script' }]) {
      expect(invocation(call(root, { env }))).toBe('npx tinyseek');
    }
    mkdirSync(join(root, 'runs', 'first'), { recursive: true });
    expect(invocation(call(root, { cwd: join(root, 'runs', 'first') }))).toBe('npx tinyseek');
  });

  it('outside of it: node with the path of the script, the shorter of the two', () => {
    file('checkout', 'package.json');
    const root = join(temporary.path, 'checkout');
    const cwd = join(temporary.path, 'elsewhere');
    expect(invocation(call(root, { cwd }))).toBe('node ../checkout/dist/cli/main.js');
    expect(invocation(call('/x', { cwd: '/a/very/deep/folder' }))).toBe('node /x/dist/cli/main.js');
    expect(invocation(call("/it's", { cwd: '/a/very/deep/folder' }))).toBe("node '/it'\\''s/dist/cli/main.js'");
  });

  it('in another package inside of it: node as well, because npx would look there', () => {
    file('checkout', 'package.json');
    file('checkout', 'tools', 'package.json');
    const root = join(temporary.path, 'checkout');
    expect(invocation(call(root, { cwd: join(root, 'tools') }))).toBe('node ../dist/cli/main.js');
  });

  it('through npx or npm exec: npx tinyseek, wherever npm keeps the package', () => {
    const script = '/home/me/.npm/_npx/0a1b/node_modules/.bin/tinyseek';
    const root = '/home/me/.npm/_npx/0a1b/node_modules/tinyseek';
    const env = { npm_command: 'exec', PATH: dirname(script) };
    expect(invocation(call(root, { script, cwd: '/somewhere', env }))).toBe('npx tinyseek');
  });

  it('installed for every folder: tinyseek', () => {
    const link = file('usr', 'bin', 'tinyseek');
    const root = join(temporary.path, 'usr', 'lib', 'node_modules', 'tinyseek');
    const env = { PATH: ['/nowhere', dirname(link)].join(delimiter) };
    expect(invocation(call(root, { script: link, cwd: '/somewhere', env }))).toBe('tinyseek');
    // Windows and pnpm start the script itself.
    expect(invocation(call(root, { cwd: '/somewhere', env }))).toBe('tinyseek');
  });

  it('linked into the path from a checkout: tinyseek; the checkout beside an installed version: npx tinyseek', () => {
    const link = file('usr', 'bin', 'tinyseek');
    file('checkout', 'package.json');
    const root = join(temporary.path, 'checkout');
    const env = { PATH: dirname(link) };
    expect(invocation(call(root, { script: link, cwd: '/somewhere', env }))).toBe('tinyseek');
    expect(invocation(call(root, { env }))).toBe('npx tinyseek');
  });

  it('in a project that depends on it: npx tinyseek; started from elsewhere: its path', () => {
    file('project', 'package.json');
    const root = join(temporary.path, 'project', 'node_modules', 'tinyseek');
    const script = file('project', 'node_modules', '.bin', 'tinyseek');
    // npm puts the folder of its links on the path of the scripts that it runs, not on that of the reader's shell.
    const env = { npm_command: 'run-script', PATH: dirname(script) };
    expect(invocation(call(root, { script, cwd: join(temporary.path, 'project'), env }))).toBe('npx tinyseek');
    const cwd = join(temporary.path, 'elsewhere');
    expect(invocation(call(root, { script, cwd, env }))).toBe('node ../project/node_modules/.bin/tinyseek');
  });

  it('as the real command says it', async () => {
    const hint = async (cwd: string) => {
      const { stdout } = await runCli(['ablate', '--list'], { cwd });
      return /Try one:\n {2}(.*) ablate balance --quick\n/.exec(stdout)?.[1];
    };
    expect(await hint(checkout)).toBe('npx tinyseek');
    const main = join(checkout, 'dist/cli/main.js');
    expect(await hint(realpathSync(temporary.path))).toMatch(
      new RegExp(`^node (${main}|(\\.\\./)+.*dist/cli/main\\.js)$`),
    );
  });
});

describe('words of a suggested command', () => {
  it('are quoted where a shell would take them apart', () => {
    expect(shellWord('runs/a-1.2')).toBe('runs/a-1.2');
    expect(shellWord("it's here")).toBe("'it'\\''s here'");
    expect(shellWord('')).toBe("''");
  });
});
