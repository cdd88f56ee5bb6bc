// What a snapshot answers itself: the questions of the pages "network" and "edit", by the forward pass in JavaScript.

import { forward, normalize, softmax } from "./engine.js";
import { traceBack } from "./arithmetic.js";
import { fromBase64, unpack } from "./backend.js";

const LARGEST_SIDE = 64;
const MOST_MAPS = 256;
const PREVIEWED = 6;

/** Names of the questions. */
export const QUESTIONS = ["network/run", "network/maps", "network/map", "network/number", "edit/predict", "edit/attribution"];

/** A function (name, question) -> answer for a network as the exporter wrote it. */
export function answering(written) {
  const graph = { ...written.graph, weights: written.graph.weights.map((packed) => unpack(packed).data) };
  let last = { pixels: null };

  function run(pixels) {
    if (last.pixels !== pixels) {
      const image = normalize(fromBase64(pixels), written.network);
      last = { pixels, image, outputs: forward(graph, image) };
    }
    return last;
  }

  function predictions(logits) {
    const probabilities = softmax(logits);
    return probabilities
      .map((probability, k) => ({ class: k, name: written.network.classes[k], probability, logit: logits[k] }))
      .sort((a, b) => b.probability - a.probability);
  }

  function smallMaps(values, shape, most) {
    const [channels, height, width] = shape.length === 3 ? shape : [1, 1, values.length];
    const every = channels > 1 ? Math.ceil(Math.max(height, width) / LARGEST_SIDE) : 1;
    const sizes = Float32Array.from(values, Math.abs).sort();
    const largest = Math.max(sizes[Math.floor(0.999 * (sizes.length - 1))], 1e-12);
    const shown = [Math.min(most, channels), Math.ceil(height / every), Math.ceil(width / every)];
    const bytes = new Uint8ClampedArray(shown[0] * shown[1] * shown[2]);
    let to = 0;
    for (let c = 0; c < shown[0]; c++) {
      for (let y = 0; y < height; y += every) {
        for (let x = 0; x < width; x += every) bytes[to++] = (values[(c * height + y) * width + x] / largest) * 127.5 + 127.5;
      }
    }
    return { maps: { shape: shown, data: bytes }, largest, every, channels, shape: [channels, height, width] };
  }

  function box(step, index) {
    const side = written.network.size;
    if (!step.fields || index.length !== 3) return [0, 0, side - 1, side - 1];
    const ends = step.fields.map(({ offset, size, jump }, axis) => {
      const first = offset + index[axis + 1] * jump;
      return [Math.max(0, first), Math.min(side - 1, first + size - 1)];
    });
    return [ends[0][0], ends[1][0], ends[0][1], ends[1][1]];
  }

  /** How much the logit falls when a gray square covers each part of the image. */
  function occlusion(question) {
    const { image, outputs } = run(question.pixels);
    const side = written.network.size;
    const [square, every] = [Math.round(side / 4), Math.max(1, Math.round(side / 16))];
    const logit = outputs.at(-1)[question.class];
    const [sums, counts] = [new Float32Array(side * side), new Float32Array(side * side)];
    for (let top = 0; top <= side - square; top += every) {
      for (let left = 0; left <= side - square; left += every) {
        const covered = image.slice();
        const inside = [];
        for (let y = top; y < top + square; y++) {
          for (let x = left; x < left + square; x++) inside.push(y * side + x);
        }
        for (let c = 0; c < 3; c++) for (const i of inside) covered[c * side * side + i] = 0;
        const fall = logit - forward(graph, covered).at(-1)[question.class];
        for (const i of inside) {
          sums[i] += fall;
          counts[i] += 1;
        }
      }
    }
    return { shape: [side, side], data: sums.map((sum, i) => (counts[i] ? sum / counts[i] : 0)) };
  }

  const answers = {
    "network/run": ({ pixels }) => {
      const { outputs } = run(pixels);
      const stages = written.stages.map((stage) => {
        const step = graph.steps[stage.output];
        return { ...stage, preview: smallMaps(outputs[step.number], step.shape, PREVIEWED) };
      });
      return { network: written.network, facts: written.facts, steps: written.steps, stages, predictions: predictions(outputs.at(-1)) };
    },
    "network/maps": ({ pixels, step }) => ({ step, ...smallMaps(run(pixels).outputs[step], graph.steps[step].shape, MOST_MAPS) }),
    "network/map": ({ pixels, step, channel }) => {
      const { shape } = graph.steps[step];
      const values = run(pixels).outputs[step];
      if (shape.length !== 3) return { values: { shape: [1, values.length], data: values } };
      const area = shape[1] * shape[2];
      return { values: { shape: shape.slice(1), data: values.slice(channel * area, (channel + 1) * area) } };
    },
    "network/number": ({ pixels, step, index }) => {
      const { image, outputs } = run(pixels);
      const chosen = graph.steps[step];
      return { chain: traceBack(graph, image, outputs, step, index), box: box(chosen, index), everything: !chosen.fields };
    },
    "edit/predict": ({ pixels }) => ({ predictions: predictions(run(pixels).outputs.at(-1)) }),
    "edit/attribution": (question) => ({ values: occlusion(question), signed: true, residual: 0, steps: 0 }),
  };
  return (name, question) => answers[name](question);
}

/** Answer messages {id, name, question} in a worker. */
export function serveWorker(scope, written) {
  const answer = answering(written);
  scope.onmessage = ({ data: { id, name, question } }) => {
    try {
      scope.postMessage({ id, answer: answer(name, question) });
    } catch (error) {
      scope.postMessage({ id, error: String(error.message ?? error) });
    }
  };
}
