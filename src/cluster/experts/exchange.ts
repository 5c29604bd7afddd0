// All-to-all among the ranks of a group: each rank sends copies of its rows to others, and can later collect what
// became of them. The two directions are each other's gradients.

import type { RankMail } from '../ranks/mailbox.ts';
import type { RowFormat } from './row-format.ts';

/** The ranks among which rows travel. */
export interface Group {
  readonly mailbox: RankMail;
  /** In order; this rank is one of them. */
  readonly members: readonly number[];
  /** Whether messages to the others go to other nodes. */
  readonly isBetweenNodes: boolean;
  /** Distinguishes the messages of this group from others between the same ranks. */
  readonly name: string;
  /** Exchanges so far: all members make the same ones in the same order. */
  count: number;
}

/** Which rows go where. */
export interface Exchange {
  readonly group: Group;
  /** Rows of this rank. */
  readonly rows: number;
  /** For each member, the rows that it gets a copy of, in order. */
  readonly sent: readonly Int32Array[];
  /** For each member, how many rows come from it. */
  readonly received: readonly number[];
}

/** Agrees on an exchange; `membersOf` gives the members that a row goes to, each once. */
export function planExchange(group: Group, rows: number, membersOf: (row: number) => Iterable<number>): Exchange {
  const lists = group.members.map((): number[] => []);
  for (let row = 0; row < rows; row++) for (const member of membersOf(row)) lists[member]!.push(row);
  const tag = nextTag(group);
  for (const [member, rank] of group.members.entries()) {
    const count = new Float32Array(new SharedArrayBuffer(4));
    count[0] = lists[member]!.length;
    group.mailbox.send(rank, tag, [count], 'experts');
  }
  const received = group.members.map((rank) => group.mailbox.receive(rank, tag)[0]![0]!);
  return { group, rows, sent: lists.map((list) => Int32Array.from(list)), received };
}

/** Copies of rows [rows, width], to where they go; returns those that came, member by member [received, width]. */
export function spreadRows(exchange: Exchange, values: Float32Array, width: number, format: RowFormat): Float32Array {
  const parts = exchange.sent.map((rows) => {
    const part = new Float32Array(rows.length * width);
    rows.forEach((row, i) => void part.set(values.subarray(row * width, (row + 1) * width), i * width));
    return part;
  });
  const received = swap(exchange.group, parts, width, format);
  const all = new Float32Array(exchange.received.reduce((sum, count) => sum + count, 0) * width);
  let at = 0;
  for (const part of received) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/**
 * The way back: sends [received, width] to where the rows came from, and returns for each row of this rank the sum of
 * what came of its copies [rows, width], added member by member.
 */
export function collectRows(exchange: Exchange, values: Float32Array, width: number, format: RowFormat): Float32Array {
  let at = 0;
  const parts = exchange.received.map((count) => {
    const part = values.subarray(at, at + count * width);
    at += count * width;
    return part;
  });
  const back = swap(exchange.group, parts, width, format);
  const sums = new Float32Array(exchange.rows * width);
  for (const [member, part] of back.entries()) {
    exchange.sent[member]!.forEach((row, i) => {
      for (let j = 0; j < width; j++) sums[row * width + j]! += part[i * width + j]!;
    });
  }
  return sums;
}

/** Sends a part to each member and returns the part that each sent. Its own part goes through the format as well. */
function swap(group: Group, parts: readonly Float32Array[], width: number, format: RowFormat): Float32Array[] {
  const { mailbox, members, isBetweenNodes } = group;
  const tag = nextTag(group);
  const before = mailbox.sent.experts;
  for (const [member, rank] of members.entries()) {
    mailbox.send(rank, tag, format.write(parts[member]!, width), 'experts');
  }
  if (isBetweenNodes) mailbox.sentBetweenNodes += mailbox.sent.experts - before;
  return members.map((rank) => format.read(mailbox.receive(rank, tag), width));
}

const nextTag = (group: Group) => `${group.name} ${group.count++}`;
