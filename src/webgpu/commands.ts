// What goes to the GPU: dispatches, in one compute pass and one command buffer for as long as nobody waits.

import { UserError } from '../errors.ts';

/** A dispatch whose pipeline and bindings are ready. */
export interface Dispatch {
  readonly pipeline: GPUComputePipeline;
  readonly bindGroup: GPUBindGroup;
  readonly grid: readonly [number, number, number];
}

function problemOf(error: GPUError): Error {
  if (error.constructor.name !== 'GPUOutOfMemoryError') return new Error(`webgpu: ${error.message}`);
  return new UserError(
    `webgpu: the GPU has no memory left (${error.message}); take a smaller batchSize or seqLen, or more gradAccumSteps, ` +
      'or --backend engine',
  );
}

function lostError({ message }: GPUDeviceLostInfo): UserError {
  return new UserError(
    `webgpu: the device was lost (${message.trim() || 'without a reason'}), and what it held with it; a reset of the ` +
      'driver or a page in the background can do that; resume the run, or take --backend engine',
  );
}

/** What has been asked of the GPU since the backend was started. */
export interface GpuWork {
  readonly dispatches: number;
  readonly submits: number;
  readonly readbacks: number;
  readonly buffersCreated: number;
  /** Held now, in all buffers. */
  readonly bytesAllocated: number;
}

/**
 * The commands of one device.
 *
 * They run in the order in which they were given, and nothing runs before `submit`. Dispatches may write where earlier
 * ones read: WebGPU orders them.
 */
export class Commands {
  readonly device: GPUDevice;
  readonly work = { dispatches: 0, submits: 0, readbacks: 0, buffersCreated: 0, bytesAllocated: 0 };
  #encoder: GPUCommandEncoder | null = null;
  #pass: GPUComputePassEncoder | null = null;
  #pipeline: GPUComputePipeline | null = null;
  #recorded: Dispatch[] | null = null;

  #problem: Error | null = null;
  #lost: UserError | null = null;

  constructor(device: GPUDevice) {
    this.device = device;
    // A command that WebGPU refuses does nothing, and its result would be zeros.
    device.addEventListener('uncapturederror', (event) => {
      event.preventDefault();
      this.#problem ??= problemOf((event as GPUUncapturedErrorEvent).error);
    });
    void device.lost.then((found) => {
      this.#lost = lostError(found);
    });
  }

  /** Whether the device is gone, and nothing that was asked of it is computed. */
  get isLost(): boolean {
    return this.#lost !== null;
  }

  /**
   * @throws {UserError} if the device was lost, or its memory was not enough
   * @throws Error if it has refused a command
   */
  throwProblem(): void {
    const problem = this.#lost ?? this.#problem;
    this.#problem = null;
    if (problem !== null) throw problem;
  }

  /** Whether there are commands that were not submitted. */
  get isPending(): boolean {
    return this.#encoder !== null;
  }

  run(dispatch: Dispatch): void {
    this.#recorded?.push(dispatch);
    const { pipeline, bindGroup, grid } = dispatch;
    if (this.#pass === null) {
      this.#encoder ??= this.device.createCommandEncoder();
      this.#pass = this.#encoder.beginComputePass();
    }
    if (pipeline !== this.#pipeline) {
      this.#pass.setPipeline(pipeline);
      this.#pipeline = pipeline;
    }
    this.#pass.setBindGroup(0, bindGroup);
    this.#pass.dispatchWorkgroups(grid[0], grid[1], grid[2]);
    this.work.dispatches++;
  }

  /** Notes every dispatch that runs from now on in `list`; null ends that. */
  record(list: Dispatch[] | null): void {
    this.#recorded = list;
  }

  /** The encoder of the next submission, outside a compute pass: for TF.js, and for copies. */
  encoder(): GPUCommandEncoder {
    this.endPass();
    this.#encoder ??= this.device.createCommandEncoder();
    return this.#encoder;
  }

  endPass(): void {
    this.#pass?.end();
    this.#pass = null;
    this.#pipeline = null;
  }

  submit(): void {
    if (this.#encoder === null) return;
    this.endPass();
    this.device.queue.submit([this.#encoder.finish()]);
    this.#encoder = null;
    this.work.submits++;
  }

  createBuffer(size: number, usage: GPUBufferUsageFlags): GPUBuffer {
    const buffer = this.device.createBuffer({ size, usage });
    this.work.buffersCreated++;
    this.work.bytesAllocated += size;
    return buffer;
  }

  destroyBuffer(buffer: GPUBuffer): void {
    this.work.bytesAllocated -= buffer.size;
    buffer.destroy();
  }
}
