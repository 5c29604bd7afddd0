// Kernels on lists of tensors, such as all parameters: one dispatch binds the few buffers in which all of them lie, and
// a table says where.

import type { WebGpuBackend } from './backend.ts';
import type { Program } from './program.ts';
import type { Place } from './slabs.ts';

/** Elements of a block; a workgroup takes one. */
export const blockElements = 2048;
export const blockLanes = 256;

/** A program on lists. */
export interface ListProgram {
  readonly name: string;
  /**
   * The tensors of each item, which `code` reads with `get_NAME(i)` and writes with `set_NAME(i, value)`: i counts the
   * elements of the block, or those of the whole tensor, or, of a tensor with one element for each block, from the
   * block's own.
   */
  readonly item: Readonly<Record<string, 'block' | 'whole' | 'onePerBlock'>>;
  readonly numbers: Program['numbers'];
  /** Numbers of a whole item, by name: `code` reads them as they are called. */
  readonly marks?: readonly string[];
  readonly declarations?: string;
  /** What a workgroup does with the `length` elements of a block. */
  readonly code: string;
}

/** An item: where its tensors are, and its marks. */
export interface ListItem {
  readonly places: readonly Place[];
  readonly marks?: readonly number[];
}

/** Numbers of a block in the table: its length, buffer and first element of each tensor, marks. */
const rowLength = ({ item, marks = [] }: ListProgram) => 1 + 2 * Object.keys(item).length + marks.length;

const programs = new Map<string, Program>();

function programOf(list: ListProgram, buffers: number): Program {
  const key = `${list.name} of ${buffers}`;
  const program = programs.get(key) ?? makeProgram(list, buffers);
  programs.set(key, program);
  return program;
}

function makeProgram(list: ListProgram, buffers: number): Program {
  const { name, numbers, marks = [], declarations = '', code } = list;
  const item = Object.keys(list.item);
  const slabs = Array.from({ length: buffers }, (_, i) => `slab${i}`);
  const cases = (use: (slab: string) => string) =>
    slabs.map((slab, i) => `${i === buffers - 1 ? 'default' : `case ${i}u`}: { ${use(slab)} }`).join(' ');
  const width = rowLength(list);
  return {
    name: `${name} of ${buffers}`,
    tensors: { ...Object.fromEntries(slabs.map((slab) => [slab, 'f32' as const])), table: 'u32' },
    numbers,
    workgroupSize: blockLanes,
    declarations: `
fn getFrom(slab: u32, i: u32) -> f32 { switch slab { ${cases((slab) => `return ${slab}[i];`)} } }
fn setIn(slab: u32, i: u32, value: f32) { switch slab { ${cases((slab) => `${slab}[i] = value;`)} } }
${declarations}`,
    code: `  let row = group * ${width}u;
  let length = table[row];
${item.map((_, i) => `  let slab_${i} = table[row + ${1 + 2 * i}u]; let at_${i} = table[row + ${2 + 2 * i}u];`).join('\n')}
${marks.map((mark, i) => `  let ${mark} = table[row + ${1 + 2 * item.length + i}u];`).join('\n')}
${code.replace(/\bget_(\w+)\(/g, (_, tensor) => `getFrom(slab_${item.indexOf(tensor)}, at_${item.indexOf(tensor)} + `).replace(/\bset_(\w+)\(/g, (_, tensor) => `setIn(slab_${item.indexOf(tensor)}, at_${item.indexOf(tensor)} + `)}`,
  };
}

/** The table, from item to item; an item is cut into blocks by its first tensor. */
function rowsOf(list: ListProgram, items: readonly ListItem[], buffers: readonly GPUBuffer[]): number[] {
  const kinds = Object.values(list.item);
  const rows: number[] = [];
  for (const { places, marks = [] } of items) {
    const size = places[0]!.bytes / 4;
    for (let block = 0; block * blockElements < size; block++) {
      const from = block * blockElements;
      rows.push(Math.min(blockElements, size - from));
      for (const [i, { buffer, offset }] of places.entries()) {
        const steps = { block: from, whole: 0, onePerBlock: block };
        rows.push(buffers.indexOf(buffer), offset / 4 + steps[kinds[i]!]);
      }
      rows.push(...marks);
    }
  }
  return rows;
}

/**
 * Cuts a list where its tensors lie in more buffers than can be bound at once; a place that is always needed can be
 * given as `also`.
 */
function runsOf(items: readonly ListItem[], most: number): { items: ListItem[]; buffers: GPUBuffer[] }[] {
  const runs: { items: ListItem[]; buffers: GPUBuffer[] }[] = [];
  for (const item of items) {
    const last = runs.at(-1);
    const own = item.places.map(({ buffer }) => buffer);
    const together = [...new Set([...(last?.buffers ?? []), ...own])];
    if (last !== undefined && together.length <= most) {
      last.items.push(item);
      last.buffers = together;
    } else {
      runs.push({ items: [item], buffers: [...new Set(own)] });
    }
  }
  return runs;
}

/** Blocks of a list. */
export const blocksOf = (items: readonly ListItem[]): number =>
  items.reduce((sum, { places }) => sum + Math.ceil(places[0]!.bytes / 4 / blockElements), 0);

/** Runs a program on a list. */
export function runList(
  backend: WebGpuBackend,
  list: ListProgram,
  items: readonly ListItem[],
  numbers: Readonly<Record<string, number>>,
): void {
  const most = backend.commands.device.limits.maxStorageBuffersPerShaderStage - 1;
  for (const { items: run, buffers } of runsOf(items, most)) {
    const blocks = blocksOf(run);
    if (blocks === 0) continue;
    const bindings = Object.fromEntries(buffers.map((buffer, i) => [`slab${i}`, { buffer }]));
    const key = run.map(({ places, marks = [] }) => [
      places[0]!.bytes,
      ...places.flatMap(({ buffer, offset }) => [buffers.indexOf(buffer), offset]),
      ...marks,
    ]);
    const table = { buffer: backend.tables.of(`${list.name} ${key}`, () => rowsOf(list, run, buffers)) };
    backend.runOn(programOf(list, buffers.length), { ...bindings, table }, numbers, blocks);
  }
}
