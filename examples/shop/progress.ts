// How far training is, on standard error: one line that renews itself on a terminal, a line every five epochs elsewhere.

import type { Progress } from "../../src/index.ts";

/** A line of progress. */
export interface ProgressLine {
  /** Shows where training stands; to be given as `onProgress`. */
  show(progress: Progress): void;
  /** Clears the line of a terminal. */
  clear(): void;
}

/** Makes a line of progress. */
export function progressLine(stream: NodeJS.WriteStream = process.stderr): ProgressLine {
  let best = "";
  return {
    show({ epoch, users, usersTotal, loss, seconds, interactionsPerSecond, closed }) {
      if (closed?.validation && closed.best)
        best = `, best validation NDCG@10 ${closed.validation["ndcg@10"].toFixed(3)}`;
      const done = Math.floor((100 * users) / usersTotal);
      const speed = Math.round(interactionsPerSecond / 1000);
      const text =
        `training: epoch ${epoch}, ${done} %, loss ${loss.toFixed(2)}${best}, ` +
        `${speed},000 events/s, ${seconds.toFixed(0)} s`;
      if (stream.isTTY) stream.write(`\r\x1b[K${text}`);
      else if (closed && epoch % 5 === 0) stream.write(`${text}\n`);
    },
    clear() {
      if (stream.isTTY) stream.write("\r\x1b[K");
    },
  };
}
