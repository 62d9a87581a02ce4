// Written by scripts/build.mjs from the compiler's own declarations: do not edit.

/** Kernels of both WebAssembly modules: what an answer needs. */
export interface InferenceKernels {
  abiVersion(): number;
  activationForwardF32(
    begin: number,
    end: number,
    width: number,
    kind: number,
    x: number,
    bias: number,
    y: number,
  ): void;
  addBiasF32(begin: number, end: number, width: number, bias: number, y: number): void;
  addRowsF32(begin: number, end: number, width: number, x: number, y: number): void;
  expF64(x: number): number;
  firstNegativeI32(count: number, values: number): number;
  firstNotFiniteF32(count: number, values: number): number;
  foldChecksum(blocks: number, before: number, more: number): void;
  gatherForwardF32(begin: number, end: number, table: number, ids: number, width: number, out: number): void;
  gemmF32(
    begin: number,
    end: number,
    n: number,
    k: number,
    a: number,
    aRow: number,
    aStep: number,
    panels: number,
    c: number,
    cRow: number,
    accumulate: number,
  ): void;
  gruForwardF32(
    begin: number,
    end: number,
    steps: number,
    offsets: number,
    hidden: number,
    squash: number,
    input: number,
    weights: number,
    biasIh: number,
    wHhPanels: number,
    biasHh: number,
    state: number,
    h: number,
    gates: number,
    scratch: number,
  ): void;
  headForwardF32(
    begin: number,
    end: number,
    width: number,
    y: number,
    items: number,
    table: number,
    itemBias: number,
    bias: number,
    scores: number,
  ): void;
  heapBase(): number;
  indexIds(count: number, total: number, offsets: number, bytes: number, mask: number, slots: number): number;
  layerNormForwardF32(
    begin: number,
    end: number,
    width: number,
    x: number,
    gamma: number,
    beta: number,
    epsilon: number,
    y: number,
    stats: number,
  ): void;
  log2F64(x: number): number;
  lstmForwardF32(
    begin: number,
    end: number,
    steps: number,
    offsets: number,
    hidden: number,
    squash: number,
    input: number,
    weights: number,
    biasIh: number,
    wHhPanels: number,
    biasHh: number,
    state: number,
    cellState: number,
    h: number,
    c: number,
    gates: number,
    scratch: number,
  ): void;
  meanForwardF32(begin: number, end: number, steps: number, offsets: number, width: number, x: number, u: number): void;
  movingAttentionForwardF32(
    begin: number,
    end: number,
    steps: number,
    offsets: number,
    width: number,
    kind: number,
    byLength: number,
    x: number,
    u: number,
    v: number,
    c: number,
    w: number,
    stats: number,
  ): void;
  packF32(
    begin: number,
    end: number,
    n: number,
    k: number,
    b: number,
    bStep: number,
    bColumn: number,
    panels: number,
  ): void;
  quantizeItemsF32(
    begin: number,
    end: number,
    perWord: number,
    width: number,
    words: number,
    prefix: number,
    floor: number,
    z: number,
    heads: number,
    tails: number,
    blockBounds: number,
  ): void;
  quantizeQueriesF32(
    begin: number,
    end: number,
    rows: number,
    perWord: number,
    width: number,
    words: number,
    prefix: number,
    y: number,
    v: number,
    mean: number,
    moments: number,
    relativeError: number,
    errorOfLength: number,
    error: number,
    guess: number,
    q: number,
    queryBounds: number,
    scales: number,
    guesses: number,
  ): void;
  rankF32(
    begin: number,
    end: number,
    items: number,
    stride: number,
    scores: number,
    targets: number,
    offsets: number,
    ids: number,
    outRanks: number,
  ): void;
  rescoreF32(
    begin: number,
    end: number,
    k: number,
    width: number,
    y: number,
    table: number,
    bias: number,
    order: number,
    barred: number,
    offsets: number,
    ids: number,
    positions: number,
    capacity: number,
    least: number,
    counts: number,
    scales: number,
    guesses: number,
    queryBounds: number,
    heapIds: number,
    heapScores: number,
    heapCounts: number,
  ): void;
  runningMeanForwardF32(
    begin: number,
    end: number,
    steps: number,
    offsets: number,
    width: number,
    x: number,
    u: number,
  ): void;
  scaleRowsF32(
    begin: number,
    end: number,
    width: number,
    x: number,
    stride: number,
    factors: number,
    out: number,
    outStride: number,
  ): void;
  scanCatalogue(
    begin: number,
    end: number,
    queries: number,
    items: number,
    firstBlock: number,
    lastBlock: number,
    words: number,
    prefix: number,
    heads: number,
    tails: number,
    blockBounds: number,
    q: number,
    queryBounds: number,
    capacity: number,
    outPositions: number,
    counts: number,
  ): void;
  scoreForwardF32(
    begin: number,
    end: number,
    steps: number,
    offsets: number,
    width: number,
    kind: number,
    x: number,
    u: number,
    v: number,
    c: number,
    z: number,
  ): void;
  scoreTableF32(begin: number, end: number, width: number, y: number, table: number, scores: number): void;
  selfAttentionForwardF32(
    begin: number,
    end: number,
    steps: number,
    offsets: number,
    width: number,
    heads: number,
    qkv: number,
    o: number,
    scratch: number,
    rate: number,
    seed: number,
    stream: number,
    step: number,
    firstRow: number,
  ): void;
  sigmoidF32(begin: number, end: number, x: number, y: number): void;
  softmaxCausalForwardF32(
    begin: number,
    end: number,
    steps: number,
    offsets: number,
    byLength: number,
    z: number,
    w: number,
    state: number,
    before: number,
  ): void;
  softmaxSequenceForwardF32(
    begin: number,
    end: number,
    steps: number,
    offsets: number,
    byLength: number,
    z: number,
    w: number,
  ): void;
  sortTopKF32(begin: number, end: number, k: number, heapIds: number, heapScores: number, heapCounts: number): void;
  topKF32(
    begin: number,
    end: number,
    items: number,
    stride: number,
    scores: number,
    offsets: number,
    ids: number,
    k: number,
    outIds: number,
    outScores: number,
    outCounts: number,
  ): void;
}

