// The built package draws with a bundle of Observable Plot and linkedom, the sources with the packages themselves.

import { copyFileSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it } from 'vitest';
import { renderReport, renderStudy } from '../../src/report/lazy.ts';
import { makeRun } from './fixture.ts';
import { makeStudy } from './study-fixture.ts';

const folder = resolve(import.meta.dirname, '../../dist/report');
const built: typeof import('../../src/report/lazy.ts') = await import(pathToFileURL(join(folder, 'lazy.js')).href);

describe('the charts of the built package', () => {
  it('are those of the packages, of runs and of studies', async () => {
    const runs = [makeRun({ steps: 53, evalEvery: 17, domains: ['prose', 'code'] }), makeRun({ steps: 23 })];
    expect(await built.renderReport(runs)).toBe(await renderReport(runs));
    const study = makeStudy({ arms: ['bias', 'none'], seeds: 2 });
    expect(await built.renderStudy(study.results, study.runs)).toBe(await renderStudy(study.results, study.runs));
  });

  it('need no package, and nothing else of the report does', async () => {
    const alone = mkdtempSync(join(tmpdir(), 'tinyseek-charts-'));
    copyFileSync(join(folder, 'plot.js'), join(alone, 'plot.mjs'));
    const { Plot, parseHTML } = await import(pathToFileURL(join(alone, 'plot.mjs')).href);
    const { document } = parseHTML('<!doctype html><html><body></body></html>');
    expect(Plot.ruleY([2, 3, 5]).plot({ document }).outerHTML).toMatch(/^<svg [\s\S]*<line /);
    rmSync(alone, { recursive: true });
    const others = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter(
      (name) => name.endsWith('.js') && name !== 'plot.js',
    );
    const texts = others.map((name) => readFileSync(join(folder, name), 'utf8'));
    const imports = texts.flatMap((text) => [
      ...text.matchAll(/(?:^(?:import|export)\b[^'";=()]*?|import\()['"]([^'"]+)['"]/gm),
    ]);
    expect(imports.length).toBeGreaterThan(20);
    expect(imports.map(([, name]) => name ?? '').filter((name) => !/^(\.|node:)/.test(name))).toEqual([]);
  });

  it('come with the licence of every package that is in them', () => {
    const licences = readFileSync(join(folder, 'plot.LICENSES.txt'), 'utf8').split(`\n${'-'.repeat(72)}\n\n`);
    const names = licences.map((licence) => /^(\S+) \d+\.\d+\.\d+ \(([\w.-]+)\)\n/.exec(licence)?.[1] ?? licence);
    for (const name of ['@observablehq/plot', 'linkedom', 'd3-shape', 'css-select']) expect(names).toContain(name);
    for (const licence of licences) expect(licence, licence.slice(0, 60)).toMatch(/permi|licen|public domain/i);
    expect(existsSync(join(folder, 'plot.js.map'))).toBe(false);
  });
});
