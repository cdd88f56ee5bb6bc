// Questions to the server; in a snapshot, to the files and to the worker that came with it.

let page = "";
let local = null;
let waiting = new Map();
let count = 0;

/** A page is opened: its questions replace each other, and not those of the page before, which may still wait. */
export function beginPage() {
  page = Math.random().toString(36).slice(2);
}

/** Use a snapshot: answers that were written with it, and a worker that runs its network. */
export function useSnapshot(answers, worker) {
  local = { answers, worker };
  worker.onmessage = ({ data }) => {
    const { resolve, reject } = waiting.get(data.id);
    waiting.delete(data.id);
    if (data.error) reject(new Error(data.error));
    else resolve(data.answer);
  };
}

/** Whether a question can be answered: a snapshot lacks what needs Python. */
export function canAsk(name) {
  return local === null || name in local.answers || local.worker.questions.includes(name);
}

/** Whether this is a snapshot. */
export function isSnapshot() {
  return local !== null;
}

/** Ask, and return the answer with its arrays as typed arrays. Null: a newer question has taken its place. */
export async function ask(name, question = {}) {
  if (local !== null) return askLocal(name, question);
  const response = await fetch(`/api/${name}`, {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-Page": page },
    body: JSON.stringify(question),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(text.startsWith("{") ? JSON.parse(text).error : text);
  const answer = JSON.parse(text);
  return answer.superseded ? null : unpack(answer);
}

function askLocal(name, question) {
  if (name in local.answers) return Promise.resolve(unpack(local.answers[name]));
  return new Promise((resolve, reject) => {
    const id = count++;
    waiting.set(id, { resolve, reject });
    local.worker.postMessage({ id, name, question });
  });
}

/** Turn packed arrays into {shape, data}. */
export function unpack(value) {
  if (Array.isArray(value)) return value.map(unpack);
  if (value === null || typeof value !== "object") return value;
  if (typeof value.base64 === "string") {
    const bytes = fromBase64(value.base64);
    return { shape: value.shape, data: value.type === "uint8" ? bytes : new Float32Array(bytes.buffer) };
  }
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, unpack(each)]));
}

/** Bytes of base64. */
export function fromBase64(text) {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}

/** Base64 of bytes. */
export function toBase64(bytes) {
  let text = "";
  for (let start = 0; start < bytes.length; start += 0x8000) {
    text += String.fromCharCode(...bytes.subarray(start, start + 0x8000));
  }
  return btoa(text);
}
