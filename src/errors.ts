// Every error a caller can meet: one class per kind of cause, each with the exit code of the command line. `code` is stable
// and names the exact cause; the text says subject, what was got, what was expected, and what to do next.

/** The base of all errors that attune raises on purpose. */
export abstract class AttuneError extends Error {
  /** Exit code of the `attune` command for this kind of error. */
  abstract readonly exitCode: number;
  /** Name of the class, written out: who bundles the edge entry may let a minifier rename the class itself. */
  abstract override readonly name: string;
  /** @param code stable name of the cause, such as `DATA_COLUMN_MISSING` */
  constructor(
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

/** An option, setting, preset or argument is unknown or out of range. */
export class UsageError extends AttuneError {
  readonly name = "UsageError";
  readonly exitCode = 2;
}

/** Data is missing, unreadable or not what it has to be. */
export class DataError extends AttuneError {
  readonly name = "DataError";
  readonly exitCode = 3;
}

/** A model file is missing, damaged, foreign, or does not fit the request. */
export class ModelError extends AttuneError {
  readonly name = "ModelError";
  readonly exitCode = 4;
}

/** A result could not be written: missing folder, no permission, full disk. */
export class OutputError extends AttuneError {
  readonly name = "OutputError";
  readonly exitCode = 1;
}

/** Training cannot go on: the loss is not finite, or there is nothing to learn from. */
export class TrainingError extends AttuneError {
  readonly name = "TrainingError";
  readonly exitCode = 1;
}

/** The work does not fit: 4 GiB of WebAssembly memory, or a runtime without SIMD. */
export class CapacityError extends AttuneError {
  readonly name = "CapacityError";
  readonly exitCode = 1;
}

/** A fault of attune itself, such as a trap inside a kernel. */
export class InternalError extends AttuneError {
  readonly name = "InternalError";
  readonly exitCode = 1;
}
