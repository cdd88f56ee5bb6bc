// The beginning of a snapshot: answers from its files, and the network in a worker.

import { start } from "../app.js";
import { useSnapshot } from "./backend.js";
import { QUESTIONS } from "./local.js";

/** Begin. The worker comes as text, because a page from the disk may not load a worker's file. */
export function startSnapshot(snapshot, workerText) {
  const worker = new Worker(URL.createObjectURL(new Blob([workerText], { type: "text/javascript" })));
  worker.questions = QUESTIONS;
  worker.postMessage({ network: snapshot.network });
  useSnapshot(snapshot.answers, worker);
  start(snapshot.texts, snapshot.language);
}
