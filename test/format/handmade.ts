// Builds tensor files from raw parts, good or bad, without the writer or the CRC under test.

/** One line of a handmade header: dtype, shape and data_offsets exactly as they shall stand in the file. */
export const entry = (dtype: string, shape: string, begin: number | string, end: number | string): string =>
  `{"dtype":"${dtype}","shape":${shape},"data_offsets":[${begin},${end}]}`;

export const bytesOf = (...numbers: number[]): Uint8Array => Uint8Array.from(numbers);
export const floats = (...numbers: number[]): Uint8Array => new Uint8Array(Float32Array.from(numbers).buffer);
export const concat = (...parts: Uint8Array[]): Uint8Array => {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
};

/** A file as given: header length (that of the header unless told otherwise), header, data. Nothing is checked or added. */
export function rawFile(
  header: string | Uint8Array,
  data: Uint8Array = new Uint8Array(0),
  headerLength?: bigint,
): Uint8Array {
  const text = typeof header === "string" ? new TextEncoder().encode(header) : header;
  const length = new Uint8Array(8);
  new DataView(length.buffer).setBigUint64(0, headerLength ?? BigInt(text.length), true);
  return concat(length, text, data);
}

/** A file with a correct checksum after `data`. `members` are header members, the checksum's own is added. */
export function sealedFile(members: string[], data: Uint8Array = new Uint8Array(0), padding = ""): Uint8Array {
  const checksum = `"checksum":${entry("U8", "[4]", data.length, data.length + 4)}`;
  return reseal(rawFile(`{${[...members, checksum].join(",")}}${padding}`, concat(data, new Uint8Array(4))));
}

/** Corrects the last four bytes of a file to the CRC-32 of the rest: what a deliberate attacker does. */
export function reseal(file: Uint8Array): Uint8Array {
  const sealed = file.slice();
  const covered = sealed.length - 4;
  new DataView(sealed.buffer).setUint32(covered, slowCrc32(sealed.subarray(0, covered)), true);
  return sealed;
}

/** CRC-32 bit by bit, straight from its definition. */
export function slowCrc32(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc >>> 0;
}

/** A small random generator (mulberry32): whole numbers from 0 up to, not including, `limit`. */
export function randomNumbers(seed: number): (limit: number) => number {
  let state = seed | 0;
  return (limit) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit;
  };
}
