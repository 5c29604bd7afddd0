// Clients that do not behave: nothing crashes, hangs or goes on for nobody.

import { describe, expect, it } from 'vitest';
import { fakeText } from './fake-generator.ts';
import { post, postBody, promptIds, RawClient, serve } from './with-server.ts';

const path = '/v1/completions';
const idle = { running: 0, waiting: 0 };

describe('a client that goes away', () => {
  it.each([
    ['while its answer waits', false],
    ['in the middle of a stream', true],
  ])('%s ends the generation', async (_when, stream) => {
    const { port, generator, over, records } = await serve({ slots: 7 });
    generator.hold();
    const client = new RawClient(port).send(postBody(path, { prompt: 'a', seed: 1, n: 7, max_tokens: 900, stream }));
    await expect.poll(() => generator.requests.length).toBe(7);
    if (stream) {
      generator.resume(1);
      await client.until('data: ');
    }
    client.socket.destroy();
    await over(1);
    expect(generator.load).toEqual(idle);
    expect(records[0]).toMatchObject({ status: stream ? 200 : null, usage: null, problem: 'the client is gone' });
  });

  it('closing only its own half is gone as well', async () => {
    const { port, generator, over } = await serve();
    generator.hold();
    const client = new RawClient(port).send(postBody(path, { prompt: 'a', max_tokens: 900, stream: true }));
    await expect.poll(() => generator.requests.length).toBe(1);
    client.socket.end();
    await Promise.all([over(1), client.closed()]);
    expect(generator.load).toEqual(idle);
  });

  it('before its body has come leaves nothing behind', async () => {
    const { port, server, over, generator } = await serve();
    const client = new RawClient(port).send(`${post(path, 100)}{"prompt":`);
    await expect.poll(() => server.active).toBe(1);
    client.socket.destroy();
    await over(1);
    expect(generator.requests).toEqual([]);
  });
});

describe('a client that reads slowly', () => {
  // More than the buffers of a connection hold.
  const wide = { prompt: 'a', seed: 1, n: 61, max_tokens: 400, logprobs: 5 };
  const slots = 61;

  it('is not written ahead of, and gets everything in the end', async () => {
    const { port, generator, over } = await serve({ slots });
    const client = new RawClient(port).send(postBody(path, { ...wide, stream: true }));
    await client.until('data: ');
    client.socket.pause();
    await expect.poll(() => generator.load).toEqual(idle);
    expect(generator.taken).toBeLessThan(61 * 400);
    client.socket.resume();
    await client.until('data: [DONE]');
    await over(1);
    const texts = Array.from({ length: 61 }, () => '');
    for (const [, json] of client.received.matchAll(/^data: (\{.*\})/gm)) {
      const chunk: { readonly choices: readonly { readonly index: number; readonly text: string }[] } = JSON.parse(
        json!,
      );
      for (const { index, text } of chunk.choices) texts[index] += text;
    }
    expect(texts).toEqual(texts.map((_, i) => fakeText(promptIds('a'), 1 + i, 400)));
  });

  it.each([true, false])('or not at all is cut off, and its answer ended (stream: %s)', async (stream) => {
    const { port, generator, over, records } = await serve({ slots, limits: { stallSeconds: 0.1 } });
    const client = new RawClient(port);
    client.socket.pause();
    const messages = [{ role: 'user', content: 'a' }];
    const request = { messages, n: slots, max_tokens: 200, logprobs: true, top_logprobs: 20, stream };
    client.send(postBody('/v1/chat/completions', request));
    await over(1);
    expect(generator.load).toEqual(idle);
    expect(records[0]).toMatchObject({ status: 200, problem: 'the client is gone' });
    client.socket.destroy();
  });
});

