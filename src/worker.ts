// What a worker thread of attune runs: it leads a training, or helps with kernels.

import { parentPort, workerData } from "node:worker_threads";
import { lead } from "./train/leader.ts";
import type { HelperOrder, LeaderOrder } from "./train/messages.ts";
import { instantiateBeside } from "./wasm/engine.ts";
import { help } from "./wasm/team.ts";

const order = workerData as LeaderOrder | HelperOrder;
if (order.role === "leader") await lead(order, (note) => parentPort!.postMessage(note));
else help(order.board, order.patience, instantiateBeside(order.module, order.memory));
