// The cluster of the report, as numbers of a cost model.

/** Rates are those of one GPU. Bytes are counted in one direction. */
export interface Hardware {
  readonly gpusPerNode: number;
  readonly memoryBytes: number;
  /** Dense peaks, FLOPs per second. */
  readonly fp8Flops: number;
  readonly bf16Flops: number;
  /** The share of the peak that products reach with all processors. */
  readonly efficiency: number;
  /** Bytes per second inside a node (NVLink) and between nodes (InfiniBand). */
  readonly nvlink: number;
  readonly infiniband: number;
  /** Streaming multiprocessors of a GPU, and how many of them communicate while the others compute. */
  readonly processors: number;
  readonly communicationProcessors: number;
  /**
   * As many communicating processors fill InfiniBand and NVLink; fewer reach a part of their rates in proportion. 0
   * here and above: a co-processor communicates, and fills both.
   */
  readonly saturatingProcessors: number;
}

/**
 * A node of 8 H800 GPUs.
 *
 * Sources: report 3.1 (nodes), 3.2.2 (160 GB/s and 50 GB/s, 20 of 132 processors, which "suffice to fully utilise" both
 * networks); NVIDIA's H100 SXM data sheet for the peaks and the memory, in which the H800 does not differ.
 *
 * `efficiency` is the one number that is fitted and not given: with it, the report's model in the report's layout needs
 * the report's 180 K GPU hours a trillion tokens. It stands for all that the model leaves out: norms, quantisation,
 * memory-bound kernels, launches, stragglers.
 */
export const h800: Hardware = {
  gpusPerNode: 8,
  memoryBytes: 80e9,
  fp8Flops: 1979e12,
  bf16Flops: 989e12,
  efficiency: 0.326,
  nvlink: 160e9,
  infiniband: 50e9,
  processors: 132,
  communicationProcessors: 20,
  saturatingProcessors: 20,
};
