// A GPU that does nothing and reads as zeros: what a step asks of it can be counted on every machine, at any size.

const none = () => {};

class IdleBuffer {
  readonly size: number;
  readonly usage: number;
  readonly mapState = 'unmapped';
  readonly destroy = none;
  readonly unmap = none;

  constructor({ size, usage }: GPUBufferDescriptor) {
    this.size = size;
    this.usage = usage;
  }

  async mapAsync(): Promise<void> {}

  getMappedRange(): ArrayBuffer {
    return new ArrayBuffer(this.size);
  }
}

const limits = {
  maxStorageBufferBindingSize: 2 ** 30,
  maxBufferSize: 2 ** 30,
  maxStorageBuffersPerShaderStage: 8,
  maxComputeWorkgroupStorageSize: 16_384,
  maxComputeInvocationsPerWorkgroup: 256,
  maxComputeWorkgroupSizeX: 256,
  maxComputeWorkgroupsPerDimension: 65_535,
};

const createDevice = () => ({
  limits,
  features: new Set(),
  lost: new Promise(none),
  queue: { submit: none, writeBuffer: none },
  destroy: none,
  addEventListener: none,
  createBuffer: (descriptor: GPUBufferDescriptor) => new IdleBuffer(descriptor),
  createShaderModule: () => ({}),
  createBindGroupLayout: () => ({}),
  createPipelineLayout: () => ({}),
  createBindGroup: () => ({}),
  createComputePipeline: () => ({ getBindGroupLayout: () => ({}) }),
  createCommandEncoder: () => ({
    beginComputePass: () => ({ setPipeline: none, setBindGroup: none, dispatchWorkgroups: none, end: none }),
    copyBufferToBuffer: none,
    finish: () => ({}),
  }),
});

/** Puts it where a page has its GPU; must run before TF.js's backend is imported. */
export function useIdleGpu(): void {
  const info = { vendor: 'nobody', architecture: '', device: '', description: 'idle' };
  const adapter = { limits, info, features: new Set(), requestDevice: async () => createDevice() };
  const gpu = { requestAdapter: async () => adapter };
  Object.defineProperty(globalThis, 'navigator', { value: { gpu }, configurable: true });
  Object.assign(globalThis, {
    GPUBuffer: IdleBuffer,
    GPUTexture: class {},
    GPUBufferUsage: { MAP_READ: 1, MAP_WRITE: 2, COPY_SRC: 4, COPY_DST: 8, UNIFORM: 64, STORAGE: 128 },
    GPUMapMode: { READ: 1, WRITE: 2 },
    GPUShaderStage: { COMPUTE: 4 },
  });
}
