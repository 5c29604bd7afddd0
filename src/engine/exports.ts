// Written by tools/engine/export-types.ts from src/engine/assembly, which says what the functions do: not to be edited.

import type { Address } from './address.ts';

/** The functions of the engine's module. */
export interface Exports {
  readonly activateExperts: (
    gates: Address,
    plan: Address,
    h: Address,
    act: Address,
    N: number,
    K: number,
    E: number,
    D: number,
    F: number,
  ) => void;
  readonly adamwUpdate: (
    table: Address,
    blocks: number,
    decayedBlocks: number,
    scale: Address,
    beta1: number,
    beta2: number,
    gain: number,
    gainSq: number,
    eps: number,
    rate: number,
    decay: number,
    arePairs: boolean,
  ) => void;
  readonly applyRotary: (
    x: Address,
    cos: Address,
    sin: Address,
    y: Address,
    partner: Address,
    rows: number,
    positions: number,
    heads: number,
    width: number,
    rotary: number,
    direction: number,
  ) => void;
  readonly attentionGradWorkspace: (
    threads: number,
    batch: number,
    positions: number,
    heads: number,
    nope: number,
    rope: number,
    value: number,
  ) => number;
  readonly attentionWorkspace: (positions: number, nope: number, rope: number, value: number) => number;
  readonly balanceLoss: (
    logits: Address,
    indices: Address,
    weights: Address,
    tokenLosses: Address,
    grad: Address,
    loss: Address,
    N: number,
    E: number,
    K: number,
    S: number,
    softmax: boolean,
  ) => void;
  readonly balanceLossGrad: (grad: Address, dy: Address, dLogits: Address, size: number) => void;
  readonly binary: (op: number, a: Address, b: Address, out: Address) => void;
  readonly binarySame: (op: number, a: Address, b: Address, out: Address, size: number) => void;
  readonly blockScales: (from: Address, rows: number, columns: number, scales: Address) => void;
  readonly codedLength: (rows: number, columns: number, isWide: boolean) => number;
  readonly copyRows: (a: Address, b: Address) => void;
  readonly copyWords: (a: Address, b: Address, size: number) => void;
  readonly countJob: (counts: Address, chunks: number) => void;
  readonly countSelections: (indices: Address, counts: Address, size: number, experts: number) => void;
  readonly countWorkers: (change: number) => void;
  readonly decodeGreedy: (start: Address) => number;
  readonly decodeMain: (model: Address, rows: Address, count: number, logits: Address) => number;
  readonly decodeMtp: (model: Address, rows: Address, count: number, logits: Address) => number;
  readonly decodeRows: (coded: Address, x: Address, rows: number, columns: number, isWide: boolean) => void;
  readonly describeRows: (
    size: number,
    width: number,
    length1: number,
    length2: number,
    a0: number,
    a1: number,
    a2: number,
    aStep: number,
    b0: number,
    b1: number,
    b2: number,
    bStep: number,
  ) => void;
  readonly drawTokens: (
    logits: Address,
    vocabulary: number,
    temperature: number,
    greedy: boolean,
    rows: Address,
    quantiles: Address,
    tokens: Address,
    probabilities: Address,
    count: number,
  ) => void;
  readonly emaUpdate: (table: Address, blocks: number, rest: number) => void;
  readonly emptyJob: (chunks: number) => void;
  readonly encodeRows: (x: Address, coded: Address, rows: number, columns: number, isWide: boolean) => void;
  readonly equalWords: (a: Address, b: Address, out: Address, size: number) => void;
  readonly fakeQuantize: (
    x: Address,
    y: Address,
    starts: Address,
    bands: number,
    columns: number,
    tileColumns: number,
    mantissaBits: number,
    minExponent: number,
    largest: number,
    powerOfTwoScales: boolean,
  ) => void;
  readonly fill: (at: Address, size: number, bits: number) => void;
  readonly fp8Experts: (
    codedX: Address,
    gates: Address,
    gateUp: Address,
    down: Address,
    plan: Address,
    h: Address,
    codedAct: Address,
    gateUp8: Address,
    down8: Address,
    x8: Address,
    act8: Address,
    rows: Address,
    out: Address,
    N: number,
    K: number,
    E: number,
    D: number,
    F: number,
    tileRows: number,
    tileColumns: number,
    mantissaBits: number,
    minExponent: number,
    largest: number,
  ) => void;
  readonly fp8ExpertsGrad: (
    gates: Address,
    gateUp: Address,
    down: Address,
    plan: Address,
    h: Address,
    codedX: Address,
    codedAct: Address,
    dy: Address,
    dx: Address,
    dGates: Address,
    dGateUp: Address,
    dDown: Address,
    gateUp8: Address,
    down8: Address,
    dy8: Address,
    dAct: Address,
    actTurned: Address,
    dh32: Address,
    dh8: Address,
    dyTurned: Address,
    xTurned: Address,
    gateSums: Address,
    packedDy: Address,
    packedDh: Address,
    N: number,
    K: number,
    E: number,
    D: number,
    F: number,
    tileRows: number,
    tileColumns: number,
    mantissaBits: number,
    minExponent: number,
    largest: number,
    gradientMantissaBits: number,
    gradientMinExponent: number,
    gradientLargest: number,
  ) => void;
  readonly fp8Linear: (
    x: Address,
    given: number,
    weight: Address,
    y: Address,
    x8: Address,
    weight8: Address,
    rows: number,
    inputs: number,
    outputs: number,
    tileRows: number,
    tileColumns: number,
    mantissaBits: number,
    minExponent: number,
    largest: number,
  ) => void;
  readonly fp8LinearGrad: (
    x: Address,
    given: number,
    weight: Address,
    dy: Address,
    dx: Address,
    dWeight: Address,
    weight8: Address,
    dy8: Address,
    dyTurned: Address,
    xTurned: Address,
    packed: Address,
    rows: number,
    inputs: number,
    outputs: number,
    tileRows: number,
    tileColumns: number,
    mantissaBits: number,
    minExponent: number,
    largest: number,
    gradientMantissaBits: number,
    gradientMinExponent: number,
    gradientLargest: number,
  ) => void;
  readonly gateSumColumns: (F: number) => number;
  readonly gateWeights: (
    logits: Address,
    indices: Address,
    gates: Address,
    scores: Address,
    tokens: number,
    experts: number,
    perToken: number,
    softmax: boolean,
    normalise: boolean,
    scale: number,
  ) => void;
  readonly gateWeightsGrad: (
    logits: Address,
    indices: Address,
    scores: Address,
    dGates: Address,
    dLogits: Address,
    tokens: number,
    experts: number,
    perToken: number,
    softmax: boolean,
    normalise: boolean,
    scale: number,
  ) => void;
  readonly gatherRows: (x: Address, index: Address, out: Address, rows: number, width: number, limit: number) => number;
  readonly gemm: (
    a: Address,
    b: Address,
    c: Address,
    batch: number,
    m: number,
    n: number,
    k: number,
    transposeA: boolean,
    transposeB: boolean,
    batchA: number,
    batchB: number,
    accumulate: boolean,
    bias: Address,
    activation: number,
    packed: Address,
  ) => void;
  readonly gemmWorkspace: (batch: number, m: number, k: number, transposeA: boolean, batchA: number) => number;
  readonly globalNorm: (table: Address, blocks: number, sums: Address, norm: Address) => void;
  readonly groupByCounts: (counts: Address, groups: Address, experts: number) => void;
  readonly groupedMatMul: (
    a: Address,
    b: Address,
    c: Address,
    groups: Address,
    experts: number,
    k: number,
    width: number,
    transposed: boolean,
  ) => void;
  readonly groupedWeightGrad: (
    a: Address,
    b: Address,
    c: Address,
    groups: Address,
    packed: Address,
    rows: number,
    experts: number,
    height: number,
    width: number,
  ) => void;
  readonly groupsLength: (rows: number, experts: number) => number;
  readonly hasFailed: () => 0 | 1;
  readonly initThread: (index: number, scratchPointer: Address) => void;
  readonly isBroken: () => 0 | 1;
  readonly linearCrossEntropy: (
    hidden: Address,
    weight: Address,
    labels: Address,
    losses: Address,
    maxima: Address,
    sums: Address,
    tile: Address,
    rows: number,
    channels: number,
    vocabulary: number,
    columns: number,
  ) => void;
  readonly linearCrossEntropyGrad: (
    hidden: Address,
    weight: Address,
    labels: Address,
    maxima: Address,
    sums: Address,
    dy: Address,
    dHidden: Address,
    dWeight: Address,
    scaled: Address,
    tile: Address,
    packed: Address,
    rows: number,
    channels: number,
    vocabulary: number,
    columns: number,
    isComplete: boolean,
  ) => void;
  readonly linearGrad: (
    x: Address,
    weight: Address,
    dy: Address,
    dx: Address,
    dWeight: Address,
    rows: number,
    inputs: number,
    outputs: number,
    packed: Address,
  ) => void;
  readonly mlaAttention: (
    q: Address,
    kv: Address,
    kRope: Address,
    documents: Address,
    out: Address,
    stats: Address,
    workspace: Address,
    batch: number,
    positions: number,
    heads: number,
    nope: number,
    rope: number,
    value: number,
    scale: number,
  ) => void;
  readonly mlaAttentionGrad: (
    q: Address,
    kv: Address,
    kRope: Address,
    documents: Address,
    out: Address,
    stats: Address,
    dOut: Address,
    dq: Address,
    dkv: Address,
    dkRope: Address,
    workspace: Address,
    batch: number,
    positions: number,
    heads: number,
    nope: number,
    rope: number,
    value: number,
    scale: number,
  ) => void;
  readonly packNarrow: (
    format: number,
    from: Address,
    outputs: number,
    inputs: number,
    transposed: boolean,
    scales: Address,
    firstRow: number,
    to: Address,
    firstOutput: number,
    perPanel: number,
    firstSlot: number,
  ) => void;
  readonly packPanels: (
    from: Address,
    outputs: number,
    inputs: number,
    transposed: boolean,
    to: Address,
    every: number,
  ) => void;
  readonly packedBytes: (format: number, inputs: number, outputs: number) => number;
  readonly packedLength: (k: number, m: number) => number;
  readonly panelWidth: () => number;
  readonly planExperts: (indices: Address, plan: Address, N: number, K: number, E: number) => 0 | 1;
  readonly planLength: (rows: number, experts: number) => number;
  readonly reduce: (
    op: number,
    x: Address,
    y: Address,
    outer: number,
    length: number,
    inner: number,
    divisor: number,
  ) => void;
  readonly reportFailure: () => void;
  readonly resetThreads: () => void;
  readonly rmsNorm: (
    x: Address,
    residual: Address,
    sum: Address,
    weight: Address,
    y: Address,
    rstd: Address,
    rows: number,
    width: number,
    eps: number,
  ) => void;
  readonly rmsNormGrad: (
    x: Address,
    weight: Address,
    rstd: Address,
    dy: Address,
    dSum: Address,
    dx: Address,
    dWeight: Address,
    rows: number,
    width: number,
  ) => void;
  readonly routedExperts: (
    x: Address,
    gates: Address,
    gateUp: Address,
    down: Address,
    plan: Address,
    h: Address,
    act: Address,
    rows: Address,
    out: Address,
    N: number,
    K: number,
    E: number,
    D: number,
    F: number,
  ) => void;
  readonly routedExpertsGrad: (
    x: Address,
    gates: Address,
    gateUp: Address,
    down: Address,
    plan: Address,
    h: Address,
    act: Address,
    dy: Address,
    dx: Address,
    dGates: Address,
    dGateUp: Address,
    dDown: Address,
    dh: Address,
    gateSums: Address,
    rows: Address,
    packedDy: Address,
    packedDh: Address,
    N: number,
    K: number,
    E: number,
    D: number,
    F: number,
  ) => void;
  readonly scratchBytes: () => number;
  readonly segmentSum: (x: Address, ids: Address, out: Address, rows: number, width: number, segments: number) => void;
  readonly selectExperts: (
    logits: Address,
    bias: Address,
    indices: Address,
    workspace: Address,
    tokens: number,
    experts: number,
    perToken: number,
    groups: number,
    keptGroups: number,
    softmax: boolean,
    multiplicative: boolean,
  ) => void;
  readonly selectLogits: (logits: Address, indices: Address, keys: Address, N: number, E: number, K: number) => void;
  readonly selectWorkspace: (experts: number, groups: number) => number;
  readonly softmax: (x: Address, y: Address, rows: number, width: number) => void;
  readonly stopWorkers: () => void;
  readonly swiglu: (gate: Address, up: Address, y: Address, size: number) => void;
  readonly swigluGrad: (gate: Address, up: Address, dy: Address, dGate: Address, dUp: Address, size: number) => void;
  readonly transpose: (
    x: Address,
    y: Address,
    rows: number,
    columns: number,
    columnStep: number,
    rowStep: number,
    planes0: number,
    planes1: number,
    x0: number,
    x1: number,
    y0: number,
    y1: number,
  ) => void;
  readonly truthAsFloat: (x: Address, y: Address, size: number) => void;
  readonly turnHalves: (x: Address, cos: Address, sin: Address, y: Address, half: number, direction: number) => void;
  readonly turnNeighbours: (x: Address, cos: Address, sin: Address, y: Address, n: number, direction: number) => void;
  readonly unary: (op: number, x: Address, y: Address, size: number, alpha: number) => void;
  readonly work: () => void;
  readonly workers: () => number;
}
