// A folder of checkpoints: the last two of one training, so that a damaged file costs one epoch and not the training.

import { createHash, type Hash } from "node:crypto";
import * as nodeFileSystem from "node:fs/promises";
import { join } from "node:path";
import { DataError, ModelError, OutputError, UsageError } from "../errors.ts";
import { type FileSystem, writeFileAtomic } from "../format/atomic-write.ts";
import {
  badState,
  type Checkpoint,
  decodeCheckpoint,
  encodeCheckpoint,
  type TrainingIdentity,
} from "../format/checkpoint.ts";
import { type ModelConfig, SETTINGS } from "../model/config.ts";
import type { LessonPlan } from "../train/plan.ts";
import type { TrainingState } from "../train/train.ts";

const KEPT = 2;
const NAME = /^checkpoint-(\d{6,15})\.safetensors$/;
const LEFT_OVER = /^\.attune-[0-9a-f]+\.tmp$/;
/** Ids hashed at once. */
const CHUNK_IDS = 10_000;

const notEmpty = (folder: string) =>
  new UsageError(
    "CHECKPOINT_EXISTS",
    `${folder}: has a checkpoint already, expected none for a new training. Add --resume to go on from it, or choose another folder.`,
  );
const otherSetting = (folder: string, name: string, stored: unknown, asked: unknown) =>
  new UsageError(
    "CHECKPOINT_CONFIG",
    `${folder}: the checkpoint has ${name}=${stored}, got ${name}=${asked}, expected the same settings. Correct them, or choose another folder.`,
  );
const otherData = (folder: string, what: string, stored: unknown, got: unknown) =>
  new DataError(
    "CHECKPOINT_DATA",
    `${folder}: the checkpoint is of data with ${what} ${stored}, got ${what} ${got}, expected the same data. Give it, or choose another folder.`,
  );
const refitting = (folder: string) =>
  new UsageError(
    "CHECKPOINT_REFIT",
    `${folder}: the checkpoint trains on everything already, got a training that will not. Leave out --no-refit and name an output.`,
  );
const allDamaged = (folder: string, why: string) =>
  new ModelError(
    "CHECKPOINT_DAMAGED",
    `${folder}: no checkpoint can be read (${why}), expected one that can. Train afresh in another folder.`,
  );
const unusable = (folder: string, cause: string) =>
  new OutputError(
    "CHECKPOINT_FOLDER",
    `${folder}: cannot be used for checkpoints (${cause}), expected a folder to write to. Choose another.`,
  );

/** The part of `node:fs/promises` that checkpoints need. */
export interface CheckpointFileSystem extends FileSystem {
  mkdir(path: string, options: { recursive: true }): Promise<unknown>;
  readdir(path: string): Promise<string[]>;
  readFile(path: string): Promise<Uint8Array>;
}

/** What was found in a folder of checkpoints. */
export interface FoundCheckpoint {
  state: TrainingState;
  /** What a user should know: which file it is, and which could not be read. */
  notes: string[];
}

/** How large a training is: what a state has to fit. */
export interface TrainingSize {
  /** Floats of all parameters, as one block. */
  floats: number;
  /** Rows of the table whose gradient goes by rows; 0 where none does. */
  rows: number;
  /** Units of an epoch. */
  units: number;
}

/** The checkpoints of one training. */
export class CheckpointFolder {
  #number = 0;

  private constructor(
    readonly folder: string,
    readonly identity: TrainingIdentity,
    readonly fs: CheckpointFileSystem,
  ) {}

  /**
   * Opens a folder, which is made if need be, for a training.
   * @param resume whether to go on from the newest checkpoint in it
   * @param sizeOf tells the size of the training whose model is evaluated, or of the one on everything; undefined if there is none
   * @returns the folder, and where to go on from, if anywhere
   * @throws UsageError `CHECKPOINT_EXISTS`, `CHECKPOINT_CONFIG`, `CHECKPOINT_REFIT` · DataError `CHECKPOINT_DATA` · ModelError
   * `CHECKPOINT_DAMAGED`, `CHECKPOINT_STATE` · OutputError `CHECKPOINT_FOLDER`, or when nothing can be written there
   */
  static async open(
    folder: string,
    identity: TrainingIdentity,
    resume: boolean,
    sizeOf: (refit: boolean) => TrainingSize | undefined,
    fs: CheckpointFileSystem = nodeFileSystem,
  ): Promise<{ checkpoints: CheckpointFolder; found: FoundCheckpoint | undefined }> {
    const checkpoints = new CheckpointFolder(folder, identity, fs);
    try {
      await fs.mkdir(folder, { recursive: true });
      for (const name of await fs.readdir(folder)) {
        // What a killed process left behind.
        if (LEFT_OVER.test(name)) await fs.unlink(join(folder, name));
      }
    } catch (cause) {
      throw unusable(folder, (cause as NodeJS.ErrnoException).code ?? String(cause));
    }
    const numbers = await checkpoints.#numbers();
    if (numbers.length === 0) return { checkpoints, found: undefined };
    if (!resume) throw notEmpty(folder);
    checkpoints.#number = numbers[0];
    const notes: string[] = [];
    for (const number of numbers) {
      const path = checkpoints.#path(number);
      let checkpoint: Checkpoint;
      try {
        checkpoint = decodeCheckpoint(await fs.readFile(path), path);
      } catch (error) {
        notes.push(`checkpoint skipped: ${(error as Error).message}`);
        continue;
      }
      checkpoints.#check(checkpoint, sizeOf, path);
      notes.push(`checkpoint: ${path}, ${whereOf(checkpoint.state)}`);
      return { checkpoints, found: { state: checkpoint.state, notes } };
    }
    throw allDamaged(folder, notes[0]);
  }

