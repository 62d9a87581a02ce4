// Sparse numbers for baselines: sums over a few ids out of many, and rows of them.

/** Sums by id, of which only the ids that have one are ever visited. Reused: `clear` costs as much as was added. */
export class SparseScores {
  /** Sum of each id, 0 where nothing was added, f64[size] */
  readonly values: Float64Array;
  /** Ids with a sum, in the order in which they got one; only the first `count` hold, i32[size] */
  readonly ids: Int32Array;
  /** Number of ids with a sum. */
  count = 0;

  /** @param size ids go from 0 to `size` - 1 */
  constructor(size: number) {
    this.values = new Float64Array(size);
    this.ids = new Int32Array(size);
  }

  /** Adds to an id. @param score 0 or more; 0 adds nothing */
  add(id: number, score: number): void {
    if (score === 0) return;
    if (this.values[id] === 0) this.ids[this.count++] = id;
    this.values[id] += score;
  }

  /** Makes all sums 0 again. */
  clear(): void {
    for (let at = 0; at < this.count; at++) this.values[this.ids[at]] = 0;
    this.count = 0;
  }

  /** Returns the ids that have a sum, in the order in which they got one; a view that holds until the next change. */
  scored(): Int32Array {
    return this.ids.subarray(0, this.count);
  }

  /** Multiplies each sum. @param factorOf more than 0 */
  scale(factorOf: (id: number) => number): void {
    for (let at = 0; at < this.count; at++) this.values[this.ids[at]] *= factorOf(this.ids[at]);
  }

  /**
   * Finds the ids with the greatest sums, greatest first, ids without one left out.
   * @param k how many at most
   * @param place decides between equal sums, the lesser first: a number for each id, no two the same
   * @param isAllowed leaves out ids
   */
  best(k: number, place: ArrayLike<number>, isAllowed: (id: number) => boolean = () => true): Int32Array {
    const { values, ids, count } = this;
    const isAhead = (a: number, b: number) => values[a] > values[b] || (values[a] === values[b] && place[a] < place[b]);
    // A heap with the worst of the best on top: most ids are turned away by one comparison.
    const heap: number[] = [];
    const sink = (id: number) => {
      let at = 0;
      for (;;) {
        let child = 2 * at + 1;
        if (child >= heap.length) break;
        if (child + 1 < heap.length && isAhead(heap[child], heap[child + 1])) child++;
        if (!isAhead(id, heap[child])) break;
        heap[at] = heap[child];
        at = child;
      }
      heap[at] = id;
    };
    for (let index = 0; index < count; index++) {
      const id = ids[index];
      if (heap.length === k) {
        if (k > 0 && isAhead(id, heap[0]) && isAllowed(id)) sink(id);
      } else if (isAllowed(id)) {
        let at = heap.push(id) - 1;
        for (; at > 0; at = (at - 1) >> 1) {
          const parent = heap[(at - 1) >> 1];
          if (!isAhead(parent, id)) break;
          heap[at] = parent;
        }
        heap[at] = id;
      }
    }
    return Int32Array.from(heap.sort((a, b) => (isAhead(a, b) ? -1 : 1)));
  }
}

/** Rows of (id, value) pairs, one after another in two arrays: row r is `offsets[r] … offsets[r + 1] - 1`. */
export class SparseRows {
  /** First pair of each row, u32[rows + 1] */
  readonly offsets: Uint32Array;
  /** Id of each pair; only as far as the last row goes. */
  ids = new Int32Array(1024);
  /** Value of each pair. */
  values = new Float64Array(1024);
  #rows = 0;

  /** @param rows how many will be appended */
  constructor(rows: number) {
    this.offsets = new Uint32Array(rows + 1);
  }

  /** Appends the next row, with a value for each of its ids. */
  append(ids: Int32Array, toValue: (id: number) => number): void {
    const start = this.offsets[this.#rows];
    const end = start + ids.length;
    if (end > this.ids.length) this.#grow(Math.max(end, 2 * this.ids.length));
    this.ids.set(ids, start);
    for (let at = 0; at < ids.length; at++) this.values[start + at] = toValue(ids[at]);
    this.offsets[++this.#rows] = end;
  }

  /** Adds a row's values times a weight to sums. A row that is not there adds nothing. */
  addRow(row: number, weight: number, to: SparseScores): void {
    for (let at = this.offsets[row]; at < this.offsets[row + 1]; at++) to.add(this.ids[at], weight * this.values[at]);
  }

  #grow(length: number): void {
    const ids = new Int32Array(length);
    const values = new Float64Array(length);
    ids.set(this.ids);
    values.set(this.values);
    this.ids = ids;
    this.values = values;
  }
}
