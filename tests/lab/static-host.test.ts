// The folder of the lab on a server that knows nothing of it: no headers, no types, below another path.

import { once } from 'node:events';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { chromium as executable, warnOfNoChromium } from '../browser/chromium.ts';
import { type LabOptions, openLab, type OpenLab, pastStep } from './open-lab.ts';

/** What browsers insist on; everything else has the type of bytes. */
const types: Readonly<Record<string, string>> = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css' };
const prefix = '/people/ada/lab/';
/** A text that lies beside the page. */
const small =
  'preset=pocket&steps=20&seqLen=32&batchSize=2&hiddenSize=32&sampleTokens=0&tokenizer=bytes&evalTokens=256';

describe('the lab on a plain static host', () => {
  if (executable === null) {
    warnOfNoChromium('the lab on a static host');
    // A user's machine need not have a browser. CI installs one, so this is never skipped there.
    it.skip('is not tested: no Chromium on the PATH');
    return;
  }
  let folder: string;
  let server: Server;
  let port: number;
  let lab: OpenLab | undefined;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'tinyseek-host-'));
    cpSync(join(import.meta.dirname, '../../dist/lab-page'), folder, { recursive: true });
    server = createServer((request, response) => {
      const { pathname } = new URL(request.url ?? '/', 'http://host');
      const path = join(folder, pathname.startsWith(prefix) ? pathname.slice(prefix.length) || 'index.html' : 'none');
      const isFile = existsSync(path) && statSync(path).isFile();
      response.writeHead(isFile ? 200 : 404, { 'Content-Type': types[extname(path)] ?? 'application/octet-stream' });
      response.end(isFile ? readFileSync(path) : 'There is no such file.');
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    port = (server.address() as AddressInfo).port;
  });

  afterEach(() => lab?.close());

  afterAll(() => {
    server?.close();
    rmSync(folder, { recursive: true, force: true, maxRetries: 10 });
  });

  async function train(options: LabOptions): Promise<string> {
    lab = await openLab({ ...options, url: `http://localhost:${port}${prefix}` });
    await lab.open(small);
    await lab.press('Train');
    await pastStep(lab.page, 2);
    await lab.reach('done');
    return lab.page.locator('.computer').innerText();
  }

  it('has threads by a service worker, and its texts beside it', async () => {
    expect(await train({})).not.toMatch(/One thread/);
    expect(await lab!.page.evaluate('crossOriginIsolated')).toBe(true);
    expect(await lab!.messages()).toBe('');
  });

  it('trains on one thread where there is no service worker, and says how to have more', async () => {
    expect(await train({ context: { serviceWorkers: 'block' } })).toMatch(/1 thread,.*One thread: .*npx tinyseek lab/s);
  });

  it('says what to do where the page came over plain HTTP', async () => {
    const host = 'lab.example';
    const args = [`--host-resolver-rules=MAP ${host} 127.0.0.1`];
    lab = await openLab({ args, url: `http://${host}:${port}${prefix}` });
    await lab.open(small);
    await lab.press('Train');
    await expect.poll(() => lab!.messages()).toMatch(/plain HTTP.*serve it over HTTPS/s);
    await lab.press('Rewind');
    await expect.poll(() => lab!.messages()).toMatch(/plain HTTP/);
  });
});
