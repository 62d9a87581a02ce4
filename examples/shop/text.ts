// Plain text for a terminal: tables, bars and columns. No colours, so that it reads the same in a file.

/** Lays out rows as a table: the first row is the header, the first column is flush left, the others flush right. */
export function table(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  const lines = rows.map((row) =>
    row.map((cell, column) => (column === 0 ? cell.padEnd(widths[0]) : cell.padStart(widths[column]))).join("   "),
  );
  return [lines[0], "─".repeat(lines[0].length), ...lines.slice(1)];
}

/** Draws a share of 1 as a bar of at most `width` characters, to an eighth of one. */
export function bar(share: number, width: number): string {
  const eighths = Math.round(Math.min(1, Math.max(0, share)) * width * 8);
  return "█".repeat(eighths >> 3) + ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"][eighths & 7];
}

/** Puts two blocks of lines beside each other. */
export function beside(left: readonly string[], right: readonly string[]): string[] {
  const width = Math.max(...left.map((line) => line.length));
  const height = Math.max(left.length, right.length);
  return Array.from({ length: height }, (_, line) => {
    return `${(left[line] ?? "").padEnd(width)}   ${right[line] ?? ""}`.trimEnd();
  });
}

/** Writes a share of 1 as a percentage without decimals. */
export function percent(share: number): string {
  return `${(100 * share).toFixed(0)} %`;
}

/** Writes a whole number with commas between thousands. */
export function count(value: number): string {
  return value.toLocaleString("en");
}
