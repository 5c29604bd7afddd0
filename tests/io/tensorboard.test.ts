// The decoder below knows only the format: records, and protocol buffers by field number.

import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { UserError } from '../../src/errors.ts';
import { maskedCrc32c } from '../../src/io/crc32c.ts';
import { openEventFile } from '../../src/io/tensorboard.ts';
import { useTempFolder } from './helpers.ts';

const path = useTempFolder();

type Field = { readonly field: number; readonly value: number | bigint | Buffer };

function* decodeRecords(file: Buffer): Generator<Buffer> {
  for (let at = 0; at < file.length; ) {
    const length = Number(file.readBigUInt64LE(at));
    expect(file.readUInt32LE(at + 8)).toBe(maskedCrc32c(file.subarray(at, at + 8)));
    const message = file.subarray(at + 12, at + 12 + length);
    expect(file.readUInt32LE(at + 12 + length)).toBe(maskedCrc32c(message));
    yield message;
    at += 16 + length;
  }
}

function decodeMessage(message: Buffer): Field[] {
  const fields: Field[] = [];
  let at = 0;
  const varint = () => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = message.readUInt8(at++);
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) return value;
    }
  };
  const take = (length: number) => {
    at += length;
    return message.subarray(at - length, at);
  };
  while (at < message.length) {
    const tag = Number(varint());
    const wire = tag & 7;
    const value =
      wire === 0
        ? varint()
        : wire === 1
          ? take(8).readDoubleLE()
          : wire === 5
            ? take(4).readFloatLE()
            : take(Number(varint()));
    fields.push({ field: tag >> 3, value });
  }
  return fields;
}

/** A message as an object, field numbers as keys; messages inside stay bytes. */
function decodeEvents(folder: string): Record<number, Field['value']>[] {
  const [file] = readdirSync(folder);
  const messages = decodeRecords(readFileSync(join(folder, file!)));
  return Array.from(messages, (message) =>
    Object.fromEntries(decodeMessage(message).map(({ field, value }) => [field, value])),
  );
}

function decodeScalars(summary: Field['value'] | undefined): [string, Field['value']][] {
  if (!Buffer.isBuffer(summary)) throw new Error('expected a summary');
  return decodeMessage(summary).map(({ field, value }) => {
    expect(field).toBe(1);
    const [tag, simpleValue] = Buffer.isBuffer(value) ? decodeMessage(value) : [];
    expect([tag?.field, simpleValue?.field]).toEqual([1, 2]);
    return [String(tag?.value), simpleValue?.value ?? Number.NaN];
  });
}

describe('openEventFile', () => {
  it('writes the version and one event a step, with every number and nothing else', () => {
    const writer = openEventFile(path('tb'), 0, () => 1_700_000_000_500);
    writer.scalars(3, { 'train/loss': 0.1, 'load/1/counts': [1, 2], 'train/größe': -2 });
    writer.scalars(2 ** 40 + 5, { 'train/loss': Number.NaN });
    writer.close();
    const [version, first, second] = decodeEvents(path('tb'));
    expect(version).toEqual({ 1: 1_700_000_000.5, 2: 0n, 3: Buffer.from('brain.Event:2') });
    expect(first).toMatchObject({ 1: 1_700_000_000.5, 2: 3n });
    expect(decodeScalars(first?.[5])).toEqual([
      ['train/loss', Math.fround(0.1)],
      ['train/größe', -2],
    ]);
    expect(second?.[2]).toBe(BigInt(2 ** 40 + 5));
    expect(decodeScalars(second?.[5])).toEqual([['train/loss', Number.NaN]]);
  });

  it('names the file so that TensorBoard finds it', () => {
    openEventFile(path('tb'), 0, () => 1_700_000_000_500).close();
    expect(readdirSync(path('tb'))).toEqual([expect.stringMatching(/^events\.out\.tfevents\.1700000000\..+/)]);
  });

  it('tells TensorBoard from which step on a resumed run replaces what was there', () => {
    openEventFile(path('tb'), 40).close();
    expect(decodeEvents(path('tb'))[1]).toMatchObject({ 2: 41n, 7: Buffer.from([8, 1]) });
  });

  it('says why it cannot write', () => {
    writeFileSync(path('file'), '');
    expect(() => openEventFile(path('file', 'tb'), 0)).toThrow(UserError);
  });
});