/** Kernels of the full module: what training and evaluation need too. */
export interface TrainingKernels extends InferenceKernels {
  activationBackwardF32(
    begin: number,
    end: number,
    width: number,
    kind: number,
    a: number,
    dy: number,
    dx: number,
  ): void;
  adamF32(
    begin: number,
    end: number,
    w: number,
    g: number,
    m: number,
    v: number,
    learningRate: number,
    beta1: number,
    fresh1: number,
    beta2: number,
    fresh2: number,
    epsilon: number,
    decay: number,
    correction1: number,
    correction2: number,
    gradientScale: number,
  ): void;
  adamRowsF32(
    begin: number,
    end: number,
    width: number,
    ids: number,
    w: number,
    g: number,
    m: number,
    v: number,
    learningRate: number,
    beta1: number,
    fresh1: number,
    beta2: number,
    fresh2: number,
    epsilon: number,
    decay: number,
    correction1: number,
    correction2: number,
    gradientScale: number,
  ): void;
  binaryCrossEntropyF32(
    begin: number,
    end: number,
    scores: number,
    targets: number,
    scale: number,
    losses: number,
  ): void;
  catchUpRowsF32(
    begin: number,
    end: number,
    width: number,
    ids: number,
    w: number,
    m: number,
    v: number,
    factors: number,
    epsilon: number,
  ): void;
  columnSumsF32(begin: number, end: number, rows: number, x: number, stride: number, out: number): void;
  crossEntropyF32(
    begin: number,
    end: number,
    items: number,
    stride: number,
    scores: number,
    targets: number,
    scale: number,
    losses: number,
    factors: number,
  ): void;
  dropoutF32(
    begin: number,
    end: number,
    width: number,
    input: number,
    output: number,
    rate: number,
    seed: number,
    stream: number,
    step: number,
    firstRow: number,
  ): void;
  fillNormalF32(begin: number, end: number, out: number, std: number, seed: number, stream: number): void;
  fillUniformF32(
    begin: number,
    end: number,
    out: number,
    low: number,
    high: number,
    seed: number,
    stream: number,
  ): void;
  gatherBackwardF32(
    begin: number,
    end: number,
    rows: number,
    dRows: number,
    ids: number,
    width: number,
    dTable: number,
  ): void;
  gruBackwardF32(
    begin: number,
    end: number,
    steps: number,
    offsets: number,
    hidden: number,
    squash: number,
    wHhPanels: number,
    state: number,
    h: number,
    dH: number,
    gates: number,
    dState: number,
  ): void;
  headBackwardItemsF32(
    begin: number,
    end: number,
    rows: number,
    width: number,
    dScores: number,
    items: number,
    y: number,
    dTable: number,
    dItemBias: number,
  ): void;
  headBackwardRowsF32(
    begin: number,
    end: number,
    width: number,
    dScores: number,
    items: number,
    table: number,
    dY: number,
  ): void;
  layerNormBackwardF32(
    begin: number,
    end: number,
    width: number,
    x: number,
    gamma: number,
    stats: number,
    dy: number,
    dx: number,
  ): void;
  layerNormBackwardWeightsF32(
    begin: number,
    end: number,
    width: number,
    rows: number,
    x: number,
    stats: number,
    dy: number,
    dGamma: number,
    dBeta: number,
  ): void;
  lstmBackwardF32(
    begin: number,
    end: number,
    steps: number,
    offsets: number,
    hidden: number,
    squash: number,
    wHhPanels: number,
    cellState: number,
    c: number,
    dH: number,
    gates: number,
    dState: number,
    dCellState: number,
  ): void;
  meanBackwardF32(
    begin: number,
    end: number,
    steps: number,
    offsets: number,
    width: number,
    dU: number,
    dX: number,
  ): void;
  movingAttentionBackwardF32(
    begin: number,
    end: number,
    steps: number,
    offsets: number,
    width: number,
    kind: number,
    x: number,
    u: number,
    v: number,
    c: number,
    w: number,
    stats: number,
    dW: number,
    dX: number,
    dU: number,
    dV: number,
  ): void;
  multiplyAddF32(begin: number, end: number, rounds: number, x: number, s: number, y: number): void;
  previousRowsF32(
    begin: number,
    end: number,
    offsets: number,
    width: number,
    state: number,
    h: number,
    out: number,
  ): void;
  randomIndex(bound: number, seed: number, stream: number, step: number, index: number): number;
  rowDotsF32(
    begin: number,
    end: number,
    width: number,
    a: number,
    aStride: number,
    b: number,
    bStride: number,
    out: number,
  ): void;
  runningMeanBackwardF32(
    begin: number,
    end: number,
    steps: number,
    offsets: number,
    width: number,
    dU: number,
    dX: number,
  ): void;
  sampledCrossEntropyF32(
    begin: number,
    end: number,
    negatives: number,
    stride: number,
    scores: number,
    weights: number,
    own: number,
    targetScores: number,
    scale: number,
    losses: number,
    factors: number,
    dTargets: number,
  ): void;
  scoreBackwardF32(
    begin: number,
    end: number,
    steps: number,
    offsets: number,
    width: number,
    kind: number,
    x: number,
    u: number,
    v: number,
    c: number,
    dZ: number,
    dX: number,
    dU: number,
    dV: number,
  ): void;
  selfAttentionBackwardF32(
    begin: number,
    end: number,
    steps: number,
    offsets: number,
    width: number,
    heads: number,
    qkv: number,
    dO: number,
    dQkv: number,
    scratch: number,
    rate: number,
    seed: number,
    stream: number,
    step: number,
    firstRow: number,
  ): void;
  softmaxCausalBackwardF32(
    begin: number,
    end: number,
    steps: number,
    offsets: number,
    byLength: number,
    w: number,
    dW: number,
    dZ: number,
  ): void;
  softmaxSequenceBackwardF32(
    begin: number,
    end: number,
    steps: number,
    offsets: number,
    byLength: number,
    w: number,
    dW: number,
    dZ: number,
  ): void;
  squaredErrorF32(begin: number, end: number, scores: number, targets: number, scale: number, losses: number): void;
  squaresF64(begin: number, end: number, count: number, g: number, partial: number): void;
}