describe('a client that writes slowly', () => {
  const limits = { requestSeconds: 0.1 };

  it.each([
    ['headers', 'POST /v1/completions HTTP/1.1\r\nhost:'],
    ['a body', `${post(path, 100)}{"prompt":`],
    ['an endless body', `${post(path, 0).replace('content-length: 0', 'transfer-encoding: chunked')}5\r\n{"a":\r\n`],
  ])('%s is told that it took too long', async (_what, text) => {
    const { port, server } = await serve({ limits });
    const client = new RawClient(port).send(text);
    await client.closed();
    expect(client.received).toMatch(/^HTTP\/1\.1 408 Request Timeout\r\n/);
    expect(client.received).toContain('{"error":{"message":"The request took too long to arrive."');
    await expect.poll(() => server.active).toBe(0);
  });

  const chunk = `400\r\n${'x'.repeat(1024)}\r\n`;
  const endless = post(path, 0).replace('content-length: 0', 'transfer-encoding: chunked') + chunk + chunk;

  it('sees why its body is refused while it still sends it', async () => {
    const { port } = await serve({ limits: { maxBodyBytes: 1000 } });
    const client = new RawClient(port).send(endless);
    await client.until('413 Payload Too Large');
    client.send(chunk);
    await client.until('The body is larger than 1000 bytes');
    client.socket.destroy();
  });

  it('is cut off if a body that is refused never ends', async () => {
    const { port } = await serve({ limits: { ...limits, maxBodyBytes: 1000 } });
    const client = new RawClient(port).send(endless);
    await client.closed();
    // The first where the server reads the body before its time is up, as all but the busiest machines do.
    expect(client.received).toMatch(/^HTTP\/1\.1 (413 Payload Too Large|408 Request Timeout)\r\n/);
  });

  it('may send byte by byte, if it comes to an end', async () => {
    const { port } = await serve();
    const client = new RawClient(port);
    for (const char of postBody(path, { prompt: 'a', seed: 1 })) client.send(char);
    await client.until(JSON.stringify(fakeText(promptIds('a'), 1, 16)));
    client.socket.destroy();
  });
});

describe('a connection', () => {
  it.each([
    ['what is not HTTP', 'hello\r\n\r\n', '400 Bad Request'],
    ['TLS', '\u0016\u0003\u0001\u0002\u0000\u0001', '400 Bad Request'],
    [
      'endless headers',
      `GET / HTTP/1.1\r\nhost: localhost\r\na: ${'x'.repeat(20_000)}`,
      '431 Request Header Fields Too Large',
    ],
    [
      'two lengths',
      'POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n',
      '400 Bad Request',
    ],
  ])('with %s is told so and closed', async (_what, text, status) => {
    const { port } = await serve();
    const client = new RawClient(port).send(text);
    await client.closed();
    expect(client.received).toContain(`HTTP/1.1 ${status}\r\n`);
    expect(client.received).toContain('"type":"invalid_request_error"');
  });

  it('is kept for the next request, and requests sent ahead are answered in order', async () => {
    const { port } = await serve();
    const client = new RawClient(port);
    const ask = (seed: number) => postBody(path, { prompt: 'a', seed, max_tokens: 5 });
    client.send(ask(1) + ask(2) + ask(3));
    await client.until(JSON.stringify(fakeText(promptIds('a'), 3, 5)));
    const places = [1, 2, 3].map((seed) => client.received.indexOf(JSON.stringify(fakeText(promptIds('a'), seed, 5))));
    expect(places.every((place) => place > 0)).toBe(true);
    expect(places).toEqual(places.toSorted((a, b) => a - b));
    client.socket.destroy();
  });

  it('with an answer on its way is closed without a word when rubbish follows', async () => {
    const { port, generator, over } = await serve();
    generator.hold();
    const client = new RawClient(port).send(postBody(path, { prompt: 'a', max_tokens: 900 }));
    await expect.poll(() => generator.requests.length).toBe(1);
    client.send('rubbish\r\n\r\n');
    await Promise.all([client.closed(), over(1)]);
    expect(client.received).toBe('');
  });

  it('beyond the limit is closed at once', async () => {
    const { port, generator } = await serve({ limits: { maxConnections: 1 } });
    generator.hold();
    const first = new RawClient(port).send(postBody(path, { prompt: 'a' }));
    await expect.poll(() => generator.requests.length).toBe(1);
    await new RawClient(port).closed();
    generator.resume();
    await first.until('200 OK');
    first.socket.destroy();
  });
});
