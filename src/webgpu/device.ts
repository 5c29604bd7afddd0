// The adapter that computes, and the device that is asked of it.

/** What is computed on. */
export interface Gpu {
  readonly device: GPUDevice;
  readonly info: GPUAdapterInfo;
  /** For people. */
  readonly name: string;
  /** Whether it is a program that plays a GPU, which is slower than the CPU engine. */
  readonly isSoftware: boolean;
}

/** Limits that are raised to what the adapter has; the defaults are those of the weakest. */
const raised = [
  'maxStorageBufferBindingSize',
  'maxBufferSize',
  'maxStorageBuffersPerShaderStage',
  'maxComputeWorkgroupStorageSize',
  'maxComputeInvocationsPerWorkgroup',
  'maxComputeWorkgroupSizeX',
  'maxComputeWorkgroupsPerDimension',
] as const;

const software = /swiftshader|llvmpipe|lavapipe|softpipe|basic render|warp/i;

/** The types that TF.js brings along are older than this property. */
type Adapter = GPUAdapter & { readonly info: GPUAdapterInfo & { readonly isFallbackAdapter?: boolean } };

/** @throws Error where there is no WebGPU, or no adapter. */
export async function requestGpu(): Promise<Gpu> {
  const { gpu } = Reflect.get(globalThis, 'navigator') as { readonly gpu?: GPU };
  if (gpu === undefined) throw new Error('it has no WebGPU');
  const adapter = (await gpu.requestAdapter({ powerPreference: 'high-performance' })) as Adapter | null;
  if (adapter === null) throw new Error('it found no device to run on');
  const { limits, info, features } = adapter;
  const requiredFeatures = (['timestamp-query', 'subgroups'] as const).filter((name) => features.has(name));
  const device = await adapter.requestDevice({
    requiredFeatures: requiredFeatures as GPUFeatureName[],
    requiredLimits: Object.fromEntries(raised.map((name) => [name, limits[name]])),
  });
  const words = [info.description, info.device, info.vendor, info.architecture].filter((word) => word);
  // A page is told the maker and the kind alone: `nvidia lovelace`.
  const kind = [info.vendor, info.architecture].filter((word) => word).join(' ');
  const name = info.description || info.device || kind || 'an adapter without a name';
  return { device, info, name, isSoftware: info.isFallbackAdapter === true || software.test(words.join(' ')) };
}
