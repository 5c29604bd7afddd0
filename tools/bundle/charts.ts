// Observable Plot, linkedom and all that they need, as one module in place of what the compiler made of
// src/report/plot.ts, with their licences beside it. From src, as in tests, the packages themselves are used.

import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Plugin, rolldown } from 'rolldown';

const source = fileURLToPath(new URL('../../src/report/plot.ts', import.meta.url));
const licences = 'plot.LICENSES.txt';

/** linkedom loads the native package `canvas` where somebody has it; nothing here draws on one. */
const noCanvas: Plugin = {
  name: 'no-canvas',
  resolveId(name, importer) {
    const isCanvas = name.endsWith('/commonjs/canvas.cjs') && importer !== undefined;
    return isCanvas ? join(dirname(importer), name.replace('canvas.cjs', 'canvas-shim.cjs')) : null;
  },
};

/** The folder of the package that a module belongs to. */
function packageOf(module: string): string | null {
  const [folder] = /^.*[\\/]node_modules[\\/](?:@[^\\/]+[\\/])?[^\\/]+/.exec(module) ?? [];
  return folder ?? null;
}

function licenceOf(folder: string): string {
  const { name, version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry));
  if (file === undefined) throw new Error(`the charts: ${name} has no licence file to go with its code`);
  const notice = existsSync(join(folder, 'NOTICE')) ? `\n${readFileSync(join(folder, 'NOTICE'), 'utf8').trim()}\n` : '';
  return `${name} ${version} (${license})\n\n${readFileSync(join(folder, file), 'utf8').trim()}\n${notice}`;
}

/** Writes `report/plot.js` and the licences of what is in it. */
export async function bundleCharts(outDir: string): Promise<void> {
  const bundle = await rolldown({
    input: source,
    platform: 'node',
    checks: { bundlerTimings: false },
    plugins: [noCanvas],
    onLog: (level, { message }) => {
      if (level === 'warn') throw new Error(`the charts: ${message}`);
    },
  });
  const banner = `/*! Observable Plot and linkedom with what they need; their licences are in ${licences}. */`;
  const { output } = await bundle.generate({ postBanner: banner, comments: false, minify: true });
  await bundle.close();
  const [chunk] = output;
  const packages = new Set(Object.keys(chunk.modules).flatMap((module) => packageOf(module) ?? []));
  const folder = join(outDir, 'report');
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'plot.js'), chunk.code);
  rmSync(join(folder, 'plot.js.map'), { force: true });
  writeFileSync(
    join(folder, licences),
    [...packages]
      .sort()
      .map(licenceOf)
      .join(`\n${'-'.repeat(72)}\n\n`),
  );
}
