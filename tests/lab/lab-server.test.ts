// What the lab's server sends, and what it does not.

import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { useTempFolder } from '../io/helpers.ts';

const { startLabServer, labHeaders } = await import(join(import.meta.dirname, '../../dist/lab/lab-server.js'));
const path = useTempFolder();
let server: { url: string; close(): Promise<void> };

beforeEach(async () => {
  mkdirSync(path('run'));
  writeFileSync(path('run', 'config.json'), '{}');
  writeFileSync(path('run', 'notes.txt'), 'private');
  symlinkSync(path('outside.json'), path('run', 'tokenizer.json'));
  writeFileSync(path('outside.json'), 'private');
  server = await startLabServer(0, [{ name: 'run', folder: path('run') }]);
});

afterEach(() => server.close());

async function get(target: string, headers: Record<string, string> = {}, method = 'GET') {
  const { port } = new URL(server.url);
  const response = await new Promise<import('node:http').IncomingMessage>((done, failed) => {
    request({ host: '127.0.0.1', port, path: target, headers, method }, done).on('error', failed).end();
  });
  return { status: response.statusCode, headers: response.headers, text: await text(response) };
}

it('sends the page, with the headers that isolate it', async () => {
  const page = await get('/');
  expect(page.text).toContain('TinySeek lab');
  for (const [name, value] of Object.entries(labHeaders)) expect(page.headers[name.toLowerCase()]).toBe(value);
});

it('sends what was offered', async () => {
  expect(JSON.parse((await get('/models.json')).text)).toEqual(['run']);
  expect((await get('/models/0/config.json')).text).toBe('{}');
});

it.each([
  ['a file that is no part of a model', '/models/0/notes.txt'],
  ['a link to a file outside', '/models/0/tokenizer.json'],
  ['a model that was not offered', '/models/1/config.json'],
  ['a path that leads out', '/models/0/..%2Foutside.json'],
  ['a path that leads out of the page', '/..%2Fpackage.json'],
  ['a path that is no text', '/%ff'],
  ['a folder', '/models/0'],
])('does not send %s', async (_, target) => {
  expect(await get(target)).toMatchObject({ status: 404 });
});

it('answers no page of another site, and nothing but reading', async () => {
  expect(await get('/', { host: 'evil.example' })).toMatchObject({ status: 403 });
  expect(await get('/', {}, 'POST')).toMatchObject({ status: 405 });
  expect(await get('/', {}, 'HEAD')).toMatchObject({ status: 200, text: '' });
});
