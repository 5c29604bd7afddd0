// The preset `tiny` trains in a page: Vite builds it from `tinyseek/core`, and a Web Worker of it trains on the engine,
// in the browser's storage. In the middle of the run the page is loaded again, and goes on from the last checkpoint.

import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { type MetricsLine, memoryStore, modelPreset, type TrainEvent, train, trainPreset } from 'tinyseek/core';
import { build } from 'vite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadBuiltIn } from '../../src/data/corpora/built-in.ts';
import { chromium, isolatingHeaders, startChromium, warnOfNoChromium } from './chromium.ts';
import { type PageReport, run } from './page/messages.ts';

const documents = (loadBuiltIn('moby-dick') ?? []).slice(0, 20);
const types: Record<string, string> = { '.html': 'text/html', '.js': 'text/javascript', '.wasm': 'application/wasm' };

// A build on a slow machine is no reason for a warning.
const rolldownOptions = { checks: { bundlerTimings: false } };

/** Builds the page for production into a folder; what the bundler has to warn of. */
async function buildPage(outDir: string): Promise<string[]> {
  const warnings: string[] = [];
  const warn = (message: string) => void warnings.push(message);
  await build({
    configFile: false,
    root: join(import.meta.dirname, 'page'),
    logLevel: 'warn',
    customLogger: {
      ...{ info: () => {}, warn, warnOnce: warn, error: warn, clearScreen: () => {} },
      ...{ hasErrorLogged: () => false, hasWarned: false },
    },
    build: { outDir, emptyOutDir: true, chunkSizeWarningLimit: Number.POSITIVE_INFINITY, rolldownOptions },
    worker: { format: 'es', rolldownOptions },
  });
  return warnings;
}

/** Serves the page, opens it in Chromium, and waits for what it reports. */
async function openPage(site: string, profile: string, headers: Record<string, string>): Promise<PageReport> {
  let onReport = (_: PageReport) => {};
  const report = new Promise<PageReport>((resolve) => {
    onReport = resolve;
  });
  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    const path = new URL(request.url ?? '', 'http://page').pathname;
    if (path === '/report') onReport(JSON.parse(await text(request)));
    const file = path === '/' ? 'index.html' : path.slice(1);
    const isFile = sitePaths(site).includes(file);
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
    response.setHeader('Content-Type', types[extname(file)] ?? 'application/json');
    response.statusCode = isFile || path === '/documents.json' || path === '/report' ? 200 : 404;
    response.end(isFile ? readFileSync(join(site, file)) : JSON.stringify(documents));
  };
  const server = createServer((request, response) => void answer(request, response)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const browser = startChromium(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`, profile);
  const gone = once(browser, 'exit').then(() => Promise.reject(new Error('Chromium ended before the page reported')));
  try {
    const found = await Promise.race([report, gone]);
    if ('error' in found) throw new Error(`the page: ${String(found.error)}`);
    return found;
  } finally {
    browser.kill();
    await gone.catch(() => {});
    server.closeAllConnections();
    server.close();
  }
}

const sitePaths = (site: string) => readdirSync(site, { recursive: true, encoding: 'utf8' });

/** The lines of a run without what a clock has to do with. */
function timeless(lines: readonly MetricsLine[]): object[] {
  return lines.map(({ seconds: _seconds, 'train/tokens_per_second': _speed, ...rest }) => rest);
}

/** The same run in Node. */
async function trainInNode(): Promise<object[]> {
  const { steps, checkpointEvery } = run;
  const lines: MetricsLine[] = [];
  const onEvent = (event: TrainEvent) => void (event.type === 'step' && lines.push(event.metrics));
  await train({
    model: modelPreset('tiny'),
    train: { ...trainPreset('tiny'), steps, checkpointEvery, batchSize: 2, seqLen: 64, sampleTokens: 0 },
    documents,
    store: memoryStore(),
    ...{ backend: 'engine', backendOptions: { engineVariant: 'simd-6x8' } },
    onEvent,
  });
  return timeless(lines);
}

describe('a page that Vite builds from tinyseek/core', () => {
  if (chromium === null) {
    warnOfNoChromium('training in a page');
    // A user's machine need not have a browser. CI installs one, so this is never skipped there.
    it.skip('is not tested: no Chromium on the PATH');
    return;
  }
  let folder: string;
  let site: string;
  let warnings: string[];
  let linesOfNode: object[];
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'tinyseek-site-'));
    site = join(folder, 'site');
    warnings = await buildPage(site);
    linesOfNode = await trainInNode();
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true, maxRetries: 10 }));

  it('is built without a warning, and has nothing in place of a module of Node', () => {
    expect(warnings).toEqual([]);
    const scripts = sitePaths(site).filter((path) => path.endsWith('.js'));
    const replaced = /__vite-browser-external|from ?['"`]node:|import\(['"`]node:|feross|process\/browser/;
    expect(scripts.filter((path) => replaced.test(readFileSync(join(site, path), 'utf8')))).toEqual([]);
  });

  it.each([
    ['that is cross-origin isolated, on threads', isolatingHeaders, expect.toSatisfy((threads) => threads > 1)],
    ['that is not, on one thread', {}, 1],
  ])('trains in a page %s; loaded again it goes on, and comes to the bits of Node', async (name, headers, threads) => {
    const report = await openPage(site, join(folder, name.replaceAll(/\W+/g, '-')), headers);
    const { lines, wholeLines, text: continuation, ...rest } = report;
    expect(rest).toEqual({
      isolated: headers === isolatingHeaders,
      threads,
      engineVariant: 'simd-6x8',
      resumedAt: run.checkpointEvery,
      sameWeights: true,
    });
    expect(continuation).not.toBe('');
    expect(wholeLines).toHaveLength(run.steps);
    expect(timeless(lines)).toEqual(timeless(wholeLines).slice(run.checkpointEvery));
    expect(timeless(wholeLines)).toEqual(linesOfNode);
  });
});
