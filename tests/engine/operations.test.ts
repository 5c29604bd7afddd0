// Contract: the numbers of operations are the same in TypeScript and in AssemblyScript, which both take them from one
// list.

import { readdirSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { expect, it } from 'vitest';
import { activations, binaryOps, reduceOps, unaryOps } from '../../src/engine/operations.ts';
import { operationsSource } from '../../tools/engine/operations-source.ts';

const assembly = resolve(import.meta.dirname, '../../src/engine/assembly');
const lists = { BinaryOp: binaryOps, UnaryOp: unaryOps, ReduceOp: reduceOps, Activation: activations };

it.each(Object.entries(lists))('%s has the members of its list, in their order', (name, list) => {
  const [, members] = new RegExp(`const enum ${name} \\{([^}]*)\\}`).exec(operationsSource())!;
  const names = members!.split(',').map((member) => member.trim().toLowerCase());
  expect(names.slice(0, -1)).toEqual(list.map((op) => op.toLowerCase()));
});

it('leaves no numbers of operations in the sources themselves', () => {
  for (const file of readdirSync(assembly, { recursive: true, encoding: 'utf8' })) {
    if (!file.endsWith('.ts')) continue;
    const text = readFileSync(resolve(assembly, file), 'utf8');
    for (const name of Object.keys(lists)) expect(text, file).not.toContain(`enum ${name}`);
  }
});
