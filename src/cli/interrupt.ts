// Ctrl-C and kill, as an abort signal with the exit code that belongs to it.

const EXIT_CODES = { SIGINT: 130, SIGTERM: 143 } as const;

/** The run was stopped from outside. */
export class Interrupted extends Error {
  /** @param outcome what is left of the work */
  constructor(
    readonly signal: keyof typeof EXIT_CODES,
    outcome = "nothing was written.",
  ) {
    super(`stopped by ${signal}; ${outcome}`);
  }

  get exitCode(): number {
    return EXIT_CODES[this.signal];
  }
}

/**
 * Runs work with a signal that Ctrl-C and kill abort. A second one ends the process at once.
 *
 * The first does not wait for the work to notice: reading a log, or waiting for standard input, never asks the signal. So
 * whoever catches `Interrupted` has to end the process, and must not count on what the work does when it ends; unless the work
 * says that it will end by itself.
 * @param endsItself asked when a signal comes: whether the work notices, and has something to put away first
 * @throws Interrupted
 */
export async function interruptible<T>(
  work: (signal: AbortSignal) => Promise<T>,
  endsItself: () => boolean = () => false,
): Promise<T> {
  const controller = new AbortController();
  const aborted = new Promise<never>((_, reject) => {
    controller.signal.addEventListener("abort", () => {
      if (!endsItself()) reject(controller.signal.reason);
    });
  });
  const handlers = Object.keys(EXIT_CODES).map((name) => {
    const signal = name as keyof typeof EXIT_CODES;
    const handler = () => {
      if (controller.signal.aborted) process.exit(EXIT_CODES[signal]);
      controller.abort(new Interrupted(signal));
    };
    process.on(signal, handler);
    return { signal, handler };
  });
  try {
    return await Promise.race([work(controller.signal), aborted]);
  } finally {
    for (const { signal, handler } of handlers) process.off(signal, handler);
  }
}
