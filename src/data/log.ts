// The interaction log as it was read: three columns, 16 bytes an event (20 with ratings), in file order.

import { DataError } from "../errors.ts";
import { type Ids, Vocabulary } from "./vocabulary.ts";

const badTime = (event: number, time: number) =>
  new DataError(
    "DATA_TIME",
    `event ${event}: got time ${time}, expected a finite number of seconds. Correct or drop the event.`,
  );

// Chunks instead of doubling: growing never copies, and at most one chunk is unused. A multiple of any page size.
const CHUNK_EVENTS = 65_536;

/** An interaction log: event e says that `users.idOf(user[e])` met `items.idOf(item[e])` at `time[e]`; file order. */
export interface EventLog {
  /** User ids, numbered by first appearance. */
  readonly users: Ids;
  /** Item ids, numbered by first appearance. */
  readonly items: Ids;
  /** User index of each event, u32[length]. */
  readonly user: Uint32Array;
  /** Item index of each event, u32[length]. */
  readonly item: Uint32Array;
  /** Time of each event in seconds since 1970, or its position where the source has no times, f64[length]. */
  readonly time: Float64Array;
  /** Rating of each event, f32[length], where the source has ratings for all of them. */
  readonly rating?: Float32Array;
  /** Number of events. */
  readonly length: number;
}

/** Collects events one by one into an {@link EventLog}; memory is about 16 bytes an event, 24 while `build` runs. */
export class LogBuilder {
  private users = new Vocabulary();
  private items = new Vocabulary();
  private userChunks: Uint32Array[] = [];
  private itemChunks: Uint32Array[] = [];
  private timeChunks: Float64Array[] = [];
  private ratingChunks: Float32Array[] = [];
  private rated = 0;
  private used = CHUNK_EVENTS;
  private events = 0;

  /** Counts the events added so far. */
  get length(): number {
    return this.events;
  }

  /**
   * Adds one event.
   * @param user user id, any string
   * @param item item id, any string
   * @param time seconds since 1970 (or any number that orders the events), finite
   * @param rating a finite number; the log has ratings only if every event has one
   * @throws DataError `DATA_TIME` when the time is NaN or infinite, which no order could place
   */
  add(user: string, item: string, time: number, rating?: number): void {
    if (!Number.isFinite(time)) throw badTime(this.events, time);
    if (this.used === CHUNK_EVENTS) {
      this.userChunks.push(new Uint32Array(CHUNK_EVENTS));
      this.itemChunks.push(new Uint32Array(CHUNK_EVENTS));
      this.timeChunks.push(new Float64Array(CHUNK_EVENTS));
      if (rating !== undefined) this.ratingChunks.push(new Float32Array(CHUNK_EVENTS));
      this.used = 0;
    }
    const last = this.userChunks.length - 1;
    this.userChunks[last][this.used] = this.users.add(user);
    this.itemChunks[last][this.used] = this.items.add(item);
    this.timeChunks[last][this.used] = time;
    if (rating !== undefined && this.rated === this.events) {
      this.ratingChunks[last][this.used] = rating;
      this.rated++;
    }
    this.used++;
    this.events++;
  }

  /** Returns the log, in the order the events were added, and empties the builder. */
  build(): EventLog {
    const { users, items, events: length } = this;
    // One column at a time, its chunks given up before the next one is joined.
    const user = join(this.userChunks, new Uint32Array(length));
    const item = join(this.itemChunks, new Uint32Array(length));
    const time = join(this.timeChunks, new Float64Array(length));
    const rated = length > 0 && this.rated === length;
    const rating = rated ? join(this.ratingChunks, new Float32Array(length)) : undefined;
    this.ratingChunks = [];
    this.rated = 0;
    this.users = new Vocabulary();
    this.items = new Vocabulary();
    this.used = CHUNK_EVENTS;
    this.events = 0;
    const log = { users, items, user, item, time, length };
    return rating ? { ...log, rating } : log;
  }
}

function join<Column extends Uint32Array | Float32Array | Float64Array>(chunks: Column[], column: Column): Column {
  for (let start = 0, chunk = 0; start < column.length; start += CHUNK_EVENTS, chunk++) {
    column.set(chunks[chunk].subarray(0, Math.min(CHUNK_EVENTS, column.length - start)), start);
  }
  chunks.length = 0;
  return column;
}