  /** Writes a checkpoint and removes the ones before the last two. @throws OutputError; the ones before are still there then */
  async keep(state: TrainingState): Promise<void> {
    const { folder, identity, fs } = this;
    await writeFileAtomic(this.#path(this.#number + 1), encodeCheckpoint({ ...identity, state }), fs);
    this.#number++;
    for (const number of (await this.#numbers()).slice(KEPT)) {
      await fs.unlink(this.#path(number)).catch((cause: NodeJS.ErrnoException) => {
        if (cause.code !== "ENOENT") throw unusable(folder, cause.code ?? cause.message);
      });
    }
  }

  #path(number: number): string {
    return join(this.folder, `checkpoint-${String(number).padStart(6, "0")}.safetensors`);
  }

  /** Lists the numbers of the checkpoints, newest first. */
  async #numbers(): Promise<number[]> {
    const names = await this.fs.readdir(this.folder).catch((cause: NodeJS.ErrnoException) => {
      throw unusable(this.folder, cause.code ?? cause.message);
    });
    const numbers = names.map((name) => Number(NAME.exec(name)?.[1] ?? 0)).filter((number) => number > 0);
    return numbers.sort((a, b) => b - a);
  }

  #check(
    { config, data, state }: Checkpoint,
    sizeOf: (refit: boolean) => TrainingSize | undefined,
    path: string,
  ): void {
    const { folder, identity } = this;
    for (const name of Object.keys(identity.config) as (keyof ModelConfig)[]) {
      const [stored, asked] = [config[name] ?? SETTINGS[name].default, identity.config[name]];
      if (stored !== asked) throw otherSetting(folder, name, stored, asked);
    }
    for (const what of Object.keys(identity.data)) {
      if (data[what] !== identity.data[what]) throw otherData(folder, what, data[what], identity.data[what]);
    }
    const size = sizeOf(state.evaluated !== undefined);
    if (!size) throw refitting(folder);
    const { weights, done, adam } = state.fit;
    if (weights.length !== size.floats)
      throw badState(path, `it has ${weights.length} weights, the model ${size.floats}`);
    const rows = adam.rowSteps?.length ?? 0;
    if (rows !== size.rows) throw badState(path, `it has steps of ${rows} rows, the model ${size.rows}`);
    if (done > size.units) throw badState(path, `done is ${done} of ${size.units}`);
  }
}

/** Says where a training stands, for people. */
export function whereOf({ evaluated, fit }: TrainingState): string {
  const phase = evaluated ? "refit, " : "";
  return fit.closed ? `${phase}epoch ${fit.epoch} done` : `${phase}inside epoch ${fit.epoch}`;
}

/** Describes what a plan learns from: equal for equal data alone. */
export function describeData({ numbers, ids }: LessonPlan): TrainingIdentity["data"] {
  const hash = createHash("sha256");
  const { refit: _refit, everything: _everything, ...learned } = { refit: 0, everything: 0, ...numbers };
  hashValue(hash, learned);
  const { items, users } = ids.training;
  for (const vocabulary of [items, users]) {
    if (!vocabulary) continue;
    let chunk: string[] = [];
    for (const id of vocabulary) {
      if (chunk.push(id) < CHUNK_IDS) continue;
      hash.update(JSON.stringify(chunk));
      chunk = [];
    }
    hash.update(JSON.stringify(chunk));
  }
  return { kind: numbers.kind, items: items.size, sha256: hash.digest("hex") };
}

/** Hashes plain objects of numbers, with the names of what they hold. */
function hashValue(hash: Hash, value: unknown): void {
  if (ArrayBuffer.isView(value)) {
    hash.update(`${value.byteLength}:`);
    hash.update(new Uint8Array(value.buffer, value.byteOffset, value.byteLength));
  } else if (typeof value === "object" && value !== null) {
    for (const [name, part] of Object.entries(value)) {
      hash.update(`${name}=`);
      hashValue(hash, part);
    }
  } else hash.update(`${String(value)};`);
}
