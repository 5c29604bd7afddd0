// Programs in WGSL: how one is written down, compiled once for a device, and run on tensors.
//
// Every tensor is bound as `read_write`, because tensors share buffers, and WebGPU refuses a buffer that one dispatch
// both reads and writes unless all its bindings may write.

import type { Commands } from './commands.ts';
import type { Uniforms } from './uniforms.ts';

export type Element = 'f32' | 'i32' | 'u32' | 'vec4f';

/** A program: a workgroup runs `code`. */
export interface Program {
  /** Stands for the whole program: two of one name are the same. */
  readonly name: string;
  /** Tensors by name, in the order of their bindings. */
  readonly tensors: Readonly<Record<string, Element>>;
  /** Numbers by name, which the code reads as `u.NAME`. */
  readonly numbers: Readonly<Record<string, 'u32' | 'f32'>>;
  readonly workgroupSize: number;
  /** Declarations outside the function, such as memory of the workgroup. */
  readonly declarations?: string;
  /** What a workgroup does: `group` is its number, `lane` that of the invocation in it. */
  readonly code: string;
}

/** The largest grid in one dimension that every adapter takes. */
const widest = 65535;

/** The whole shader. */
export function sourceOf({ tensors, numbers, workgroupSize, declarations = '', code }: Program): string {
  const names = Object.entries(tensors);
  const bindings = names.map(
    ([name, element], i) => `@group(0) @binding(${i}) var<storage, read_write> ${name}: array<${element}>;`,
  );
  const fields = Object.entries({ gridWidth: 'u32', groups: 'u32', ...numbers });
  return `struct Numbers { ${fields.map(([name, type]) => `${name}: ${type}`).join(', ')} }
${bindings.join('\n')}
@group(0) @binding(${names.length}) var<uniform> u: Numbers;
${declarations}
@compute @workgroup_size(${workgroupSize})
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) lane: u32) {
  let group = workgroup.x + workgroup.y * u.gridWidth;
  if (group >= u.groups) { return; }
${code}
}`;
}

interface Compiled {
  readonly pipeline: GPUComputePipeline;
  readonly layout: GPUBindGroupLayout;
}

/** The programs of a device. */
export class Programs {
  readonly #commands: Commands;
  readonly #uniforms: Uniforms;
  readonly #compiled = new Map<string, Compiled>();

  constructor(commands: Commands, uniforms: Uniforms) {
    this.#commands = commands;
    this.#uniforms = uniforms;
  }

  /** Runs a program in `groups` workgroups. `changes`: some of the numbers differ each time. */
  run(
    program: Program,
    bindings: Readonly<Record<string, GPUBufferBinding>>,
    numbers: Readonly<Record<string, number>>,
    groups: number,
    changes = false,
  ): void {
    if (groups === 0) return;
    const { pipeline, layout } = this.#compile(program);
    const grid: [number, number, number] = groups <= widest ? [groups, 1, 1] : [widest, Math.ceil(groups / widest), 1];
    const bytes = numberBytes(program, { ...numbers, gridWidth: grid[0], groups });
    const uniforms = changes ? this.#uniforms.bindChanging(bytes) : this.#uniforms.bind(bytes);
    const resources = [...Object.keys(program.tensors).map((name) => bindings[name]!), uniforms];
    const bindGroup = this.#commands.device.createBindGroup({
      layout,
      entries: resources.map((resource, binding) => ({ binding, resource })),
    });
    this.#commands.run({ pipeline, bindGroup, grid });
  }

  #compile(program: Program): Compiled {
    const known = this.#compiled.get(program.name);
    if (known !== undefined) return known;
    const { device } = this.#commands;
    const storage = Object.keys(program.tensors).map(() => 'storage' as const);
    const layout = device.createBindGroupLayout({
      entries: [...storage, 'uniform' as const].map((type, binding) => {
        return { binding, visibility: GPUShaderStage.COMPUTE, buffer: { type } };
      }),
    });
    const module = device.createShaderModule({ code: sourceOf(program), label: program.name });
    const pipeline = device.createComputePipeline({
      layout: device.createPipelineLayout({ bindGroupLayouts: [layout] }),
      compute: { module, entryPoint: 'main' },
      label: program.name,
    });
    const compiled = { pipeline, layout };
    this.#compiled.set(program.name, compiled);
    return compiled;
  }
}

function numberBytes({ name, numbers }: Program, values: Readonly<Record<string, number>>): ArrayBuffer {
  const fields = Object.entries({ gridWidth: 'u32', groups: 'u32', ...numbers });
  const bytes = new ArrayBuffer(Math.ceil(fields.length / 4) * 16);
  const view = new DataView(bytes);
  for (const [i, [field, type]] of fields.entries()) {
    const value = values[field];
    if (value === undefined) throw new Error(`internal: ${name} is not told ${field}`);
    if (type === 'u32') view.setUint32(4 * i, value, true);
    else view.setFloat32(4 * i, value, true);
  }
  return bytes;
}
