// A forward pass in JavaScript, written to be read: each layer is one function of (step, inputs, weights).
// Feature maps are Float32Array in the order (channel, row, column), as in PyTorch.
// The exporter writes the steps of a recorded forward pass; a layer that is not in LAYERS is refused there.

/** Run a network. graph: {steps, weights}; image: Float32Array (C, H, W). Returns the output of every step. */
export function forward(graph, image) {
  const outputs = [];
  const output = (number) => (number < 0 ? image : outputs[number]);
  const shape = (number) => (number < 0 ? graph.input : graph.steps[number].shape);
  for (const step of graph.steps) {
    const inputs = step.inputs.map((number) => ({ values: output(number), shape: shape(number) }));
    outputs.push(LAYERS[step.operation](step, inputs, graph.weights));
  }
  return outputs;
}

function size(shape) {
  return shape.reduce((product, n) => product * n, 1);
}

/** Convolution: for every weight, the input is multiplied, shifted and added to the output; rows stay in the cache. */
function convolution(step, [{ values, shape }], weights) {
  const [channels, height, width] = shape;
  const [outputs, rows, columns] = step.shape;
  const { kernel, stride, padding, dilation, groups } = step.settings;
  const weight = weights[step.weights.weight];
  const bias = weights[step.weights.bias];
  const result = new Float32Array(size(step.shape));
  const perGroup = channels / groups;
  const [high, wide] = kernel;
  for (let o = 0; o < outputs; o++) {
    const map = result.subarray(o * rows * columns, (o + 1) * rows * columns);
    if (bias) map.fill(bias[o]);
    const first = Math.floor(o / (outputs / groups)) * perGroup;
    for (let c = 0; c < perGroup; c++) {
      const input = values.subarray((first + c) * height * width, (first + c + 1) * height * width);
      for (let i = 0; i < high; i++) {
        for (let j = 0; j < wide; j++) {
          const w = weight[((o * perGroup + c) * high + i) * wide + j];
          if (w === 0) continue;
          const right = j * dilation[1] - padding[1];
          const start = Math.max(0, Math.ceil(-right / stride[1]));
          const end = Math.min(columns, Math.floor((width - 1 - right) / stride[1]) + 1);
          for (let y = 0; y < rows; y++) {
            const row = y * stride[0] - padding[0] + i * dilation[0];
            if (row < 0 || row >= height) continue;
            let from = row * width + right + start * stride[1];
            const to = y * columns;
            for (let x = start; x < end; x++, from += stride[1]) map[to + x] += w * input[from];
          }
        }
      }
    }
  }
  return result;
}

function linear(step, [{ values }], weights) {
  const weight = weights[step.weights.weight]; // (outputs, inputs)
  const bias = weights[step.weights.bias];
  const result = new Float32Array(step.shape[0]);
  for (let o = 0; o < result.length; o++) {
    let sum = bias ? bias[o] : 0;
    for (let i = 0; i < values.length; i++) sum += weight[o * values.length + i] * values[i];
    result[o] = sum;
  }
  return result;
}

/** Batch normalization with the statistics of the training. */
function batchNorm(step, [{ values }], weights) {
  const { mean, variance, weight, bias } = namedWeights(step, weights);
  const area = size(step.shape.slice(1));
  const result = new Float32Array(values.length);
  for (let c = 0; c < step.shape[0]; c++) {
    const scale = (weight ? weight[c] : 1) / Math.sqrt(variance[c] + step.settings.epsilon);
    const shift = (bias ? bias[c] : 0) - mean[c] * scale;
    for (let i = c * area; i < (c + 1) * area; i++) result[i] = values[i] * scale + shift;
  }
  return result;
}

function namedWeights(step, weights) {
  return Object.fromEntries(Object.entries(step.weights).map(([name, number]) => [name, weights[number]]));
}

const FUNCTIONS = {
  relu: (x) => (x > 0 ? x : 0),
  gelu: (x) => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3))),
  tanh: Math.tanh,
  sigmoid: (x) => 1 / (1 + Math.exp(-x)),
};

function activation(step, [{ values }]) {
  return values.map(FUNCTIONS[step.operation]);
}

function maxPool(step, [{ values, shape }]) {
  const result = new Float32Array(size(step.shape));
  eachWindow(step, shape, (to, channel, rows, columns) => {
    let greatest = -Infinity;
    for (let y = rows[0]; y < rows[1]; y++) {
      for (let x = columns[0]; x < columns[1]; x++) {
        greatest = Math.max(greatest, values[(channel * shape[1] + y) * shape[2] + x]);
      }
    }
    result[to] = greatest;
  });
  return result;
}

function averagePool(step, [{ values, shape }]) {
  const result = new Float32Array(size(step.shape));
  eachWindow(step, shape, (to, channel, rows, columns) => {
    let sum = 0;
    for (let y = rows[0]; y < rows[1]; y++) {
      for (let x = columns[0]; x < columns[1]; x++) sum += values[(channel * shape[1] + y) * shape[2] + x];
    }
    result[to] = sum / ((rows[1] - rows[0]) * (columns[1] - columns[0]));
  });
  return result;
}

/** Call f(index of the output, channel, [top, bottom), [left, right)) for every window of a pooling. */
function eachWindow(step, shape, f) {
  const [rows, columns] = [step.shape[1] ?? 1, step.shape[2] ?? 1];
  let to = 0;
  for (let c = 0; c < step.shape[0]; c++) {
    for (let y = 0; y < rows; y++) {
      for (let x = 0; x < columns; x++) {
        const [top, left, bottom, right] = poolWindow(step, shape, y, x);
        f(to++, c, [Math.max(0, top), Math.min(shape[1], bottom)], [Math.max(0, left), Math.min(shape[2], right)]);
      }
    }
  }
}

/** Top, left, bottom and right of a pooling's window; it may reach beyond the map. A global pooling takes all of it. */
export function poolWindow(step, shape, row, column) {
  const { kernel, stride, padding } = step.settings;
  if (!kernel) return [0, 0, shape[1], shape[2]];
  const [top, left] = [row * stride[0] - padding[0], column * stride[1] - padding[1]];
  return [top, left, top + kernel[0], left + kernel[1]];
}

const add = (_, [a, b]) => a.values.map((value, i) => value + b.values[i]);
const scale = (step, [{ values }]) => values.map((value) => value * step.settings.factor);
const reshape = (_, [{ values }]) => values;

/** Every layer that the forward pass knows, by the name of PyTorch's operation. */
export const LAYERS = {
  convolution, addmm: linear, mm: linear, native_batch_norm: batchNorm, relu: activation, gelu: activation,
  tanh: activation, sigmoid: activation, max_pool2d_with_indices: maxPool, adaptive_max_pool2d: maxPool,
  avg_pool2d: averagePool, _adaptive_avg_pool2d: averagePool, mean: averagePool, add, mul: scale, view: reshape,
};

/** Probabilities of logits. */
export function softmax(logits) {
  const greatest = Math.max(...logits);
  const exponents = Array.from(logits, (z) => Math.exp(z - greatest));
  const sum = exponents.reduce((a, b) => a + b, 0);
  return exponents.map((e) => e / sum);
}

/** The normalized input of a network, (3, S, S), for pixels (S, S, 3). */
export function normalize(pixels, { size: side, mean, std }) {
  const image = new Float32Array(3 * side * side);
  for (let c = 0; c < 3; c++) {
    for (let i = 0; i < side * side; i++) {
      image[c * side * side + i] = (pixels[3 * i + c] / 255 - mean[c]) / std[c];
    }
  }
  return image;
}
