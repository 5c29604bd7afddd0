// The engine in a real page, with and without the headers that give a page threads.

import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createViteServer } from 'vitest/node';
import { chromium, isolatingHeaders as headers, startChromium, warnOfNoChromium } from '../browser/chromium.ts';
import type { PageReport } from './page.ts';

/** Serves the page, opens it in Chromium, and waits for what it reports. */
async function openPage(isolated: boolean, folder: string): Promise<PageReport> {
  let onReport = (_: PageReport) => {};
  const report = new Promise<PageReport>((resolve) => {
    onReport = resolve;
  });
  const server = await createViteServer({
    configFile: false,
    root: resolve(import.meta.dirname, '../..'),
    cacheDir: join(folder, 'vite'),
    logLevel: 'error',
    appType: 'custom',
    server: { host: '127.0.0.1', port: 0, hmr: false, fs: { strict: false }, headers: isolated ? headers : {} },
    // TF.js's core and its cpu backend together: there must be one TF.js.
    optimizeDeps: { include: ['@tensorflow/tfjs-core', '@tensorflow/tfjs-backend-cpu'], noDiscovery: true },
  });
  server.middlewares.use((request, response) => {
    if (request.url === '/report') {
      let text = '';
      request.on('data', (chunk: Buffer) => {
        text += chunk.toString();
      });
      request.on('end', () => onReport(JSON.parse(text) as PageReport));
      response.end();
      return;
    }
    for (const [name, value] of isolated ? Object.entries(headers) : []) response.setHeader(name, value);
    response.setHeader('Content-Type', 'text/html');
    response.end('<!doctype html><script type="module" src="/tests/engine/page.ts"></script>');
  });
  await server.listen();
  const browser = startChromium(server.resolvedUrls?.local[0] ?? '', join(folder, 'profile'));
  const gone = once(browser, 'exit').then(() => ({ error: 'Chromium ended before the page reported' }));
  const found = await Promise.race([report, gone]);
  browser.kill();
  await gone;
  await server.close();
  return found;
}

describe('a page', () => {
  if (chromium === null) {
    warnOfNoChromium('the engine in a browser');
    // A user's machine need not have a browser. CI installs one, so this is never skipped there.
    it.skip('is not tested: no Chromium on the PATH');
    return;
  }
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'tinyseek-page-'));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true, maxRetries: 10 }));

  it('that is cross-origin isolated computes with threads', async () => {
    const report = await openPage(true, folder);
    expect(report).toEqual({
      isolated: true,
      threads: 3,
      variant: expect.stringContaining('relaxed'),
      worst: expect.any(Number),
      sameBits: true,
      warnings: [],
    });
    // Sums of 307 terms: each addition rounds by half a unit, 6e-8, of what is at most the sum of the magnitudes.
    expect(report.worst).toBeLessThan(307 * 6e-8);
  });

  it('that is not computes with one thread, and says so', async () => {
    const report = await openPage(false, folder);
    expect(report).toEqual({
      isolated: false,
      threads: 1,
      variant: 'relaxed-6x8',
      worst: expect.any(Number),
      sameBits: true,
      warnings: [expect.stringContaining('engine: one thread computes; a page has threads when it is served with')],
    });
    expect(report.worst).toBeLessThan(307 * 6e-8);
  });
});
