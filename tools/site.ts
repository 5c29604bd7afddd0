// Builds the site into dist-site: `npm run site`. `-- --serve` shows it on this machine afterwards, and
// `-- --base /tinyseek/` is for a host on which it does not lie at the root.

import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { globSync } from 'tinyglobby';
import { brokenLinks } from './site/check-links.ts';
import { withPolicy } from './site/policy.ts';
import { serveSite } from './site/serve.ts';
import { writePages } from './site/write-pages.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const pages = join(root, 'site/pages');
const out = join(root, 'dist-site');
const { values } = parseArgs({
  options: {
    serve: { type: 'boolean' },
    base: { type: 'string', default: '/' },
    port: { type: 'string', default: '4173' },
  },
});
if (!/^\/(.*\/)?$/.test(values.base)) throw new Error(`--base: ${values.base} must begin and end with a slash`);

/** Runs a program of a package that was installed; what it says is shown where it fails. */
function run(what: string, program: string, ...args: string[]): void {
  const start = performance.now();
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...args], { cwd: root, encoding: 'utf8' });
  if (status !== 0) throw new Error(`${what} failed\n${stdout}${stderr}`);
  console.log(`${what}: ${((performance.now() - start) / 1000).toFixed(0)} s`);
}

const generator = join(root, 'site/node_modules/vitepress/bin/vitepress.js');
if (!existsSync(generator)) {
  console.log('The generator of the site is installed first, into site/node_modules (102 MB).');
  const install = ['ci', '--no-audit', '--no-fund', '--ignore-scripts', '--prefix', 'site'];
  const { status } = spawnSync('npm', install, { cwd: root, stdio: 'inherit', shell: process.platform === 'win32' });
  if (status !== 0) throw new Error('npm ci --prefix site failed');
}

writePages(root, pages);
const files = join(pages, 'public');
mkdirSync(files, { recursive: true });
cpSync(join(root, 'dist/lab-page'), join(files, 'lab'), { recursive: true });
cpSync(join(root, 'lab/public/isolation.js'), join(files, 'isolation.js'));
run('API reference', join(root, 'node_modules/typedoc/bin/typedoc'), '--options', 'site/typedoc.json');
run('pages', generator, 'build', 'site', '--base', values.base);

const written = globSync('**/*.html', { cwd: out, ignore: ['lab/**'] });
for (const file of written) {
  const path = join(out, file);
  writeFileSync(path, withPolicy(readFileSync(path, 'utf8')));
}
const broken = brokenLinks(out, values.base);
for (const { page, link, problem } of broken) console.error(`${page}: ${link}: ${problem}`);
console.log(`dist-site: ${written.length} pages, ${broken.length} broken links`);
if (broken.length > 0) process.exitCode = 1;
else if (values.serve === true) {
  const { url } = await serveSite(out, values.base, Number(values.port));
  console.log(`Serving at ${url} until Ctrl-C stops it`);
}
