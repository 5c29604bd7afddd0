// The names a server answers to: a page under any other name is refused, also where that name leads to this machine.

import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { UserError } from '../../src/errors.ts';
import { allowedHosts } from '../../src/serve/allowed-hosts.ts';
import { chromium, warnOfNoChromium } from '../browser/chromium.ts';
import { openPage } from '../browser/devtools.ts';
import { RawClient, serve } from './with-server.ts';

const body = JSON.stringify({ prompt: 'Hi', max_tokens: 1 });

/** The status of a request with these headers; `fetch` lets nobody set Host. */
async function statusOf(port: number, headers: Record<string, string>): Promise<number | undefined> {
  const json = { 'content-type': 'application/json' };
  const sent = request({
    port,
    host: '127.0.0.1',
    path: '/v1/completions',
    method: 'POST',
    headers: { ...json, ...headers },
  });
  sent.end(body);
  const [response] = await once(sent, 'response');
  response.resume();
  return response.statusCode;
}

describe('the names of a server', () => {
  it.each(['localhost', 'whale.localhost', '127.0.0.1', '::1', '192.168.1.7', hostname().toLowerCase()])(
    '%s is one',
    (name) => expect(allowedHosts('127.0.0.1', [])(name)).toBe(true),
  );

  it.each(['evil.example', 'localhost.evil.example', 'notlocalhost', '127.0.0.1.evil.example', ''])(
    '%j is none, unless all are',
    (name) => {
      expect(allowedHosts('127.0.0.1', ['box.example'])(name)).toBe(false);
      expect(allowedHosts('127.0.0.1', ['*'])(name)).toBe(true);
    },
  );

  it('those of the user and the one it listens on are', () => {
    const isAllowed = allowedHosts('Whale.Example', ['box.example', 'Fox.example']);
    expect(['whale.example', 'box.example', 'fox.example'].map(isAllowed)).toEqual([true, true, true]);
  });

  it.each(['http://box.example', 'box.example:8000', 'box example', 'box/example', ''])(
    '%j is refused as one',
    (name) => {
      expect(() => allowedHosts('127.0.0.1', [name])).toThrow(UserError);
    },
  );
});

describe('a request', () => {
  it.each<[string, Record<string, string>, number]>([
    ['to the address', {}, 200],
    ['to localhost', { host: 'localhost:8000' }, 200],
    ['in capitals, with a final dot', { host: 'LOCALHOST.:8000' }, 200],
    ['to IPv6', { host: '[::1]:8000' }, 200],
    ['to a name that leads here', { host: 'evil.example' }, 403],
    ['to such a name, of its own page', { host: 'evil.example', origin: 'http://evil.example' }, 403],
    ['to a name that hides behind a user', { host: 'localhost@evil.example' }, 403],
    ['to something that is no name', { host: 'a b' }, 403],
    ['of a page of this machine', { origin: 'http://localhost:3000' }, 200],
    ['of a page from elsewhere', { origin: 'https://evil.example' }, 403],
    ['of a page without an origin, as a frame in a sandbox', { origin: 'null' }, 403],
  ])('%s: %j has status %i', async (_, headers, status) => {
    const { port } = await serve();
    expect(await statusOf(port, headers)).toBe(status);
  });

  it('says what allows the name, and answers once it is allowed', async () => {
    const { port, records, over } = await serve();
    expect(await statusOf(port, { host: 'box.example:8000' })).toBe(403);
    await over(1);
    expect(records[0]?.problem).toContain(
      'Host "box.example:8000" is not a name of this server; if it is, start it with --allowed-host box.example.',
    );
    const other = await serve({ allowedHosts: ['box.example'] });
    expect(await statusOf(other.port, { host: 'box.example:8000', origin: 'https://box.example' })).toBe(200);
  });

  it('of a client without Host, which is no browser, is answered', async () => {
    const { port } = await serve();
    const client = new RawClient(port);
    client.send('GET /v1/models HTTP/1.0\r\n\r\n');
    await expect.poll(() => client.received).toContain('200 OK');
  });
});

describe('a page in a browser, whose name leads to this machine', () => {
  if (chromium === null) {
    warnOfNoChromium('DNS rebinding');
    // A user's machine need not have a browser. CI installs one, so this is never skipped there.
    it.skip('is not tested: no Chromium on the PATH');
    return;
  }

  it.each([
    ['evil.example', [], 403],
    ['evil.example', ['evil.example'], 200],
    ['localhost', [], 200],
  ])('as %s, with %j allowed, gets status %i', async (name, allowed, status) => {
    const { port } = await serve({ allowedHosts: allowed });
    const profile = mkdtempSync(join(tmpdir(), 'tinyseek-page-'));
    const page = await openPage(`http://${name}:${port}/v1/models`, profile, [
      '--host-resolver-rules=MAP evil.example 127.0.0.1',
    ]);
    try {
      const init = { method: 'POST', headers: { 'content-type': 'application/json' }, body };
      const answer = `fetch('/v1/completions', ${JSON.stringify(init)}).then(({ status }) => [location.hostname, status])`;
      expect(await page.evaluate(answer)).toEqual([name, status]);
    } finally {
      await page.close();
      rmSync(profile, { recursive: true, force: true, maxRetries: 10 });
    }
  });
});
