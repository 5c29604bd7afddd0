// The matrices of a model in 16 or 8 bits as the engine's decoder reads them, packed once like those of float32
// (`engine-weights.ts`).
//
// In 'fp8' the projections of attention and the feed-forward have 8 bits, with a scale for each block of 128 x 128
// weights of the matrix as a checkpoint has it. Head, router and `eh_proj` have 16, as in the released checkpoints
// (F 4).
// Shape legend: D hiddenSize, H heads, E experts, F expert width.

import { type Address, nowhere, plus } from '../../engine/address.ts';
import type { EngineBackend } from '../../engine/backend.ts';
import { type WeightFormat, weightFormats } from '../../engine/weight-formats.ts';
import { UserError } from '../../errors.ts';
import type { DeepseekV3ForCausalLM } from '../../model/causal-lm.ts';
import { EngineBlocks, floatsAt } from './engine-blocks.ts';
import type { ModelWeights } from './engine-weights.ts';
import { PlainWeights } from './plain-weights.ts';

// As in assembly/decode/weights.ts: outputs of a panel, and rows and columns that share a scale.
export const widePanel = 32;
const block = 128;

/** Scales are kept times 2^120, so larger ones are no float32. */
const scaleLimit = 2 ** 8;

/** A matrix [outputs, inputs], or ('transposed') [inputs, outputs]. */
interface Matrix {
  readonly name: string;
  readonly from: Address;
  readonly outputs: number;
  readonly inputs: number;
}

/** Where a matrix goes in its panels: to all of each, or to one half. */
const half = widePanel / 2;
const places = { whole: [widePanel, 0], gate: [half, 0], up: [half, half] } as const;

/** The format of head, router and `eh_proj`. */
export const plainFormat = (format: WeightFormat): WeightFormat => (format === 'fp8' ? 'bfloat16' : format);

export class NarrowWeights extends PlainWeights implements ModelWeights {
  mostInputs = 0;
  readonly #blocks: EngineBlocks;
  readonly #format: WeightFormat;

  /** Packed weights belong to `blocks`. */
  constructor(backend: EngineBackend, model: DeepseekV3ForCausalLM, blocks: EngineBlocks, format: WeightFormat) {
    super(backend, model);
    this.#blocks = blocks;
    this.#format = format;
  }

  packed(name: string): Address {
    return this.stacked(name);
  }

  packedPlain(name: string): Address {
    const { from, outputs, inputs } = this.#matrix(name);
    const to = this.#panels(1, outputs, inputs, 'bfloat16');
    const format = weightFormats.indexOf('bfloat16');
    this.backend.exports.packNarrow(format, from, outputs, inputs, false, nowhere, 0, to, 0, ...places.whole);
    return to;
  }

