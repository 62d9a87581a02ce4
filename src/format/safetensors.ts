// The door of this folder for everyone who reads or writes model files. The container knows nothing about models: it carries
// texts and tensors and answers for their integrity. Runs in browsers, Workers and Node; saving to disk is `atomic-write.ts`.

export { decodeTensorFile } from "./reader.ts";
export type { Tensor, TensorData, TensorDtype, TensorFile } from "./tensor.ts";
export { encodeTensorFile } from "./writer.ts";
