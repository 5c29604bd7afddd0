import { describe, expect, it } from 'vitest';
import { UserError } from '../../src/errors.ts';
import { noDefaults } from '../../src/generate/generation-defaults.ts';
import { defaultLimits } from '../../src/serve/limits.ts';
import { startServer } from '../../src/serve/server.ts';
import { fakeText } from './fake-generator.ts';
import { post, postBody, promptIds, RawClient, serve } from './with-server.ts';

const path = '/v1/completions';

/** What keeps a process alive, by kind: servers, connections and timers. */
function handles(): string[] {
  return process.getActiveResourcesInfo().filter((kind) => /TCP|Timeout|Immediate/.test(kind));
}

describe('a server that stops', () => {
  it('leaves nothing behind', async () => {
    const { server, port, client } = await serve();
    await client.completions.create({ model: 'whale/one', prompt: 'a' });
    const half = new RawClient(port).send(`${post(path, 100)}{`);
    const unused = new RawClient(port);
    await expect.poll(() => server.active).toBe(1);
    await server.close(0);
    await Promise.all([half.closed(), unused.closed()]);
    // What is left of the client's own connections goes in the next turns. The timer is that of this very wait.
    await expect.poll(handles).toEqual(['Timeout']);
  });

  it('finishes the answers on their way, and takes no others', async () => {
    const { server, port, generator, records } = await serve();
    generator.hold();
    const early = new RawClient(port).send(postBody(path, { prompt: 'a', seed: 1, max_tokens: 7 }));
    const idle = new RawClient(port).send('GET /v1/models HTTP/1.1\r\nhost: localhost\r\n\r\n');
    await idle.until('200 OK');
    await expect.poll(() => generator.requests.length).toBe(1);
    const closed = server.close(60);
    await idle.closed();
    generator.resume();
    await early.until(fakeText(promptIds('a'), 1, 7));
    await closed;
    expect(records.at(-1)).toMatchObject({ status: 200, problem: null });
  });

  it.each([false, true])('says so to those that are not ready in time (stream: %s)', async (stream) => {
    const { server, port, generator } = await serve();
    generator.hold();
    const client = new RawClient(port).send(postBody(path, { prompt: 'a', seed: 1, max_tokens: 900, stream }));
    await expect.poll(() => generator.requests.length).toBe(1);
    if (stream) {
      generator.resume(1);
      await client.until('data: ');
    }
    await server.close(0.01);
    await client.closed();
    expect(client.received).toContain('{"error":{"message":"The server is stopping.","type":"server_error"');
    expect(client.received).toMatch(stream ? /^HTTP\/1\.1 200/ : /^HTTP\/1\.1 503/);
    expect(generator.load).toEqual({ running: 0, waiting: 0 });
  });

  it('can be told so twice', async () => {
    const { server } = await serve();
    expect(server.close(0)).toBe(server.close(60));
    await server.close(0);
  });
});

describe('a server that cannot start', () => {
  it.each([
    ['127.0.0.1', /the port is in use; choose another with --port$/],
    ['192.0.2.1', /this machine does not have that address; choose another with --host$/],
  ])('on %s says why', async (host, message) => {
    const { port, generator } = await serve();
    const { tokenizer } = await import('./with-server.ts');
    const model = { id: 'x', created: 0, tokenizer, contextLength: 7, generator, slots: 1, defaults: noDefaults };
    const prompts = { start: [], chat: { kind: 'transcript', stop: [], encode: async () => [] } } as const;
    const starting = startServer(
      { ...model, prompts },
      { host, port, allowedHosts: [], limits: defaultLimits, onRequest: () => {} },
    );
    await expect(starting).rejects.toThrow(UserError);
    await expect(starting).rejects.toThrow(message);
  });
});
