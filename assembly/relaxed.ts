// The integer pass of exact top-K with relaxed SIMD, in a module of its own: src/wasm/relaxed.ts decides whether it may be used.
// It works in the memory of the module beside it, and has no data.

import { abiVersion } from "./inference";

export { scanCatalogue } from "./kernel/scan";
export { abiVersion };
