// TensorBoard event files: scalars as TFRecords of hand-encoded protocol buffers (tensorflow/core/util/event.proto,
// tensorflow/core/framework/summary.proto). A resumed run adds a file; TensorBoard shows the files of a folder as one.
//
// A record: length (u64), masked CRC-32C of it (u32), the message, masked CRC-32C of the message (u32); little-endian.

import { randomBytes } from 'node:crypto';
import nodeFs from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { maskedCrc32c } from './crc32c.ts';
import { explainFsErrors, makeFolder } from './file-system.ts';

/** An open event file. */
export interface EventWriter {
  /** Adds a point to the chart of every key whose value is a number; other values are passed over. */
  scalars(step: number, values: Readonly<Record<string, unknown>>): void;
  close(): void;
}

const wireVarint = 0;
const wireFixed64 = 1;
const wireBytes = 2;
const wireFixed32 = 5;

/**
 * Creates a new event file in a folder, which is created if need be.
 *
 * @param startStep optimizer steps already done: TensorBoard forgets the points after it that earlier files have. -1
 * starts again from the beginning.
 * @param now milliseconds since 1970.
 * @throws UserError, also from `scalars`, if the file cannot be written.
 */
export function openEventFile(folder: string, startStep: number, now: () => number = Date.now): EventWriter {
  const unique = randomBytes(4).toString('hex'); // a run can be resumed twice within a second
  const path = join(folder, `events.out.tfevents.${Math.floor(now() / 1000)}.${hostname()}.${unique}`);
  const [fd, hadEvents] = explainFsErrors('metrics: cannot write', path, () => {
    makeFolder(folder);
    const isEmpty = nodeFs.readdirSync(folder).length === 0;
    return [nodeFs.openSync(path, 'wx'), !isEmpty];
  });
  const write = (step: number, payload: Uint8Array) => {
    const record = encodeRecord(encodeEvent(now() / 1000, step, payload));
    explainFsErrors('metrics: cannot write', path, () => nodeFs.writeFileSync(fd, record));
  };
  write(0, bytesField(3, Buffer.from('brain.Event:2'))); // file_version
  if (startStep > 0 || hadEvents) write(startStep + 1, bytesField(7, varintField(1, 1))); // session_log { status: START }
  const scalars = (step: number, values: Readonly<Record<string, unknown>>) => write(step, encodeSummary(values));
  return { scalars, close: () => nodeFs.closeSync(fd) };
}

function encodeRecord(message: Uint8Array): Uint8Array {
  const record = Buffer.alloc(12 + message.length + 4);
  record.writeBigUInt64LE(BigInt(message.length), 0);
  record.writeUInt32LE(maskedCrc32c(record.subarray(0, 8)), 8);
  record.set(message, 12);
  record.writeUInt32LE(maskedCrc32c(message), 12 + message.length);
  return record;
}

/** Event: wall_time = 1 (double), step = 2 (int64), then one field of what happened. */
function encodeEvent(wallTime: number, step: number, payload: Uint8Array): Uint8Array {
  const time = Buffer.alloc(8);
  time.writeDoubleLE(wallTime);
  return Buffer.concat([tag(1, wireFixed64), time, varintField(2, step), payload]);
}

/** Event.summary = 5; Summary: value = 1; Value: tag = 1 (string), simple_value = 2 (float). */
function encodeSummary(values: Readonly<Record<string, unknown>>): Uint8Array {
  const encoded = Object.entries(values).flatMap(([name, value]) => {
    if (typeof value !== 'number') return [];
    const simple = Buffer.alloc(4);
    simple.writeFloatLE(value);
    return [bytesField(1, Buffer.concat([bytesField(1, Buffer.from(name)), tag(2, wireFixed32), simple]))];
  });
  return bytesField(5, Buffer.concat(encoded));
}

function bytesField(field: number, bytes: Uint8Array): Uint8Array {
  return Buffer.concat([tag(field, wireBytes), varint(bytes.length), bytes]);
}

function varintField(field: number, value: number): Uint8Array {
  return Buffer.concat([tag(field, wireVarint), varint(value)]);
}

function tag(field: number, wireType: number): Uint8Array {
  return varint(field * 8 + wireType);
}

/** A non-negative integer, seven bits a byte, lowest first; the highest bit says that more follow. */
function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128);
  return Uint8Array.from([...bytes, rest]);
}