  stacked(...names: readonly string[]): Address {
    const matrices = names.map((name) => this.#matrix(name));
    const { inputs } = matrices[0]!;
    const outputs = matrices.reduce((sum, matrix) => sum + matrix.outputs, 0);
    const to = this.#panels(1, outputs, inputs);
    let first = 0;
    for (const matrix of matrices) {
      this.#pack(matrix, to, first);
      first += matrix.outputs;
    }
    return to;
  }

  heads(name: string, heads: number, first: number, count: number, transposed: boolean): Address {
    const matrix = this.#matrix(name);
    const { from, outputs: rows, inputs: width } = matrix;
    const [outputs, inputs] = transposed ? [width, count] : [count, width];
    const to = this.#panels(heads, outputs, inputs);
    const [perHead, bytes] = [rows / heads, this.#bytes(outputs, inputs)];
    const format = weightFormats.indexOf(this.#format);
    this.#withScales(matrix, (scales) => {
      for (let head = 0; head < heads; head++) {
        const row = head * perHead + first;
        const [part, target] = [plus(from, 4 * row * width), plus(to, head * bytes)];
        const way = [outputs, inputs, transposed, scales, row] as const;
        this.backend.exports.packNarrow(format, part, ...way, target, 0, ...places.whole);
      }
    });
    return to;
  }

  gateUp(gate: string, up: string): Address {
    const [first, second] = [this.#matrix(gate), this.#matrix(up)];
    const to = this.#panels(1, 2 * pairs(first.outputs), first.inputs);
    this.#pack(first, to, 0, 'gate');
    this.#pack(second, to, 0, 'up');
    return to;
  }

  expertsGateUp(name: string): Address {
    const [experts, both, inputs] = this.parameter(name).shape as [number, number, number];
    const [outputs, from] = [both / 2, this.plain(name)];
    const rows = 2 * pairs(outputs);
    const to = this.#panels(experts, rows, inputs);
    for (let i = 0; i < 2 * experts; i++) {
      const matrix = { name, from: plus(from, 4 * i * outputs * inputs), outputs, inputs };
      this.#pack(matrix, plus(to, (i >> 1) * this.#bytes(rows, inputs)), 0, i % 2 === 0 ? 'gate' : 'up');
    }
    return to;
  }

  expertsDown(name: string): Address {
    const [experts, outputs, inputs] = this.parameter(name).shape as [number, number, number];
    const [from, to] = [this.plain(name), this.#panels(experts, outputs, inputs)];
    for (let expert = 0; expert < experts; expert++) {
      const matrix = { name, from: plus(from, 4 * expert * outputs * inputs), outputs, inputs };
      this.#pack(matrix, plus(to, expert * this.#bytes(outputs, inputs)), 0);
    }
    return to;
  }

  /** Packs a whole matrix; its first output is number `first` of the panels. */
  #pack(matrix: Matrix, to: Address, first: number, place: keyof typeof places = 'whole'): void {
    const { from, outputs, inputs } = matrix;
    const format = weightFormats.indexOf(this.#format);
    this.#withScales(matrix, (scales) => {
      const way = [outputs, inputs, false, scales, 0] as const;
      const [perPanel, slot] = places[place];
      this.backend.exports.packNarrow(format, from, ...way, to, first, perPanel, slot);
    });
  }

  /** Calls with the scales of a matrix's blocks; with none for 16 bits. */
  #withScales({ name, from, outputs, inputs }: Matrix, use: (scales: Address) => void): void {
    if (this.#format !== 'fp8') {
      use(nowhere);
      return;
    }
    const own = new EngineBlocks(this.backend);
    try {
      const count = Math.ceil(outputs / block) * Math.ceil(inputs / block);
      const scales = own.take(count);
      this.backend.exports.blockScales(from, outputs, inputs, scales);
      checkScales(name, floatsAt(this.backend, scales, count));
      use(scales);
    } finally {
      own.free();
    }
  }

  /** Memory for so many matrices: what packing leaves alone is zero. */
  #panels(count: number, outputs: number, inputs: number, format = this.#format): Address {
    this.mostInputs = Math.max(this.mostInputs, inputs);
    const words = (count * this.#bytes(outputs, inputs, format)) / 4;
    const to = this.#blocks.take(words);
    floatsAt(this.backend, to, words).fill(0);
    return to;
  }

  #bytes(outputs: number, inputs: number, format = this.#format): number {
    return this.backend.exports.packedBytes(weightFormats.indexOf(format), inputs, outputs);
  }

  #matrix(name: string): Matrix {
    const [outputs, inputs] = this.parameter(name).shape as [number, number];
    return { name, from: this.plain(name), outputs, inputs };
  }
}

/** Outputs that gate and up have in their panels, each. */
const pairs = (outputs: number) => Math.ceil(outputs / half) * half;

function checkScales(name: string, scales: Float32Array): void {
  if (!scales.some((scale) => scale >= scaleLimit)) return;
  const largest = 448 * scaleLimit;
  throw new UserError(
    `decoder: ${name} has weights of ${largest} or more, too many for 8 bits; use weights 'bfloat16', or a checkpoint from before it diverged`,
  );
}
